import { expect, test } from "vitest";
import { expiry } from "./expiry";

const now = new Date("2026-11-27T12:00:00Z");

test("a span is counted from now", () => {
  expect(expiry("30", "", now)).toBe("2026-12-27T12:00:00.000Z");
  expect(expiry("365", "", now)).toBe("2027-11-27T12:00:00.000Z");
});

test("without end there is no instant", () => {
  expect(expiry("never", "2026-12-24", now)).toBeUndefined();
});

test("a day counts to its end, where the viewer sits", () => {
  expect(expiry("day", "2026-12-24", now)).toBe(new Date(2026, 11, 24, 23, 59, 59).toISOString());
  expect(expiry("day", "", now)).toBeUndefined();
});
