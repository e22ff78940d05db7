import { describe, expect, it } from "vitest";
import { bulkTicks, type Which } from "./bulkTicks";

const users = [
  {
    numbers: ["416", "4161"],
    slots: [
      { id: "a", type: "desk" },
      { id: "b", type: "dect" },
      { id: "c", type: "desk" },
    ],
  },
  { numbers: ["417"], slots: [{ id: "d", type: "dect" }] },
  { numbers: [], slots: [{ id: "e", type: "desk" }] },
];

describe("bulkTicks", () => {
  it.each<[string, Which, string, Record<string, string[]>]>([
    ["first number", "first", "desk", { "416": ["a", "c"] }],
    ["all numbers", "all", "desk", { "416": ["a", "c"], "4161": ["a", "c"] }],
    ["of more users", "first", "dect", { "416": ["b"], "417": ["d"] }],
    ["nobody has one", "all", "mobile", {}],
  ])("%s", (_, which, type, want) => {
    expect(bulkTicks(users, which, type)).toEqual(want);
  });
});
