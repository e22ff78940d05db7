/**
 * A number as people paste it, as the API takes it: "+49 (0)661 123-45" becomes "+4966112345", and so does the link "tel:+49-661-12345"
 * (RFC 3966). What is no number stays as it is, so that the message of the API is about what was typed.
 */
export function tidyNumber(text: string): string {
  const trimmed = text
    .replace(/[\u200e\u200f\u202a-\u202e]/g, "") // marks of direction, which some programs put around numbers
    .trim()
    .replace(/^tel:([^;?]*).*$/i, "$1");
  if (!/^\+?[\d\s().\-/–‐‑]+$/.test(trimmed)) return trimmed;
  return trimmed.replace(/^(\+[\d\s.\-/–‐‑]*)\(0\)/, "$1").replace(/[^\d+]/g, "");
}
