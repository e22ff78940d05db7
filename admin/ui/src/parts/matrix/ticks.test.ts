import { describe, expect, it } from "vitest";
import {
  cell,
  columnsMoved,
  dirty,
  inRange,
  type MatrixAction,
  type MatrixState,
  matrix,
  moved,
  reordered,
  rowsMoved,
  start,
  toTicks,
} from "./ticks";

const rows = ["416", "4161", "4162"];
const columns = ["a", "b", "c"];
const fresh = () => start(rows, columns, { "416": ["a", "b"], "4161": ["a"], "4162": [] });
const played = (...actions: MatrixAction[]) => actions.reduce(matrix, fresh());
const at = (row: number, column: number) => ({ row, column });
const server = (ticks: Record<string, string[]>): MatrixAction => ({ do: "server", rows, columns, ticks });

describe("ticking", () => {
  it.each<[string, MatrixAction[], Record<string, string[]>]>([
    ["one on", [{ do: "tick", at: at(2, 1) }], { "416": ["a", "b"], "4161": ["a"], "4162": ["b"] }],
    ["one off", [{ do: "tick", at: at(0, 0) }], { "416": ["b"], "4161": ["a"], "4162": [] }],
    [
      "twice is nothing",
      [
        { do: "tick", at: at(0, 2) },
        { do: "tick", at: at(0, 2) },
      ],
      { "416": ["a", "b"], "4161": ["a"], "4162": [] },
    ],
    [
      "a range takes what its beginning has",
      [
        { do: "tick", at: at(2, 2) },
        { do: "range", to: at(1, 1) },
      ],
      { "416": ["a", "b"], "4161": ["a", "b", "c"], "4162": ["b", "c"] },
    ],
    [
      "a range of nothing clears",
      [
        { do: "tick", at: at(0, 0) },
        { do: "range", to: at(1, 1) },
      ],
      { "416": [], "4161": [], "4162": [] },
    ],
    ["a whole row", [{ do: "row", row: 0 }], { "416": ["a", "b", "c"], "4161": ["a"], "4162": [] }],
    [
      "a whole row off",
      [
        { do: "row", row: 0 },
        { do: "row", row: 0 },
      ],
      { "416": [], "4161": ["a"], "4162": [] },
    ],
    ["a whole column", [{ do: "column", column: 1 }], { "416": ["a", "b"], "4161": ["a", "b"], "4162": ["b"] }],
    [
      "a range by keys",
      [{ do: "move", to: at(1, 1) }, { do: "move", to: at(2, 2), extend: true }, { do: "toggleRange" }],
      { "416": ["a", "b"], "4161": ["a", "b", "c"], "4162": ["b", "c"] },
    ],
    ["outside is nowhere", [{ do: "tick", at: at(7, 7) }], { "416": ["a", "b"], "4161": ["a"], "4162": [] }],
  ])("%s", (_, actions, want) => {
    expect(toTicks(played(...actions))).toEqual(want);
  });

  it("is clean when it comes back to where it was", () => {
    expect(dirty(played({ do: "tick", at: at(0, 2) }))).toBe(true);
    expect(dirty(played({ do: "tick", at: at(0, 2) }, { do: "tick", at: at(0, 2) }))).toBe(false);
    expect(dirty(played({ do: "tick", at: at(0, 2) }, { do: "reset" }))).toBe(false);
  });
});

describe("moving", () => {
  it.each([
    ["not over the edge", at(9, 9), at(2, 2)],
    ["to the head of a row", at(1, -1), at(1, -1)],
    ["to the head of a column", at(-1, 2), at(-1, 2)],
    ["not into the corner", at(-1, -1), at(0, -1)],
    ["not behind the heads", at(-5, 1), at(-1, 1)],
  ])("%s", (_, to, want) => {
    expect(played({ do: "move", to }).at).toEqual(want);
  });

  it("marks a range while it is extended, and forgets it then", () => {
    const s = played({ do: "move", to: at(0, 1) }, { do: "move", to: at(1, 2), extend: true });
    expect(inRange(s, at(1, 1))).toBe(true);
    expect(inRange(s, at(1, 0))).toBe(false);
    expect(inRange(matrix(s, { do: "move", to: at(2, 2) }), at(1, 1))).toBe(false);
  });
});

