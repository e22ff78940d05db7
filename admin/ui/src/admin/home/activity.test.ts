import { describe, expect, it } from "vitest";
import { merged, type Step, scale } from "./activity";

const step = (i: number): Step => ({ at: `2026-11-27T00:${String(i).padStart(2, "0")}:00Z`, answered: 1, missed: i, failed: 0 });

describe("merged", () => {
  it("leaves few as they are", () => expect(merged([step(0), step(1)], 4)).toEqual([step(0), step(1)]));
  it("puts two together, the odd one first", () => {
    expect(merged([step(0), step(1), step(2)], 2)).toEqual([step(0), { ...step(1), answered: 2, missed: 3 }]);
  });
  it("loses no call", () => {
    const all = Array.from({ length: 96 }, (_, i) => step(i));
    expect(merged(all, 25).reduce((s, x) => s + x.answered, 0)).toBe(96);
    expect(merged(all, 25).length).toBeLessThanOrEqual(25);
  });
});

describe("scale", () => {
  it.each([
    [0, [0, 1]],
    [1, [0, 1]],
    [3, [0, 1, 2, 3]],
    [4, [0, 1, 2, 3, 4]],
    [7, [0, 2, 4, 6, 8]],
    [18, [0, 5, 10, 15, 20]],
    [1000, [0, 500, 1000]],
  ])("%d", (max, want) => expect(scale(max)).toEqual(want));
});
