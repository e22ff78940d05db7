import { describe, expect, it } from "vitest";
import { de as always } from "../../i18n/de";
import { textsOf } from "../../i18n/room";
import { forwardingRoom } from "../../i18n/rooms/forwarding";
import type { Conditions, Entry } from "./types";
import { conditionWords, daysWords, entryWords } from "./words";

const de = textsOf("de", always, forwardingRoom);

const entry = (more: Partial<Entry>): Entry => ({ from: "00:00", to: "00:00", ...more });

describe("daysWords", () => {
  it.each<[Entry["days"], string]>([
    [undefined, "täglich"],
    [[], "täglich"],
    [["mon", "tue", "wed", "thu", "fri"], "Mo–Fr"],
    [["sat", "sun"], "Sa, So"],
    [["sun", "mon", "wed"], "Mo, Mi, So"],
  ])("%j", (days, want) => expect(daysWords(de, days)).toBe(want));
});

describe("entryWords", () => {
  it.each<[Entry, string]>([
    [entry({}), "täglich · ganztags"],
    [entry({ days: ["fri"], from: "08:00", to: "17:00", holidays: "not" }), "Fr · 08:00–17:00 · nicht an Feiertagen"],
    [entry({ first: "12-24", last: "01-06" }), "täglich · ganztags · 12-24 – 01-06"],
  ])("%j", (e, want) => expect(entryWords(de, e)).toBe(want));
});

describe("conditionWords", () => {
  it.each<[Conditions, string]>([
    [{}, "jeder Anruf"],
    [{ class: "outside", states: ["busy", "no_answer"] }, "Anrufer extern · besetzt oder keine Antwort"],
    [{ caller: { kind: "prefix", value: "+49661", not: true } }, "Nummer des Anrufers: nicht (beginnt mit +49661)"],
    [{ calendar: "C1", outside_calendar: true }, "außerhalb von Öffnungszeiten"],
    [{ calendar: "C9" }, "während C9"],
  ])("%j", (w, want) => expect(conditionWords(de, w, new Map([["C1", "Öffnungszeiten"]]))).toBe(want));
});
