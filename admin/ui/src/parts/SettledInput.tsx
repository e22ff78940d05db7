import { TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useEffect, useState } from "react";

/** A text that takes effect when the typing pauses. */
export function SettledInput(p: { label: string; value?: string; onChange: (v: string) => void }) {
  const [text, setText] = useState(p.value ?? "");
  const [settled] = useDebouncedValue(text, 250);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only what is typed moves the address
  useEffect(() => {
    if ((p.value ?? "") !== settled.trim()) p.onChange(settled.trim());
  }, [settled]);
  return <TextInput label={p.label} value={text} onChange={(e) => setText(e.currentTarget.value)} w={{ base: "100%", sm: 220 }} />;
}
