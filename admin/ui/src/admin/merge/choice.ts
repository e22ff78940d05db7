import type { Schemas } from "../../api/client";

export type Choice = Pick<Schemas["Choice"], "kept" | "without" | "ticks">;
type Proposal = Pick<Schemas["Proposal"], "numbers">;

/** Another account stays. Ticks are proposed anew, since other columns come first. */
export function keep(c: Choice, name: string): Choice {
  return { ...c, kept: name, ticks: undefined };
}

/** An account is left as it is, or takes part again. Its numbers and slots come or go, so ticks are proposed anew. */
export function leaveOut(c: Choice, name: string, left: boolean): Choice {
  const without = (c.without ?? []).filter((n) => n !== name);
  if (left) without.push(name);
  return { ...c, without: without.length > 0 ? without : undefined, ticks: undefined };
}

/** One tick of the matrix then. A row that comes out as proposed is no choice, unless others are. */
export function setTick(c: Choice, p: Proposal, number: string, slot: string, on: boolean): Choice {
  const row = p.numbers.find((n) => n.number === number)?.ticks ?? [];
  const next = on ? [...row.filter((id) => id !== slot), slot] : row.filter((id) => id !== slot);
  return { ...c, ticks: { ...c.ticks, [number]: next } };
}

type Whole = Pick<Schemas["Proposal"], "kept" | "accounts" | "numbers">;

/** What was chosen shows at once, before the server has said what follows from it. */
export function shownAs<P extends Whole>(p: P, c: Choice): P {
  return {
    ...p,
    kept: c.kept ?? p.kept,
    accounts: p.accounts.map((a) => ({ ...a, left_out: c.without?.includes(a.username) ?? false })),
    numbers: p.numbers.map((n) => ({ ...n, ticks: c.ticks?.[n.number] ?? n.ticks })),
  };
}
