import { Group, Modal, ScrollArea, Stack, Text, TextInput, UnstyledButton } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { type KeyboardEvent, useEffect, useState } from "react";
import { useLocation } from "wouter";
import { api, ask, type Schemas } from "../api/client";
import { useText } from "../i18n";
import { IconSearch } from "../parts/icons";
import type { Place } from "./Frame";

interface Found {
  title: string;
  subtitle?: string;
  /** What it is. */
  kind?: string;
  to: string;
}

/** The pages of the menu whose name holds the text. */
function pages(places: Place[], text: string, above = ""): Found[] {
  return places.flatMap((p) =>
    p.places
      ? pages(p.places, text, p.title)
      : p.title.toLowerCase().includes(text.toLowerCase())
        ? [{ title: p.title, kind: above, to: p.to }]
        : [],
  );
}

/** Finds whatever has a name, from everywhere, by keyboard alone. */
export function Search(p: { opened: boolean; onClose: () => void; admin: boolean; places: Place[] }) {
  const t = useText();
  const [, navigate] = useLocation();
  const [text, setText] = useState("");
  const [settled] = useDebouncedValue(text.trim(), 150);
  const [at, setAt] = useState(0);
  const hits = useQuery({
    queryKey: ["config", "search", settled],
    queryFn: ({ signal }) => ask(api.GET("/api/search", { params: { query: { q: settled.slice(0, 100), limit: 30 } }, signal })),
    enabled: p.opened && p.admin && settled !== "",
    placeholderData: keepPreviousData,
  });
  const named = (h: Schemas["Hit"]): Found => ({ title: h.title, subtitle: h.subtitle, kind: t.frame.kinds[h.type], to: h.link });
  const found = [...pages(p.places, text.trim()), ...(text.trim() && p.admin ? (hits.data?.items ?? []).map(named) : [])];
  // biome-ignore lint/correctness/useExhaustiveDependencies: another text begins at its first find
  useEffect(() => setAt(0), [text]);
  const go = (f: Found) => {
    p.onClose();
    setText("");
    navigate(f.to);
  };
  const move = (to: number) => {
    setAt(to);
    document.getElementById(`found-${to}`)?.scrollIntoView({ block: "nearest" });
  };
  const key = (e: KeyboardEvent) => {
    if (e.key === "ArrowDown") move(Math.min(at + 1, found.length - 1));
    else if (e.key === "ArrowUp") move(Math.max(at - 1, 0));
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
          placeholder={p.admin ? t.frame.searchHint : t.frame.searchPages}
          aria-label={p.admin ? t.frame.searchHint : t.frame.searchPages}
          role="combobox"
          aria-expanded
          aria-controls="search-found"
          aria-activedescendant={found[at] ? `found-${at}` : undefined}
          value={text}
          onChange={(e) => setText(e.currentTarget.value)}
          onKeyDown={key}
        />
        <ScrollArea.Autosize mah="55vh">
          <div id="search-found" role="listbox" aria-label={t.common.search} aria-busy={hits.isFetching}>
            {found.map((f, i) => (
              <UnstyledButton
                key={`${f.kind} ${f.to}`}
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
                <Group justify="space-between" wrap="nowrap">
                  <Text size="sm" truncate>
                    {f.title}
                    {f.subtitle && (
                      <Text span size="sm" c="dimmed">
                        {"  "}
                        {f.subtitle}
                      </Text>
                    )}
                  </Text>
                  <Text size="xs" c="dimmed" style={{ whiteSpace: "nowrap" }}>
                    {f.kind}
                  </Text>
                </Group>
              </UnstyledButton>
            ))}
          </div>
          {found.length === 0 && !hits.isFetching && (
            <Text size="sm" c="dimmed" p="xs">
              {t.frame.searchNothing}
            </Text>
          )}
        </ScrollArea.Autosize>
      </Stack>
    </Modal>
  );
}
