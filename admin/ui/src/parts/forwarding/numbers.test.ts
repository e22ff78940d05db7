import { expect, it } from "vitest";
import { tidyNumber } from "./numbers";

it.each([
  ["416", "416"],
  [" 4 16 ", "416"],
  ["+49 (0)661 123-45", "+4966112345"],
  ["+49 661/12345", "+4966112345"],
  ["(0661) 12345", "066112345"],
  ["armin", "armin"],
  ["<b>416</b>", "<b>416</b>"],
  ["", ""],
])("%j", (typed, want) => expect(tidyNumber(typed)).toBe(want));
