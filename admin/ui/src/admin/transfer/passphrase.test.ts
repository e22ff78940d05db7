import { expect, test } from "vitest";
import { inHeader, strengthOf } from "./passphrase";

test.each([
  ["", "short"],
  ["elf Zeichen", "short"],
  ["aaaaaaaaaaaaaaaaaaaaaaaa", "weak"],
  ["abcdefabcdefabcdef", "weak"],
  ["Sommer 2026 A", "fair"],
  ["correct horse battery staple", "good"],
  ["q7K!m2Zp9#tRx4Lw", "good"],
  ["vier lange Wörter hier", "good"],
])("%s is %s", (passphrase, strength) => {
  expect(strengthOf(passphrase)).toBe(strength);
});

test("a passphrase with umlauts goes through a header", () => {
  const bytes = Uint8Array.from(atob(inHeader("Wörter 你好")), (c) => c.charCodeAt(0));
  expect(new TextDecoder().decode(bytes)).toBe("Wörter 你好");
});
