import { useCallback } from "react";
import { Problem } from "../api/problem";
import { useText } from "../i18n";

/** Says an error, or a message of the API, in the language of the page. Undefined stays undefined. */
export function useProblemText() {
  const t = useText();
  return useCallback(
    (err: unknown): string | undefined => {
      if (err === undefined || err === null) return undefined;
      if (err instanceof Problem && err.is("locked")) {
        const s = /(\d+)s/.exec(err.message)?.[1];
        return t.login.locked(s ? Number(s) : 60);
      }
      const text = err instanceof Error ? err.message : String(err);
      for (const [pattern, said] of t.problems) {
        if (pattern.test(text)) return text.replace(pattern, said);
      }
      return text;
    },
    [t],
  );
}
