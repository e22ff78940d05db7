import { describe, expect, it } from "vitest";
import { localInput, localToISO } from "./localtime";

describe("local time", () => {
  it.each(["2026-12-24T14:00", "2026-07-01T00:05", "2026-03-29T12:30"])("%s survives the way there and back", (local) => {
    const iso = localToISO(local);
    expect(iso).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:00[+-]\d\d:\d\d$/);
    expect(localInput(iso)).toBe(local);
  });
  it.each(["", "nonsense"])("%j is no time", (bad) => {
    expect(localToISO(bad)).toBe("");
    expect(localInput(bad)).toBe("");
  });
});
