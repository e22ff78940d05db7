import { describe, expect, it } from "vitest";
import { draw } from "./ladder";

const step = (at: string, direction: "in" | "out", remote: string, summary: string) => ({
  at: `2026-11-27T10:00:${at}Z`,
  direction,
  remote,
  summary,
  local: "127.0.0.1:5060",
  transport: "UDP",
  text: "",
});

describe("draw", () => {
  it("gives each peer a column in order of appearance", () => {
    const d = draw([
      step("00.000", "in", "10.0.0.1:5060", "INVITE"),
      step("00.250", "out", "10.0.0.2:5060", "INVITE"),
      step("01.500", "in", "10.0.0.2:5060", "180 Ringing"),
      step("01.500", "out", "10.0.0.1:5060", "180 Ringing"),
    ]);
    expect(d.peers).toEqual(["10.0.0.1:5060", "10.0.0.2:5060"]);
    expect(d.arrows.map((a) => [a.from, a.to, a.after])).toEqual([
      [1, 0, 0],
      [0, 2, 0.25],
      [2, 0, 1.5],
      [0, 1, 1.5],
    ]);
  });
  it("draws nothing for nothing", () => expect(draw([])).toEqual({ peers: [], arrows: [] }));
});
