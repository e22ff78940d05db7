import { describe, expect, it } from "vitest";
import { changes } from "./changes";

describe("changes", () => {
  it.each([
    ["nothing", { a: 1, b: [1] }, { a: 1, b: [1] }, {}],
    ["one field", { a: 1, b: 2 }, { a: 1, b: 3 }, { b: 3 }],
    ["a list", { a: [1, 2] }, { a: [2, 1] }, { a: [2, 1] }],
    ["to nothing", { a: "x" }, { a: "" }, { a: "" }],
  ])("%s", (_, base, draft, want) => {
    expect(changes(base, draft)).toEqual(want);
  });
});
