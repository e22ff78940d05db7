import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from "react";
import { de } from "./de";

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
  choose: (l: Language) => void;
}

const Context = createContext<Speech>({ language: "de", t: de, choose: () => {} });

export function Speech({ children }: { children: ReactNode }) {
  const [language, setLanguage] = useState(first);
  const [texts, setTexts] = useState<Texts | undefined>(language === "de" ? de : undefined);
  useEffect(() => {
    document.documentElement.lang = language;
    if (language === "de") setTexts(de);
    else void import("./en").then((m) => setTexts(m.en));
  }, [language]);
  const value = useMemo(
    () => ({
      language,
      t: texts ?? de,
      choose: (l: Language) => {
        try {
          localStorage.setItem(stored, l);
        } catch {}
        setLanguage(l);
      },
    }),
    [language, texts],
  );
  if (!texts) return null;
  return <Context.Provider value={value}>{children}</Context.Provider>;
}

export const useSpeech = () => useContext(Context);
export const useText = () => useContext(Context).t;
