export type Which = "first" | "all";

interface Owner {
  numbers: string[];
  slots: { id: string; type: string }[];
}

/** For the numbers of each user the slots of a type of the same user; users without either are left out. */
export function bulkTicks(users: Owner[], which: Which, type: string): Record<string, string[]> {
  const ticks: Record<string, string[]> = {};
  for (const u of users) {
    const slots = u.slots.filter((s) => s.type === type).map((s) => s.id);
    if (slots.length === 0) continue;
    for (const n of which === "first" ? u.numbers.slice(0, 1) : u.numbers) ticks[n] = slots;
  }
  return ticks;
}
