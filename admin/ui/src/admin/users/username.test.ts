import { describe, expect, it } from "vitest";
import { randomSecret } from "./secret";
import { usernameOf } from "./username";

describe("usernameOf", () => {
  it.each([
    ["plain", "Armin", "Artmann", "armin.artmann"],
    ["umlauts", "Jörg", "Müller-Lüdenscheidt", "joerg.mueller-luedenscheidt"],
    ["accents", "Zoë", "Šťastný", "zoe.stastny"],
    ["one name", "", "Empfang", "empfang"],
    ["foreign letters only", "李", "", ""],
    ["script", "<script>", "x y", "script.xy"],
  ])("%s", (_, first, last, want) => {
    expect(usernameOf(first, last)).toBe(want);
  });
});

describe("randomSecret", () => {
  it("is as long as asked, of its letters only", () => {
    expect(randomSecret(16)).toMatch(/^[a-km-zA-HJ-NP-Z2-9]{16}$/);
  });
  it("throws away what would favour some letters", () => {
    let n = 0;
    // 255 lies beyond the last whole round of the letters.
    expect(randomSecret(2, (b) => b.fill(n++ ? 0 : 255))).toBe("aa");
    expect(n).toBe(2);
  });
});
