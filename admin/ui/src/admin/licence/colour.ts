import type { Schemas } from "../../api/client";

/** How much a state of the licence should catch the eye. */
export function colourOf(s: Schemas["LicenceStatus"]): string {
  if (s.state === "unlicensed") return "red";
  if (s.state === "evaluation") return (s.details?.days_left ?? 0) > 10 ? "blue" : "orange";
  return s.reason.code === "valid" ? "teal" : "orange";
}
