import { Group, Modal, ScrollArea, Stack, Text, TextInput, UnstyledButton } from "@mantine/core";
import { type KeyboardEvent, useEffect, useState } from "react";
import { useLocation } from "wouter";
import { useText } from "../i18n";
import { IconSearch } from "../parts/icons";
import type { Place } from "./Frame";

interface Found {
  title: string;
  subtitle?: string;
  to: string;
}

/** The pages of the menu whose name holds the text. */
function pages(places: Place[], text: string, above = ""): Found[] {
  return places.flatMap((p) =>
    p.places
      ? pages(p.places, text, p.title)
      : p.title.toLowerCase().includes(text.toLowerCase())
        ? [{ title: p.title, subtitle: above, to: p.to }]
        : [],
  );
}

/** Finds whatever has a name, from everywhere, by keyboard alone. */
export function Search(p: { opened: boolean; onClose: () => void; admin: boolean; places: Place[] }) {
  const t = useText();
  const [, navigate] = useLocation();
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const found = pages(p.places, text);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another text begins at its first find
  useEffect(() => setAt(0), [text]);
  const go = (f: Found) => {
    p.onClose();
    setText("");
    navigate(f.to);
  };
  const key = (e: KeyboardEvent) => {
    if (e.key === "ArrowDown") setAt(Math.min(at + 1, found.length - 1));
    else if (e.key === "ArrowUp") setAt(Math.max(at - 1, 0));
    else if (e.key === "Enter" && found[at]) go(found[at]);
    else return;
    e.preventDefault();
  };
  return (
    <Modal opened={p.opened} onClose={p.onClose} title={t.common.search} size="lg" yOffset="10vh" centered={false}>
      <Stack gap="xs">
        <TextInput
          data-autofocus
          leftSection={<IconSearch size={16} aria-hidden />}
          placeholder={t.frame.searchHint}
          aria-label={t.frame.searchHint}
          role="combobox"
          aria-expanded
          aria-controls="search-found"
          aria-activedescendant={found[at] ? `found-${at}` : undefined}
          value={text}
          onChange={(e) => setText(e.currentTarget.value)}
          onKeyDown={key}
        />
        <ScrollArea.Autosize mah="55vh">
          <div id="search-found" role="listbox" aria-label={t.common.search}>
            {found.map((f, i) => (
              <UnstyledButton
                key={f.to}
                id={`found-${i}`}
                role="option"
                aria-selected={i === at}
                tabIndex={-1}
                w="100%"
                p="xs"
                onClick={() => go(f)}
                onMouseMove={() => setAt(i)}
                style={{
                  borderRadius: "var(--mantine-radius-md)",
                  background: i === at ? "var(--mantine-primary-color-light)" : undefined,
                }}
              >
                <Group justify="space-between">
                  <Text size="sm">{f.title}</Text>
                  <Text size="xs" c="dimmed">
                    {f.subtitle}
                  </Text>
                </Group>
              </UnstyledButton>
            ))}
          </div>
          {found.length === 0 && (
            <Text size="sm" c="dimmed" p="xs">
              {t.frame.searchNothing}
            </Text>
          )}
        </ScrollArea.Autosize>
      </Stack>
    </Modal>
  );
}
