import { describe, expect, it } from "vitest";
import { de as always } from "../../i18n/de";
import { en as alwaysEnglish } from "../../i18n/en";
import { textsOf } from "../../i18n/room";
import { explanationRoom } from "../../i18n/rooms/explanation";
import { outcomeText } from "./outcome";

const de = textsOf("de", always, explanationRoom);
const en = textsOf("en", alwaysEnglish, explanationRoom);

const target = (more: object) => ({ slot_id: "", username: "", type: "", name: "", number: "416", ...more });
const desk = target({ slot_id: "S", type: "desk", username: "armin.artmann" });

describe("outcomeText", () => {
  it.each([
    [
      "one slot rings",
      { outcome: "ring", hops: [], targets: [desk], ring_seconds: 20 },
      "Es klingelt: Tischtelefon von armin.artmann, 20 Sekunden lang.",
    ],
    [
      "three",
      {
        outcome: "ring",
        hops: [],
        targets: [desk, target({ outside: "+4966112345" }), target({ username: "iris.immsee", number: "417" })],
      },
      "Es klingelt: Tischtelefon von armin.artmann, +4966112345 und 417 von iris.immsee.",
    ],
    [
      "busy after a forward",
      { outcome: "busy", hops: [{ from: "416", to: "417", why: "always" as const }], targets: [] },
      "Umgeleitet: 416 → 417 (immer). Der Anrufer hört besetzt.",
    ],
    ["an outcome of tomorrow", { outcome: "teleported", hops: [], targets: [] }, "teleported"],
  ])("%s", (_, stage, want) => {
    expect(outcomeText(de, stage)).toBe(want);
  });
  it("in English", () => {
    expect(outcomeText(en, { outcome: "ring", hops: [], targets: [desk] })).toBe("Rings: Desk phone of armin.artmann.");
  });
});
