import type { Schemas } from "../../api/client";

type Inherited = Record<string, Schemas["Giver"]> | undefined;

/** An object as a draft has it: settings that are not its own are null, so that a value set is sent even if it is what a group gives. */
export function withGiven<T extends object, K extends keyof T>(body: T, fields: readonly K[], inherited: Inherited) {
  const out = { ...body } as Record<string, unknown>;
  for (const f of fields as readonly string[]) {
    if (inherited?.[f]) out[f] = null;
  }
  return out as Omit<T, K> & { [F in K]: T[F] | null };
}

type Parameters = Schemas["Parameters"];

export const parameterNames = [
  "call_waiting",
  "busy_on_any",
  "max_calls",
  "ring_inside",
  "ring_outside",
  "language",
  "time_zone",
  "hide_number_inside",
  "hide_number_outside",
] as const satisfies (keyof Parameters)[];

/** The body of a PATCH that makes a group give just this: null for what it gives no more. */
export function givesJust(p: Parameters) {
  return Object.fromEntries(parameterNames.map((n) => [n, p[n] ?? null])) as {
    [N in (typeof parameterNames)[number]]: Parameters[N] | null;
  };
}

/** Parameters with one more, other or less. */
export function withParameter<N extends keyof Parameters>(p: Parameters, name: N, value: Parameters[N] | undefined): Parameters {
  const { [name]: _, ...rest } = p;
  return value === undefined ? (rest as Parameters) : { ...rest, [name]: value };
}
