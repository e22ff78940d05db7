import { describe, expect, test } from "vitest";
import { keep, leaveOut, setTick, shownAs } from "./choice";

const proposal = { numbers: [{ number: "416", from: "a", before: ["desk"], ticks: ["desk", "dect"] }] };

describe("what is to be different from a proposal", () => {
  test("another account stays, and ticks are proposed anew", () => {
    expect(keep({ ticks: { "416": [] }, without: ["x"] }, "b")).toEqual({ kept: "b", without: ["x"], ticks: undefined });
  });
  test("an account is left out and takes part again", () => {
    const out = leaveOut({}, "x", true);
    expect(out.without).toEqual(["x"]);
    expect(leaveOut(out, "x", true).without).toEqual(["x"]);
    expect(leaveOut(out, "x", false).without).toBeUndefined();
  });
  test("what was chosen shows at once", () => {
    const account = { user_id: "1", username: "x", first_name: "", last_name: "", email: "", numbers: [], reasons: [], left_out: false };
    const p = shownAs({ ...proposal, kept: "a", accounts: [account] }, { kept: "b", without: ["x"], ticks: { "416": [] } });
    expect([p.kept, p.accounts[0]?.left_out, p.numbers[0]?.ticks]).toEqual(["b", true, []]);
    expect(shownAs({ ...proposal, kept: "a", accounts: [account] }, {}).numbers).toEqual(proposal.numbers);
  });
  test("ticks go on from what is shown", () => {
    expect(setTick({}, proposal, "416", "dect", false).ticks).toEqual({ "416": ["desk"] });
    expect(setTick({ ticks: { "4161": [] } }, proposal, "416", "mobile", true).ticks).toEqual({
      "4161": [],
      "416": ["desk", "dect", "mobile"],
    });
    expect(setTick({}, proposal, "999", "desk", true).ticks).toEqual({ "999": ["desk"] });
  });
});
