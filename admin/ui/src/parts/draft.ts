import { notifications } from "@mantine/notifications";
import { useMutation } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import type { Tagged } from "../api/client";
import { Problem, Unreachable } from "../api/problem";
import { useUnsaved } from "../app/guard";
import { useText } from "../i18n";
import { changes } from "./changes";
import { useProblemText } from "./problems";

export interface Draft<T extends object> {
  value: T;
  dirty: boolean;
  saving: boolean;
  set: <K extends keyof T>(field: K, value: T[K]) => void;
  setAll: (edit: (v: T) => T) => void;
  reset: () => void;
  save: () => void;
  /** Message at a field, said in the language of the page. */
  error: (field: string) => string | undefined;
  /** The error that stands at no field shown, if any. */
  failure: unknown;
  /** Somebody else has changed the object since it was read. */
  conflict: boolean;
  /** Saves in spite of a conflict. */
  overwrite: () => void;
}

/**
 * An object being edited: what the server says, and a draft on top that survives
 * whatever happens until it is saved or reset. save sends only what has changed;
 * fields that were not touched follow the server.
 */
export function useDraft<T extends object>(p: {
  server: Tagged<T>;
  /** Sends the change; answers the new object. An empty tag means: whatever stands there. */
  send: (change: Partial<T>, tag: string) => Promise<Tagged<T>>;
  onSaved?: (saved: Tagged<T>) => void;
  /** Fields that have a place on the page, so that their messages are not shown on top as well. */
  fields?: string[];
}): Draft<T> {
  const t = useText();
  const say = useProblemText();
  const [base, setBase] = useState(p.server);
  const [edits, setEdits] = useState<Partial<T>>({});
  const value = { ...base.body, ...edits };
  const dirty = Object.keys(changes(base.body, value)).length > 0;
  useUnsaved(dirty);

  // What the server says anew takes the place of the base while nothing is edited.
  const latest = useRef(p.server);
  useEffect(() => {
    if (latest.current !== p.server) {
      latest.current = p.server;
      if (!dirty) setBase(p.server);
    }
  }, [p.server, dirty]);

  const mutation = useMutation({
    mutationFn: (force: boolean) => p.send(changes(base.body, value), force ? "" : base.tag),
    onSuccess: (saved) => {
      setBase(saved);
      setEdits({});
      latest.current = saved;
      notifications.show({ message: t.common.saved, color: "teal" });
      p.onSaved?.(saved);
    },
    onError: (err) => {
      if (err instanceof Problem && err.type === Unreachable) notifications.show({ message: say(err), color: "red" });
    },
  });
  const problem = mutation.error instanceof Problem ? mutation.error : undefined;
  const conflict = problem?.status === 412;
  const fields = problem?.fields ?? {};
  const placed = (p.fields ?? Object.keys(value)).some((f) =>
    Object.keys(fields).some((at) => at === f || at.startsWith(`${f}[`) || at.startsWith(`${f}.`)),
  );
  return {
    value,
    dirty,
    saving: mutation.isPending,
    set: (field, v) => setEdits((e) => ({ ...e, [field]: v })),
    setAll: (edit) => setEdits((e) => changes(base.body, edit({ ...base.body, ...e }))),
    reset: () => {
      setEdits({});
      setBase(latest.current);
      mutation.reset();
    },
    save: () => mutation.mutate(false),
    overwrite: () => mutation.mutate(true),
    error: (field) =>
      say(fields[field] ?? Object.entries(fields).find(([at]) => at.startsWith(`${field}[`) || at.startsWith(`${field}.`))?.[1]),
    failure: conflict || placed ? undefined : (mutation.error ?? undefined),
    conflict,
  };
}
