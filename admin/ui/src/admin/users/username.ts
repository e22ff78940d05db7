const umlauts: Record<string, string> = { ä: "ae", ö: "oe", ü: "ue", ß: "ss", æ: "ae", ø: "o", å: "a", ł: "l", đ: "d" };

/** "Jörg", "Müller-Lüdenscheidt" is joerg.mueller-luedenscheidt: a suggestion for a user name. */
export function usernameOf(first: string, last: string): string {
  const plain = (s: string) =>
    s
      .trim()
      .toLowerCase()
      .replace(/[äöüßæøåłđ]/g, (c) => umlauts[c] ?? c)
      .normalize("NFD")
      .replace(/[^a-z0-9-]+/g, "");
  return [plain(first), plain(last)].filter(Boolean).join(".").slice(0, 64);
}
