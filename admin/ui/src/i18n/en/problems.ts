import type { de } from "../de";

export const problems: (typeof de)["problems"] = [
  [/^expected length >= (\d+)$/, "at least $1 characters"],
  [/^expected length <= (\d+)$/, "at most $1 characters"],
  [/^expected number >= (-?\d+)$/, "at least $1"],
  [/^expected number <= (-?\d+)$/, "at most $1"],
  [/^expected required property .* to be present$/, "is needed"],
  [/^expected string to be (.*)$/, "must be: $1"],
  [/^validation failed$/, "Please check the marked fields."],
  [/^the server does not answer$/, "The server does not answer."],
];
