import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import type { Schemas } from "./client";

type Event = Schemas["Event"];

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

/** Listens while the component is there; many events within a moment cause one reading. */
export function useEvents(enabled: boolean, onEvent?: (e: Event) => void) {
  const client = useQueryClient();
  useEffect(() => {
    if (!enabled) return;
    const source = new EventSource("/api/events");
    const waiting = new Set<string>();
    let timer: number | undefined;
    const flush = () => {
      timer = undefined;
      for (const key of waiting) void client.invalidateQueries({ queryKey: [key] });
      waiting.clear();
    };
    let late: number | undefined;
    const readRecords = () => {
      late = undefined;
      void client.invalidateQueries({ queryKey: ["records"] });
    };
    const take = (name: string) => (m: MessageEvent<string>) => {
      for (const key of stale(name)) waiting.add(key);
      timer ??= window.setTimeout(flush, 150);
      // A record is in the lists a moment after its call has ended.
      if (name === "call.ended") late ??= window.setTimeout(readRecords, 1500);
      if (name !== "gap") onEvent?.(JSON.parse(m.data) as Event);
    };
    for (const name of [...names, "gap"]) source.addEventListener(name, take(name));
    source.addEventListener("end", () => source.close());
    return () => {
      source.close();
      window.clearTimeout(timer);
      window.clearTimeout(late);
    };
  }, [client, enabled, onEvent]);
}
