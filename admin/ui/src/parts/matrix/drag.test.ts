import { describe, expect, it } from "vitest";
import { target } from "./drag";

describe("where a head would lie", () => {
  const centres = [10, 30, 50, 70];
  it.each([
    ["stays while it is over itself", 30, 1, 1],
    ["stays until it is over the middle of the next", 49, 1, 1],
    ["goes behind the next", 51, 1, 2],
    ["goes before the one above", 9, 1, 0],
    ["goes to the end", 500, 0, 3],
    ["goes to the beginning", -20, 3, 0],
  ])("%s", (_, point, from, want) => {
    expect(target(centres, point, from)).toBe(want);
  });
});
