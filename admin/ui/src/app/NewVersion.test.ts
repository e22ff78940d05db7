import { expect, test } from "vitest";
import { isOther } from "./NewVersion";

const page = (script: string) => `<!doctype html><script type="module" crossorigin src="${script}"></script><div id="root"></div>`;

test.each([
  ["the same pages", page("/assets/index-A1.js"), false],
  ["pages of another version", page("/assets/index-B2.js"), true],
  ["the notice of a proxy", "<h1>Bad gateway</h1>", false],
  ["nothing", "", false],
])("%s", (_, text, other) => expect(isOther(text, "/assets/index-A1.js")).toBe(other));
