// Letters and digits that nobody mistakes for another when it is read aloud.
const letters = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/** A password made by chance, evenly over its letters. */
export function randomSecret(length: number, random: (into: Uint8Array) => Uint8Array = (b) => crypto.getRandomValues(b)): string {
  const fair = 256 - (256 % letters.length);
  let out = "";
  while (out.length < length) {
    for (const b of random(new Uint8Array(length))) {
      if (b < fair && out.length < length) out += letters[b % letters.length];
    }
  }
  return out;
}
