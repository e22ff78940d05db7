/** How long a token is to be valid: days from now, without end, or until the end of a day that is named. */
export type Span = "30" | "90" | "365" | "never" | "day";

export const spans: Span[] = ["30", "90", "365", "never", "day"];

/** The instant at which a token made now ends, as the API writes it; undefined: never. The named day counts to its last second, where the viewer sits. */
export function expiry(span: Span, day: string, now: Date): string | undefined {
  if (span === "never") return undefined;
  if (span === "day") {
    const end = new Date(`${day}T23:59:59`);
    return Number.isNaN(end.getTime()) ? undefined : end.toISOString();
  }
  return new Date(now.getTime() + Number(span) * 86_400_000).toISOString();
}
