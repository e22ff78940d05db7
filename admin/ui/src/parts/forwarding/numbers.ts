/**
 * A number as people paste it, as the API takes it: "+49 (0)661 123-45" becomes "+4966112345". What is no number stays as it is, so that the
 * message of the API is about what was typed.
 */
export function tidyNumber(text: string): string {
  const trimmed = text.trim();
  if (!/^\+?[\d\s().\-/–]+$/.test(trimmed)) return trimmed;
  return trimmed.replace(/^(\+[\d\s.\-/–]*)\(0\)/, "$1").replace(/[^\d+]/g, "");
}
