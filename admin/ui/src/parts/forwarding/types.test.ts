import { describe, expect, it } from "vitest";
import { actionOf, type CaseRule, moved, withRule } from "./types";

const rule = (c: CaseRule["case"], cl: CaseRule["class"], number: string): CaseRule => ({
  case: c,
  class: cl,
  action: { kind: "number", number },
});

describe("withRule", () => {
  const table = [rule("always", "inside", "1"), rule("busy", "outside", "2")];
  it("puts one in", () => expect(withRule(table, "busy", "inside", rule("busy", "inside", "3"))).toHaveLength(3));
  it("replaces in place", () =>
    expect(withRule(table, "always", "inside", rule("always", "inside", "9")).map((r) => r.action.number)).toEqual(["9", "2"]));
  it("takes one out", () => expect(withRule(table, "always", "inside", undefined)).toEqual([table[1]]));
  it("takes nothing out of nothing", () => expect(withRule(table, "always", "outside", undefined)).toEqual(table));
});

it.each([
  [0, 2, ["b", "c", "a"]],
  [2, 0, ["c", "a", "b"]],
  [1, 3, ["a", "b", "c"]],
  [0, -1, ["a", "b", "c"]],
])("moved %i to %i", (from, to, want) => expect(moved(["a", "b", "c"], from, to)).toEqual(want));

it.each([
  ["number", { kind: "number", number: "" }],
  ["parallel", { kind: "parallel", numbers: [] }],
  ["reject", { kind: "reject" }],
] as const)("actionOf %s", (kind, want) => expect(actionOf(kind)).toEqual(want));
