/** What the API says, and how it is said here: … stands for what is put in, $1, $2 for it in the text said. */
export type Problems = [said: string, here: string][];

interface Entry {
  pattern: RegExp;
  here: string;
  literal: number;
}

const compiled = new WeakMap<Problems, Entry[]>();

function entries(list: Problems): Entry[] {
  let all = compiled.get(list);
  if (!all) {
    all = list
      .map(([said, here]) => ({
        pattern: new RegExp(`^${said.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replaceAll("…", "(.*)")}$`, "s"),
        here,
        literal: said.replaceAll("…", "").length,
      }))
      // What says most of its own is the most fitting.
      .sort((a, b) => b.literal - a.literal);
    compiled.set(list, all);
  }
  return all;
}

/** A message of the API in the language of the list; undefined when it is not in it. */
export function translated(list: Problems, message: string): string | undefined {
  for (const { pattern, here } of entries(list)) {
    const found = pattern.exec(message);
    // What is put in may be a message itself: the names of kinds are.
    if (found) return here.replace(/\$(\d)/g, (_, n) => translated(list, found[Number(n)] ?? "") ?? found[Number(n)] ?? "");
  }
  return undefined;
}