describe("when somebody else changes the matrix", () => {
  const theirs = { "416": ["a"], "4161": ["a"], "4162": ["c"] };
  const mine: MatrixAction = { do: "tick", at: at(2, 1) };

  it("follows without a word while nothing is edited", () => {
    const s = played(server(theirs));
    expect(toTicks(s)).toEqual(theirs);
    expect(moved(s)).toBe(false);
  });

  it("keeps both sides", () => {
    const s = played(mine, server(theirs));
    expect(moved(s)).toBe(true);
    expect(s.theirs).toEqual({ [cell("416", "b")]: true, [cell("4162", "c")]: false });
    expect(toTicks(s)).toEqual({ "416": ["a"], "4161": ["a"], "4162": ["b", "c"] });
  });

  it.each<[string, "mine" | "theirs" | "both", Record<string, string[]>]>([
    ["mine", "mine", { "416": ["a", "b"], "4161": ["a"], "4162": ["b"] }],
    ["theirs", "theirs", theirs],
    ["both", "both", { "416": ["a"], "4161": ["a"], "4162": ["b", "c"] }],
  ])("lets choose %s", (_, side, want) => {
    const s = played(mine, server(theirs), { do: "choose", side });
    expect(toTicks(s)).toEqual(want);
    expect(moved(s)).toBe(false);
  });

  it("has nothing left to save when both wished the same", () => {
    expect(dirty(played(mine, server({ "416": ["a", "b"], "4161": ["a"], "4162": ["b"] })))).toBe(false);
  });

  it("forgets what they have taken back", () => {
    const s = played(mine, server(theirs), server({ "416": ["a", "b"], "4161": ["a"], "4162": [] }));
    expect(moved(s)).toBe(false);
    expect(toTicks(s)["4162"]).toEqual(["b"]);
  });

  it("takes edits along with rows that have gone, and brings new ones", () => {
    let s: MatrixState = played(mine, { do: "tick", at: at(0, 2) });
    s = matrix(s, { do: "server", rows: ["416", "999"], columns, ticks: { "416": ["a", "b"], "999": ["c"] } });
    expect(toTicks(s)).toEqual({ "416": ["a", "b", "c"], "999": ["c"] });
    expect(dirty(s)).toBe(true);
  });
});

describe("order", () => {
  const up: MatrixAction = { do: "moveRow", from: 2, to: 0 };
  const again = (rows: string[], cols = columns): MatrixAction => ({
    do: "server",
    rows,
    columns: cols,
    ticks: { "416": ["a", "b"], "4161": ["a"], "4162": [] },
  });

  it("moves a row with its ticks, and the cursor with it", () => {
    const s = played(up);
    expect(s.rows).toEqual(["4162", "416", "4161"]);
    expect(s.at).toEqual(at(0, -1));
    expect(toTicks(s)).toEqual(toTicks(fresh()));
    expect([dirty(s), rowsMoved(s), columnsMoved(s)]).toEqual([true, true, false]);
  });

  it.each<[string, MatrixAction]>([
    ["the last row down", { do: "moveRow", from: 2, to: 3 }],
    ["the first column left", { do: "moveColumn", from: 0, to: -1 }],
    ["a row to where it is", { do: "moveRow", from: 1, to: 1 }],
  ])("does not move %s", (_, action) => {
    expect(dirty(played(action))).toBe(false);
  });

  it("is clean when it comes back, is reset or is saved", () => {
    expect(dirty(played(up, { do: "moveRow", from: 0, to: 2 }))).toBe(false);
    expect(played(up, { do: "reset" }).rows).toEqual(rows);
    const saved = played(up, { do: "saved", ticks: toTicks(fresh()) });
    expect(dirty(saved)).toBe(false);
    expect(saved.rows).toEqual(["4162", "416", "4161"]);
  });

  it("ticks what stands there after a move", () => {
    expect(toTicks(played(up, { do: "tick", at: at(0, 0) }))["4162"]).toEqual(["a"]);
  });

  it("stays over new and gone rows, which are no conflict", () => {
    const s = played(up, again(["416", "4162", "999"]));
    expect(s.rows).toEqual(["4162", "416", "999"]);
    expect(moved(s)).toBe(false);
  });

  it("asks when somebody else has another order in mind", () => {
    const s = played(up, again(["4161", "416", "4162"]));
    expect(moved(s)).toBe(true);
    expect(s.rows).toEqual(["4162", "416", "4161"]);
    expect(matrix(s, { do: "choose", side: "theirs" }).rows).toEqual(["4161", "416", "4162"]);
    const mine = matrix(s, { do: "choose", side: "both" });
    expect([mine.rows[0], moved(mine), reordered(mine)]).toEqual(["4162", false, true]);
  });

  it("follows an order of somebody else while nothing is moved here", () => {
    const s = played({ do: "tick", at: at(2, 1) }, again(rows, ["c", "b", "a"]));
    expect(s.columns).toEqual(["c", "b", "a"]);
    expect(moved(s)).toBe(false);
  });

  it("has nothing left to save when both wished the same", () => {
    expect(dirty(played(up, again(["4162", "416", "4161"])))).toBe(false);
  });
});
