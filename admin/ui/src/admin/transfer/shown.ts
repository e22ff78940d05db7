const most = 120;

/** A value of a field as people read it: lists with commas, objects by their fields, nothing as a dash. */
export function shown(value: unknown, words: { yes: string; no: string }): string {
  const text = say(value, words);
  return text.length > most ? `${text.slice(0, most)} …` : text;
}

function say(v: unknown, words: { yes: string; no: string }): string {
  if (v === undefined || v === null || v === "") return "–";
  if (typeof v === "boolean") return v ? words.yes : words.no;
  if (Array.isArray(v)) return v.length ? v.map((x) => say(x, words)).join(", ") : "–";
  if (typeof v === "object") {
    const parts = Object.entries(v as Record<string, unknown>).map(([k, x]) => `${k} ${say(x, words)}`);
    return parts.length ? parts.join(" · ") : "–";
  }
  return String(v);
}
