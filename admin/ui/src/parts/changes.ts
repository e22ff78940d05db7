const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

/** The fields of draft that differ from base: the body of a PATCH. */
export function changes<T extends object>(base: T, draft: T): Partial<T> {
  const out: Partial<T> = {};
  for (const k of Object.keys(draft) as (keyof T)[]) {
    if (!same(base[k], draft[k])) out[k] = draft[k];
  }
  return out;
}
