import type { Problems } from "../problems";

/** What the API says in words that are for programs; everything else it says is English already. */
export const problems: Problems = [
  ["expected length >= …", "at least $1 characters"],
  ["expected length <= …", "at most $1 characters"],
  ["expected number >= …", "at least $1"],
  ["expected number <= …", "at most $1"],
  ["expected required property … to be present", "is needed"],
  ["expected string to be …", "must be: $1"],
  ["expected value to be one of …", "must be one of $1"],
  ["validation failed", "Please check the marked fields."],
  ["the server does not answer", "The server does not answer."],
  ["this cannot be undone (kind)", "Changes of this kind cannot be undone."],
  ["this cannot be undone (changed)", "Somebody has changed this again since; undoing would overwrite that."],
  ["this cannot be undone (gone)", "What was changed is gone."],
  ["this cannot be undone (secret)", "Changed passwords cannot be undone."],
];
