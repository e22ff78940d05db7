import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { problems } from "./de/problems";
import { translated } from "./problems";

const testdata = join(import.meta.dirname, "../../../testdata");

// What is in the code, and what the API has really said in the answers that are kept: that shows what the code puts together.
const inCode = readFileSync(join(testdata, "messages.txt"), "utf8").trim().split("\n");

// Said by routing about a call, not about a form: pages show such reasons in both languages from elsewhere.
// What a licence refuses says both languages itself.
const elsewhere = ["call-refused", "licence"];

const answered = new Set<string>();
for (const name of readdirSync(join(testdata, "answers"))) {
  const text = readFileSync(join(testdata, "answers", name), "utf8");
  const at = text.indexOf("\n{\n");
  if (at < 0 || !text.includes("application/problem+json")) continue;
  const p = JSON.parse(text.slice(at)) as { type?: string; detail?: string; errors?: { message?: string }[] };
  if (elsewhere.some((e) => p.type?.endsWith(e))) continue;
  for (const m of [p.detail, ...(p.errors ?? []).map((e) => e.message)]) if (m) answered.add(m);
}

// Only programs can cause these: the pages send no such requests.
const forPrograms = [/^this path does not take /];

describe("every message of the API is said in German", () => {
  test("the lists are not empty", () => {
    expect(inCode.length).toBeGreaterThan(100);
    expect(answered.size).toBeGreaterThan(50);
  });
  test.each(inCode)("%s", (message) => {
    expect(translated(problems, message)).toBeTruthy();
  });
  test.each([...answered].filter((m) => !forPrograms.some((p) => p.test(m))))("answered: %s", (message) => {
    expect(translated(problems, message)).toBeTruthy();
  });
});

test.each([
  ["416 belongs to armin.artmann (Armin Artmann)", "416 gehört armin.artmann (Armin Artmann)"],
  ["number 416 belongs to armin.artmann", "Nummer 416 gehört armin.artmann"],
  ["hunt group zentrale is taken", "Sammelanschluss zentrale ist vergeben"],
  ["417 belongs to Zentrale; members are numbers of users", "417 gehört Zentrale; Mitglieder sind Nummern von Benutzern"],
  [
    "calendar A is needed by system-wide rule B: change that first",
    "Kalender A wird gebraucht: systemweite Regel B. Ändern Sie das zuerst.",
  ],
  ["expected length <= 64", "höchstens 64 Zeichen"],
  [
    "faxes is a group of type fax; pickup needs one of type user",
    "faxes ist eine Gruppe für Faxe; diese Berechtigung braucht eine für Benutzer",
  ],
])("%s", (said, here) => expect(translated(problems, said)).toBe(here));

test("what is not in the list stays as it is", () => {
  expect(translated(problems, "quite unheard of")).toBeUndefined();
  expect(translated([["a … b", "$1"]], "a (.*) $& b")).toBe("(.*) $&");
});
