import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from "react";
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
  /** How messages of the API are said; they come a moment after the page. */
  problems: Problems;
  choose: (l: Language) => void;
}

const unsaid: Problems = [];

const Context = createContext<Speech>({ language: "de", t: de, problems: unsaid, choose: () => {} });

export function Speech({ children }: { children: ReactNode }) {
  const [language, setLanguage] = useState(first);
  const [texts, setTexts] = useState<Texts | undefined>(language === "de" ? de : undefined);
  const [problems, setProblems] = useState(unsaid);
  useEffect(() => {
    let current = true;
    const list = language === "de" ? import("./de/problems") : import("./en/problems");
    // Without them messages are shown as the API says them.
    list.then(
      (m) => current && setProblems(m.problems),
      () => {},
    );
    return () => {
      current = false;
    };
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
      problems,
      choose: (l: Language) => {
        try {
          localStorage.setItem(stored, l);
        } catch {}
        setLanguage(l);
      },
    }),
    [language, texts, problems],
  );
  if (!texts) return null;
  return <Context.Provider value={value}>{children}</Context.Provider>;
}

export const useSpeech = () => useContext(Context);
export const useText = () => useContext(Context).t;
