import { describe, expect, it } from "vitest";
import { differences } from "./diff";

describe("differences", () => {
  it.each<[string, unknown, unknown, unknown]>([
    ["nothing", { a: 1, version: 1 }, { a: 1, version: 2 }, []],
    ["a field", { a: 1, b: "x" }, { a: 1, b: "y" }, [{ path: ["b"], before: "x", after: "y" }]],
    ["made", undefined, { name: "n", email: "", list: [] }, [{ path: ["name"], before: undefined, after: "n" }]],
    [
      "removed",
      { name: "n", dnd: false },
      undefined,
      [
        { path: ["name"], before: "n", after: undefined },
        { path: ["dnd"], before: false, after: undefined },
      ],
    ],
    ["inside", { m: { "416": ["a"] } }, { m: { "416": ["a", "b"] } }, [{ path: ["m", "416"], before: ["a"], after: ["a", "b"] }]],
    [
      "a thing in a list, wherever it stands",
      {
        slots: [
          { id: "1", name: "desk", dnd: false },
          { id: "2", name: "dect", dnd: false },
        ],
      },
      {
        slots: [
          { id: "2", name: "dect", dnd: false },
          { id: "1", name: "desk", dnd: true },
        ],
      },
      [{ path: ["slots", "desk", "dnd"], before: false, after: true }],
    ],
    ["null and empty are the same", { a: null }, { a: "" }, []],
  ])("%s", (_, before, after, want) => {
    expect(differences(before, after)).toEqual(want);
  });
});
