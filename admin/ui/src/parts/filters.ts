import { useSearchParams } from "wouter";

/** A filter that stands in the address beside those of the list; another value begins at the first page. */
export function useFilter(name: string): [string | undefined, (v: string | null | undefined) => void] {
  const [query, setQuery] = useSearchParams();
  const set = (v: string | null | undefined) =>
    setQuery(
      (old) => {
        const q = new URLSearchParams(old);
        v ? q.set(name, v) : q.delete(name);
        q.delete("offset");
        return q;
      },
      { replace: true },
    );
  return [query.get(name) || undefined, set];
}

/** The beginning of a day of the person who looks, so many days later. */
export function momentOf(day: string | undefined, later = 0): string | undefined {
  const [y, m, d] = (day ?? "").split("-").map(Number);
  return y && m && d ? new Date(y, m - 1, d + later).toISOString() : undefined;
}
