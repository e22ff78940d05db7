import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import type { Schemas } from "./client";

const names = [
  "call.started",
  "call.ringing",
  "call.answered",
  "call.ended",
  "slot.registered",
  "slot.unregistered",
  "config.changed",
  "colleague.state",
] as const;

/**
 * Which lists go stale with which event: the first part of query keys. Everything
 * that is configuration has the key ["config", …], what lives ["live", …], and
 * records ["records", …].
 */
function stale(name: string): string[] {
  if (name === "config.changed") return ["config", "live"];
  if (name === "call.ended") return ["live", "records"];
  if (name === "gap") return ["config", "live", "records"];
  return ["live"];
}

/** How long to wait before the n-th new attempt to listen, in ms. A browser tries again by itself when a connection breaks, but not after an answer that is an error. */
export const listenAgain = (n: number) => Math.min(2000 * 2 ** n, 60_000);

/**
 * Listens while the component is there; many events within a moment cause one reading. Session is whose: with a new one
 * the stream is opened anew.
 */
export function useEvents(session: Schemas["Session"]) {
  const client = useQueryClient();
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new session is a new stream
  useEffect(() => {
    const waiting = new Set<string>();
    let source: EventSource;
    let timer: number | undefined;
    let late: number | undefined;
    let again: number | undefined;
    let tries = 0;
    let heard = false;
    const read = (...keys: string[]) => {
      for (const key of keys) void client.invalidateQueries({ queryKey: [key] });
    };
    const flush = () => {
      timer = undefined;
      read(...waiting);
      waiting.clear();
    };
    const take = (name: string) => () => {
      for (const key of stale(name)) waiting.add(key);
      timer ??= window.setTimeout(flush, 150);
      // A record is in the lists a moment after its call has ended.
      if (name === "call.ended") {
        late ??= window.setTimeout(() => {
          late = undefined;
          read("records");
        }, 1500);
      }
    };
    const open = () => {
      source = new EventSource("/api/events");
      for (const name of [...names, "gap"]) source.addEventListener(name, take(name));
      source.addEventListener("open", () => {
        // What happened while the stream was broken is not told again.
        if (heard) read("config", "live", "records");
        heard = true;
        tries = 0;
      });
      // The session is over: whatever is read now asks for the password.
      source.addEventListener("end", () => {
        source.close();
        read("live");
      });
      source.addEventListener("error", () => {
        // A server that is away is said so at once, not with the next click.
        read("live");
        if (source.readyState === EventSource.CLOSED) again = window.setTimeout(open, listenAgain(tries++));
      });
    };
    open();
    return () => {
      source.close();
      window.clearTimeout(timer);
      window.clearTimeout(late);
      window.clearTimeout(again);
    };
  }, [client, session]);
}
