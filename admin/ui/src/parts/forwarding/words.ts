import type { TextsWith } from "../../i18n/room";
import type { forwardingRoom } from "../../i18n/rooms/forwarding";

type Texts = TextsWith<typeof forwardingRoom>;

import type { Action, Conditions, Entry, Match } from "./types";

/** What an action does, in a few words. */
export function actionWords(t: Texts, a: Action): string {
  if (a.kind === "number") return t.forwarding.toWords(a.number || "…");
  if (a.kind === "parallel") return t.forwarding.parallelWords((a.numbers ?? []).join(", ") || "…");
  return t.forwarding.actions[a.kind];
}

function matchWords(t: Texts, m: Match): string {
  const said = m.kind === "hidden" ? t.forwarding.matches.hidden : `${t.forwarding.matches[m.kind]} ${m.value || "…"}`;
  return m.not ? t.forwarding.notWords(said) : said;
}

/** When a rule applies, in a few words; calendars by their name where it is known. */
export function conditionWords(t: Texts, w: Conditions, calendars: Map<string, string>): string {
  const parts: string[] = [];
  if (w.called) parts.push(`${t.forwarding.called}: ${matchWords(t, w.called)}`);
  if (w.class) parts.push(t.forwarding.callers[w.class]);
  if (w.caller) parts.push(`${t.forwarding.caller}: ${matchWords(t, w.caller)}`);
  if (w.group) parts.push(`${t.forwarding.group}: ${w.group}`);
  if (w.states?.length) parts.push(w.states.map((s) => t.forwarding.states[s]).join(` ${t.forwarding.or} `));
  if (w.calendar) {
    const name = calendars.get(w.calendar) ?? w.calendar;
    parts.push(`${w.outside_calendar ? t.forwarding.notDuring : t.forwarding.during} ${name}`);
  }
  return parts.join(" · ") || t.forwarding.everyCall;
}

/** Days of the week, with spans drawn together: Mo–Fr, So. */
export function daysWords(t: Texts, days: Entry["days"]): string {
  const all = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
  const set = all.map((d) => !days?.length || days.includes(d));
  if (set.every(Boolean)) return t.forwarding.everyDay;
  const name = (i: number) => t.forwarding.days[all[i] as (typeof all)[number]];
  const spans: string[] = [];
  for (let i = 0; i < 7; i++) {
    if (!set[i]) continue;
    let last = i;
    while (set[last + 1]) last++;
    if (last - i > 1) spans.push(`${name(i)}–${name(last)}`);
    else for (let k = i; k <= last; k++) spans.push(name(k));
    i = last;
  }
  return spans.join(", ");
}

/** When an entry of a calendar holds, in a few words. */
export function entryWords(t: Texts, e: Entry): string {
  const whole = e.from === "00:00" && (e.to === "00:00" || e.to === "24:00");
  const parts = [daysWords(t, e.days), whole ? t.forwarding.wholeDay : `${e.from}–${e.to}`];
  if (e.first || e.last) parts.push(`${e.first ?? "…"} – ${e.last ?? "…"}`);
  if (e.holidays) parts.push(t.forwarding.holidays[e.holidays]);
  return parts.join(" · ");
}
