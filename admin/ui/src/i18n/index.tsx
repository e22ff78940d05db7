import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useRef, useState } from "react";
import { de } from "./de";
import type { Problems } from "./problems";

export type Texts = typeof de;
export type Language = "de" | "en";

const stored = "koppelfeld.language";

/** The language chosen before, else the browser's, else English. */
function first(): Language {
  try {
    const s = localStorage.getItem(stored);
    if (s === "de" || s === "en") return s;
  } catch {}
  for (const l of navigator.languages) {
    if (l.startsWith("de")) return "de";
    if (l.startsWith("en")) return "en";
  }
  return "en";
}

interface Speech {
  language: Language;
  t: Texts;
  /** How messages of the API are said; they come a moment after the first was needed, which most pages never see. */
  problems: Problems;
  needProblems: () => void;
  choose: (l: Language) => void;
}

const unsaid: Problems = [];

const Context = createContext<Speech>({ language: "de", t: de, problems: unsaid, needProblems: () => {}, choose: () => {} });

export function Speech({ children }: { children: ReactNode }) {
  const [language, setLanguage] = useState(first);
  const [texts, setTexts] = useState<Texts | undefined>(language === "de" ? de : undefined);
  const [lists, setLists] = useState<{ [l in Language]?: Problems }>({});
  const asked = useRef(new Set<Language>());
  const needProblems = useCallback(() => {
    if (asked.current.has(language)) return;
    asked.current.add(language);
    const list = language === "de" ? import("./de/problems") : import("./en/problems");
    // Without them messages are shown as the API says them.
    list.then(
      (m) => setLists((all) => ({ ...all, [language]: m.problems })),
      () => asked.current.delete(language),
    );
  }, [language]);
  useEffect(() => {
    document.documentElement.lang = language;
    if (language === "de") setTexts(de);
    else void import("./en").then((m) => setTexts(m.en));
  }, [language]);
  const value = useMemo(
    () => ({
      language,
      t: texts ?? de,
      problems: lists[language] ?? unsaid,
      needProblems,
      choose: (l: Language) => {
        try {
          localStorage.setItem(stored, l);
        } catch {}
        setLanguage(l);
      },
    }),
    [language, texts, lists, needProblems],
  );
  if (!texts) return null;
  return <Context.Provider value={value}>{children}</Context.Provider>;
}

export const useSpeech = () => useContext(Context);
export const useText = () => useContext(Context).t;
