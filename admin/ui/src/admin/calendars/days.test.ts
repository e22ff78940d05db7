import { expect, it } from "vitest";
import { daysOf } from "./days";

const span = (from: string, until: string | undefined, entry: number | null, name = "") => ({ from, until, entry, name });

it("splits spans at midnight and leaves out what holds nothing", () => {
  const days = daysOf(
    {
      items: [
        span("2026-12-24T10:00:00+01:00", "2026-12-24T12:00:00+01:00", 0, "Vormittag"),
        span("2026-12-24T12:00:00+01:00", "2026-12-24T22:00:00+01:00", null),
        span("2026-12-24T22:00:00+01:00", "2026-12-26T00:00:00+01:00", 1, "Feiertag"),
        span("2026-12-26T00:00:00+01:00", undefined, null),
      ],
      holidays: [{ date: "2026-12-25", name: "1. Weihnachtstag" }],
    },
    3,
  );
  expect(days.map((d) => [d.date, d.holiday, d.spans.map((s) => `${s.from}-${s.to} ${s.name}`)])).toEqual([
    ["2026-12-24", undefined, ["10:00-12:00 Vormittag", "22:00-24:00 Feiertag"]],
    ["2026-12-25", "1. Weihnachtstag", ["00:00-24:00 Feiertag"]],
    ["2026-12-26", undefined, []],
  ]);
});

it("has no days without a preview", () => expect(daysOf({ items: [], holidays: [] }, 28)).toEqual([]));
