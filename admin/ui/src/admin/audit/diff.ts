/** One thing that an act has changed: where it stands, and what stood there before and stands there after. */
export interface Difference {
  path: string[];
  before?: unknown;
  after?: unknown;
}

// Counts up with every change and says nothing to people.
const silent = new Set(["version"]);

const isObject = (v: unknown): v is Record<string, unknown> => typeof v === "object" && v !== null && !Array.isArray(v);
const bare = (v: unknown) => v === undefined || v === null || v === "" || (Array.isArray(v) && v.length === 0);
const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

/** Lists of things with an ID are compared thing by thing, other lists as a whole. */
function keyed(list: unknown): Record<string, unknown> | undefined {
  if (!Array.isArray(list) || list.length === 0) return undefined;
  const out: Record<string, unknown> = {};
  for (const item of list) {
    if (!isObject(item) || typeof item.id !== "string") return undefined;
    const { id, ...rest } = item;
    out[typeof item.name === "string" && item.name ? item.name : id] = rest;
  }
  return out;
}

/**
 * What differs between two documents of the audit log. Of something that was made or
 * removed everything that is not empty is listed.
 */
export function differences(before: unknown, after: unknown, path: string[] = []): Difference[] {
  const a = keyed(before) ?? before;
  const b = keyed(after) ?? after;
  if (isObject(a) || isObject(b)) {
    const left = isObject(a) ? a : {};
    const right = isObject(b) ? b : {};
    const names = [...new Set([...Object.keys(left), ...Object.keys(right)])];
    return names.filter((n) => !silent.has(n)).flatMap((n) => differences(left[n], right[n], [...path, n]));
  }
  if (same(a, b) || (bare(a) && bare(b))) return [];
  return [{ path, before: a, after: b }];
}
