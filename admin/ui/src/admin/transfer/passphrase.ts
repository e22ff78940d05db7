/** Characters that a passphrase must have; the server asks for as many. */
export const leastPassphrase = 12;

export type Strength = "short" | "weak" | "fair" | "good";

/** How hard a passphrase is to guess, by its length and by how much in it is different. */
export function strengthOf(passphrase: string): Strength {
  const letters = [...passphrase];
  if (letters.length < leastPassphrase) return "short";
  const different = new Set(letters.map((l) => l.toLowerCase())).size;
  const words = new Set(
    passphrase
      .toLowerCase()
      .split(/[\s\-_.,;]+/)
      .filter((w) => w.length > 2),
  ).size;
  if (different < 6 || /^(.{1,6})\1+$/u.test(passphrase)) return "weak";
  return letters.length >= 24 || (words >= 4 && letters.length >= 20) || (letters.length >= 16 && different >= 12) ? "good" : "fair";
}

/** As the API takes a passphrase in a header: headers hold no umlauts. */
export function inHeader(passphrase: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(passphrase)));
}
