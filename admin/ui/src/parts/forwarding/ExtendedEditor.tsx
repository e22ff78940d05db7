import { ActionIcon, Badge, Box, Button, Collapse, Group, Stack, Text, TextInput, Title, UnstyledButton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../../api/client";
import { useTextOf } from "../../i18n/room";
import { forwardingRoom } from "../../i18n/rooms/forwarding";
import { IconChevronDown, IconChevronRight, IconPlus, IconTrash } from "../icons";
import { ActionEditor } from "./ActionEditor";
import { ConditionsEditor } from "./ConditionsEditor";
import { Ordered } from "./Ordered";
import { TestsEditor } from "./TestsEditor";
import { type ExtendedRule, type FieldError, replaced } from "./types";
import { actionWords, conditionWords } from "./words";

/** Names of calendars by their IDs. */
export function useCalendarNames(): Map<string, string> {
  const calendars = useQuery({
    queryKey: ["config", "calendars", "all"],
    queryFn: ({ signal }) => ask(api.GET("/api/calendars", { params: { query: { limit: 1000 } }, signal })),
  });
  return new Map(calendars.data?.items.map((c) => [c.id, c.name]));
}

/** The rules of a profile that have conditions, in their order. */
export function ExtendedEditor(p: { value: ExtendedRule[]; onChange: (v: ExtendedRule[]) => void; path: string; error: FieldError }) {
  const t = useTextOf(forwardingRoom);
  const calendars = useCalendarNames();
  const [open, setOpen] = useState<number>();
  const name = (r: ExtendedRule, i: number) => r.name || t.forwarding.rule(i + 1);
  const set = (i: number, more: Partial<ExtendedRule>) => p.onChange(replaced(p.value, i, { ...(p.value[i] as ExtendedRule), ...more }));
  return (
    <Stack gap="sm">
      {p.value.length === 0 && (
        <Text size="sm" c="dimmed">
          {t.forwarding.noExtended}
        </Text>
      )}
      {p.value.length > 0 && (
        <Ordered
          items={p.value}
          id={(_, i) => String(i)}
          name={name}
          onOrder={(v) => {
            setOpen(undefined);
            p.onChange(v);
          }}
          render={(r, i) => {
            const at = `${p.path}[${i}]`;
            const expanded = open === i;
            const wrong = p.error(at);
            return (
              <Box flex={1} miw={0}>
                <Group wrap="nowrap" gap="xs" justify="space-between">
                  <UnstyledButton onClick={() => setOpen(expanded ? undefined : i)} aria-expanded={expanded} flex={1} miw={0}>
                    <Group gap="xs" wrap="nowrap">
                      {expanded ? <IconChevronDown size={16} aria-hidden /> : <IconChevronRight size={16} aria-hidden />}
                      <Box miw={0}>
                        <Text size="sm" fw={600}>
                          {name(r, i)}
                          {wrong && (
                            <Badge color="red" size="xs" ml="xs" title={wrong}>
                              {t.forwarding.hasError}
                            </Badge>
                          )}
                        </Text>
                        <Text size="xs" c="dimmed">
                          {conditionWords(t, r.when, calendars)} → {actionWords(t, r.action)}
                        </Text>
                      </Box>
                    </Group>
                  </UnstyledButton>
                  <ActionIcon
                    color="red"
                    aria-label={t.forwarding.removeRule(name(r, i))}
                    onClick={() => {
                      setOpen(undefined);
                      p.onChange(p.value.filter((_, k) => k !== i));
                    }}
                  >
                    <IconTrash size={16} />
                  </ActionIcon>
                </Group>
                <Collapse expanded={expanded}>
                  {expanded && (
                    <Stack gap="md" py="sm">
                      <TextInput
                        label={t.forwarding.ruleName}
                        maw={360}
                        maxLength={128}
                        value={r.name ?? ""}
                        onChange={(e) => set(i, { name: e.currentTarget.value || undefined })}
                        error={p.error(`${at}.name`)}
                      />
                      <Section title={t.forwarding.when} hint={t.forwarding.whenHint}>
                        <ConditionsEditor value={r.when} onChange={(when) => set(i, { when })} path={`${at}.when`} error={p.error} />
                      </Section>
                      <Section title={t.forwarding.action}>
                        <Box maw={360}>
                          <ActionEditor
                            label={t.forwarding.action}
                            value={r.action}
                            onChange={(action) => action && set(i, { action })}
                            kinds={r.when.states?.length ? ["number", "parallel", "reject"] : ["number", "parallel", "reject", "allow"]}
                            path={`${at}.action`}
                            error={p.error}
                          />
                        </Box>
                      </Section>
                      <Section title={t.forwarding.tests}>
                        <TestsEditor
                          value={r.tests ?? []}
                          onChange={(tests) => set(i, { tests: tests.length ? tests : undefined })}
                          path={`${at}.tests`}
                          error={p.error}
                        />
                      </Section>
                    </Stack>
                  )}
                </Collapse>
              </Box>
            );
          }}
        />
      )}
      <Button
        variant="light"
        size="xs"
        w="fit-content"
        leftSection={<IconPlus size={14} aria-hidden />}
        disabled={p.value.length >= 100}
        onClick={() => {
          setOpen(p.value.length);
          p.onChange([...p.value, { when: { class: "outside" }, action: { kind: "number", number: "" } }]);
        }}
      >
        {t.forwarding.addRule}
      </Button>
    </Stack>
  );
}

function Section({ title, hint, children }: { title: string; hint?: string; children: React.ReactNode }) {
  return (
    <Stack gap="xs" component="section">
      <Title order={3} fz="sm">
        {title}
      </Title>
      {hint && (
        <Text size="xs" c="dimmed">
          {hint}
        </Text>
      )}
      {children}
    </Stack>
  );
}
