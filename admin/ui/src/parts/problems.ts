import { useCallback } from "react";
import { Problem } from "../api/problem";
import { useSpeech } from "../i18n";
import { translated } from "../i18n/problems";

/** Says an error, or a message of the API, in the language of the page. Undefined stays undefined. */
export function useProblemText() {
  const { language, t, problems, needProblems } = useSpeech();
  return useCallback(
    (err: unknown): string | undefined => {
      if (err === undefined || err === null) return undefined;
      if (err instanceof Problem && err.is("locked")) {
        const s = /(\d+)s/.exec(err.message)?.[1];
        return t.login.locked(s ? Number(s) : 60);
      }
      if (err instanceof Problem && err.is("licence")) return String(err.document[language] ?? err.message);
      needProblems();
      const text = err instanceof Error ? err.message : String(err);
      if (err instanceof Problem && err.is("call-refused")) return t.common.callRefused[text] ?? t.common.callRefusedElse;
      return text
        .split("\n")
        .map((message) => translated(problems, message) ?? message)
        .join("; ");
    },
    [language, t, problems, needProblems],
  );
}
