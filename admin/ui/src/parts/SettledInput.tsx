import { TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useEffect, useRef, useState } from "react";

/** A text that takes effect when the typing pauses. */
export function SettledInput(p: { label: string; value?: string; onChange: (v: string) => void }) {
  const [text, setText] = useState(p.value ?? "");
  const [settled] = useDebouncedValue(text, 250);
  const told = useRef(p.value ?? "");
  // What comes from elsewhere, as when all filters are reset, takes the place of what was typed.
  useEffect(() => {
    if ((p.value ?? "") === told.current) return;
    told.current = p.value ?? "";
    setText(told.current);
  }, [p.value]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only what is typed moves the address
  useEffect(() => {
    if (settled.trim() === told.current) return;
    told.current = settled.trim();
    p.onChange(told.current);
  }, [settled]);
  return <TextInput label={p.label} value={text} onChange={(e) => setText(e.currentTarget.value)} w={{ base: "100%", sm: 220 }} />;
}
