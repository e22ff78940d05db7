import { useMemo } from "react";
import { type Language, type Texts, useSpeech } from ".";

/** The texts of a room in all languages, read together with the pages that use them. */
export interface Room<Name extends string = string, T = unknown> {
  name: Name;
  de: T;
  en: T;
}

/** A room whose texts are not needed for the first page. German is the master: English is checked against it. */
export function room<Name extends string, T>(name: Name, de: T, en: NoInfer<T>): Room<Name, T> {
  return { name, de, en };
}

/** The texts that are always there, and those of the rooms. */
export type TextsWith<R extends Room> = Texts & { [Each in R as Each["name"]]: Each["de"] };

/** What is said on pages that have rooms of their own, in the language of the page. */
export function useTextOf<R extends Room[]>(...rooms: R): TextsWith<R[number]> {
  const { t, language } = useSpeech();
  // biome-ignore lint/correctness/useExhaustiveDependencies: the rooms of a call never change
  return useMemo(() => textsOf(language, t, ...rooms), [t, language]);
}

/** The same without a component. */
export function textsOf<R extends Room[]>(language: Language, t: Texts, ...rooms: R): TextsWith<R[number]> {
  return { ...t, ...Object.fromEntries(rooms.map((r) => [r.name, r[language]])) } as TextsWith<R[number]>;
}
