import { expect, it } from "vitest";
import { givesJust, withGiven, withParameter } from "./layers";

it("has null for what is not the object's own", () => {
  const n = { number: "416", call_waiting: true, max_calls: 2 };
  expect(withGiven(n, ["call_waiting", "max_calls"], { call_waiting: { group: "sales", title: "Vertrieb" } })).toEqual({
    number: "416",
    call_waiting: null,
    max_calls: 2,
  });
  expect(withGiven(n, ["call_waiting"], undefined)).toEqual(n);
});

it("sends null for what a group gives no more, and false and 0 as they are", () => {
  expect(givesJust({ call_waiting: false, max_calls: 0, ring_inside: "" })).toEqual({
    call_waiting: false,
    busy_on_any: null,
    max_calls: 0,
    ring_inside: "",
    ring_outside: null,
    language: null,
    time_zone: null,
    hide_number_inside: null,
    hide_number_outside: null,
  });
});

it("adds, changes and takes out", () => {
  expect(withParameter({}, "max_calls", 0)).toEqual({ max_calls: 0 });
  expect(withParameter({ max_calls: 1, language: "en" }, "max_calls", undefined)).toEqual({ language: "en" });
});
