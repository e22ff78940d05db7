import { expect, test } from "vitest";
import { shown } from "./shown";

const words = { yes: "ja", no: "nein" };

test.each([
  [undefined, "–"],
  [null, "–"],
  ["", "–"],
  ["Rudolf", "Rudolf"],
  [true, "ja"],
  [false, "nein"],
  [3, "3"],
  [["416", "417"], "416, 417"],
  [[], "–"],
  [{ language: "de", max_calls: 0 }, "language de · max_calls 0"],
  [{}, "–"],
])("%j", (value, text) => {
  expect(shown(value, words)).toBe(text);
});

test("what is long is cut", () => {
  expect(shown("x".repeat(500), words)).toBe(`${"x".repeat(120)} …`);
});
