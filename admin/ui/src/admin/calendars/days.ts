import type { Schemas } from "../../api/client";

export interface Day {
  /** 2026-12-24 */
  date: string;
  holiday?: string;
  spans: { from: string; to: string; entry: number; name: string }[];
}

/** The day after one. */
function next(date: string): string {
  return new Date(Date.parse(`${date}T12:00:00Z`) + 86_400_000).toISOString().slice(0, 10);
}

/**
 * What a preview says, day by day, in the time of the calendar: that is the offset with which its instants are written. Days on which nothing
 * holds are there as well.
 */
export function daysOf(preview: Pick<Schemas["CalendarPreview"], "items" | "holidays">, count: number): Day[] {
  const first = preview.items[0]?.from.slice(0, 10);
  if (!first) return [];
  const holidays = new Map(preview.holidays.map((h) => [h.date, h.name]));
  const days: Day[] = [];
  for (let date = first; days.length < count; date = next(date)) {
    const day: Day = { date, holiday: holidays.get(date), spans: [] };
    for (const x of preview.items) {
      if (x.entry === null) continue;
      const [fromDay, from] = [x.from.slice(0, 10), x.from.slice(11, 16)];
      const [toDay, to] = x.until ? [x.until.slice(0, 10), x.until.slice(11, 16)] : ["9999-12-31", ""];
      if (fromDay > date || toDay < date || (toDay === date && to === "00:00")) continue;
      day.spans.push({ from: fromDay < date ? "00:00" : from, to: toDay > date ? "24:00" : to, entry: x.entry, name: x.name });
    }
    days.push(day);
  }
  return days;
}
