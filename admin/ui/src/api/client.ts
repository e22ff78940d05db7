import createClient from "openapi-fetch";
import { Problem, problemOf, Unreachable } from "./problem";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];

// Who is told when the session has ended while somebody was at work. The promise
// resolves when there is a session again; then the request is sent once more.
let relogin: (() => Promise<void>) | undefined;
export function onSessionLost(f: (() => Promise<void>) | undefined) {
  relogin = f;
}

// Whether the server answers, for the banner that says so.
const reachable = { now: true, tell: new Set<() => void>() };
function setReachable(v: boolean) {
  if (reachable.now !== v) {
    reachable.now = v;
    for (const f of reachable.tell) f();
  }
}
export const reach = {
  subscribe: (f: () => void) => {
    reachable.tell.add(f);
    return () => reachable.tell.delete(f);
  },
  get: () => reachable.now,
};

async function send(request: Request): Promise<Response> {
  const again = request.clone();
  let response: Response;
  try {
    response = await fetch(request);
  } catch {
    if (request.signal.aborted) throw new DOMException("aborted", "AbortError");
    setReachable(false);
    throw new Problem({ type: Unreachable, status: 0, detail: "the server does not answer" });
  }
  setReachable(true);
  if (response.status === 401 && relogin && !new URL(request.url).pathname.startsWith("/api/session")) {
    await relogin();
    return send(again);
  }
  return response;
}

export const api = createClient<paths>({
  baseUrl: location.origin,
  fetch: send,
  querySerializer: { array: { style: "form", explode: false } },
});

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The body of a successful answer; throws a Problem for any other. */
export async function ask<T>(answer: Promise<Answer<T>>): Promise<T> {
  const { data, error, response } = await answer;
  if (!response.ok) throw problemOf(error, response);
  return data as T;
}

export interface Tagged<T> {
  body: T;
  /** Entity tag, for If-Match. */
  tag: string;
}

/** Like ask, with the entity tag of the answer. */
export async function askTagged<T>(answer: Promise<Answer<T>>): Promise<Tagged<T>> {
  const { data, error, response } = await answer;
  if (!response.ok) throw problemOf(error, response);
  return { body: data as T, tag: response.headers.get("ETag") ?? "" };
}

/** Header that lets a change pass only when nobody else has changed the object since. */
export const ifMatch = (tag: string) => (tag ? { "If-Match": tag } : {});
