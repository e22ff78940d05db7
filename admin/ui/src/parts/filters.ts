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
