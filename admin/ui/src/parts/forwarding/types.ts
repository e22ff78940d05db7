import type { Schemas } from "../../api/client";

export type Action = Schemas["Action"];
export type ActionKind = Action["kind"];
export type CaseRule = Schemas["CaseRule"];
export type Case = CaseRule["case"];
export type Class = CaseRule["class"];
export type Match = Schemas["Match"];
export type Conditions = Schemas["Conditions"];
export type RuleTest = Schemas["RuleTest"];
export type ExtendedRule = Schemas["ExtendedRule"];
export type Entry = Schemas["CalendarEntry"];

/** The message at a field, as Draft.error gives it. */
export type FieldError = (field: string) => string | undefined;

export const cases: Case[] = ["always", "busy", "no_answer", "not_registered"];
export const classes: Class[] = ["inside", "outside"];
export const defaultAfter = 20;

/** A list with the item at i replaced. */
export function replaced<T>(list: readonly T[], i: number, item: T): T[] {
  return list.map((old, k) => (k === i ? item : old));
}

/** A list with the item at one place moved to another; places outside change nothing. */
export function moved<T>(list: readonly T[], from: number, to: number): T[] {
  const next = [...list];
  if (to < 0 || to >= list.length) return next;
  next.splice(to, 0, ...next.splice(from, 1));
  return next;
}

/** The rule of a field of the table put there, or taken out. */
export function withRule(table: readonly CaseRule[], of: Case, from: Class, rule: CaseRule | undefined): CaseRule[] {
  const at = table.findIndex((r) => r.case === of && r.class === from);
  if (at < 0) return rule ? [...table, rule] : [...table];
  return rule ? replaced(table, at, rule) : table.filter((_, i) => i !== at);
}

/** A new action of a kind: what the kinds have in common is nothing. */
export function actionOf(kind: ActionKind): Action {
  if (kind === "number") return { kind, number: "" };
  if (kind === "parallel") return { kind, numbers: [] };
  return { kind };
}
