import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { adminPlace } from "../parts/explanation/settings";

const read = (path: string) => readFileSync(new URL(path, import.meta.url), "utf8");
const routes = [...read("./Admin.tsx").matchAll(/<Route path="([^"]+)"/g)].map(
  ([, path]) => new RegExp(`^${path?.replace(/\/:\w+\?/g, "(/[^/]+)?").replace(/:\w+/g, "[^/]+")}$`),
);
const leads = (to: string) => routes.some((r) => r.test(to.replace(/[#?].*/, "")));

it("knows its routes", () => {
  expect(leads("/users/armin.artmann")).toBe(true);
  expect(leads("/nowhere/armin.artmann")).toBe(false);
});

// The API names where each find has its page, below /admin.
it.each([...new Set([...read("../../../api/search.go").matchAll(/link\("(\w+)"/g)].map(([, list]) => list))])(
  "search: %s has a page",
  (list) => {
    expect(leads(`/${list}/1`)).toBe(true);
  },
);

it.each(["matrix", "user", "number", "slot", "profile", "hunt_group", "pickup_group", "forwarding_rule", "group", "code"])(
  "reasons: %s has a page",
  (type) => {
    expect(leads(adminPlace({ code: "x", de: "", en: "", number: "416", setting: { type, id: "1", field: "f" } }) ?? "")).toBe(true);
  },
);
