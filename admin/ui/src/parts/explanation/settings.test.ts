import { describe, expect, it } from "vitest";
import { adminPlace, type Reason, slotsOf } from "./settings";

const reason = (code: string, more: Partial<Reason> = {}): Reason => ({ code, de: "", en: "", ...more });

describe("adminPlace", () => {
  it.each<[string, Reason, string | undefined]>([
    ["no setting", reason("all_busy"), undefined],
    ["matrix", reason("row", { setting: { type: "matrix", id: "armin.artmann", field: "416" } }), "/users/armin.artmann#matrix"],
    ["a name with a slash", reason("slot_user_dnd", { setting: { type: "user", id: "a/b", field: "dnd" } }), "/users/a%2Fb#dnd"],
    ["number", reason("busy_on_any", { setting: { type: "number", id: "416", field: "busy_on_any" } }), "/numbers/416#busy_on_any"],
    [
      "profile of a number",
      reason("rule_forward", { number: "416", setting: { type: "profile", id: "P1", field: "table[2]" } }),
      "/numbers/416/profiles/P1#table%5B2%5D",
    ],
    ["profile of nobody", reason("rule_forward", { setting: { type: "profile", id: "P1", field: "" } }), undefined],
    ["code", reason("code", { setting: { type: "code", id: "forward_to", field: "code" } }), "/codes/forward_to"],
    ["what is not known", reason("x", { setting: { type: "planet", id: "1", field: "" } }), undefined],
  ])("%s", (_, r, want) => {
    expect(adminPlace(r)).toBe(want);
  });
});

describe("slotsOf", () => {
  it("gathers by slot and leaves the caller out", () => {
    const got = slotsOf([
      reason("caller_default", { slot_id: "A" }),
      reason("slot_in_call", { slot_id: "B" }),
      reason("slot_rings", { slot_id: "C" }),
      reason("mobile_no_trunk", { slot_id: "B" }),
    ]);
    expect(got.map((s) => [s.slotID, s.rings, s.reasons.length])).toEqual([
      ["B", false, 2],
      ["C", true, 1],
    ]);
  });
});
