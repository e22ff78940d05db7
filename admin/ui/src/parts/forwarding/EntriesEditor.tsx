import { ActionIcon, Box, Button, Checkbox, Chip, Group, Paper, Select, Stack, Text, TextInput } from "@mantine/core";
import type { ReactNode } from "react";
import { useTextOf } from "../../i18n/room";
import { forwardingRoom } from "../../i18n/rooms/forwarding";
import { IconPlus, IconTrash } from "../icons";
import { DateField, yearly } from "./DateField";
import { Ordered } from "./Ordered";
import { type Entry, type FieldError, replaced } from "./types";

const week = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;

export const newEntry = (): Entry => ({ days: ["mon", "tue", "wed", "thu", "fri"], from: "08:00", to: "17:00" });

/** A time without an end of day in the sense of the API: there "24:00" ends the day, in a browser "00:00" does. */
const shownEnd = (to: string) => (to === "24:00" ? "00:00" : to);
const sentEnd = (to: string) => (to === "00:00" ? "24:00" : to);

/** The times of a calendar or a schedule, in the order in which they are tried. T carries what belongs to an entry beside its time. */
export function EntriesEditor<T extends { entry: Entry }>(p: {
  value: T[];
  onChange: (v: T[]) => void;
  add: () => T;
  /** What else an entry has, before its time. */
  head: (item: T, i: number, set: (item: T) => void) => ReactNode;
  path: string;
  error: FieldError;
}) {
  const t = useTextOf(forwardingRoom);
  return (
    <Stack gap="sm">
      {p.value.length > 0 && (
        <Ordered
          items={p.value}
          id={(_, i) => String(i)}
          name={(x, i) => x.entry.name || t.forwarding.entry(i + 1)}
          onOrder={p.onChange}
          render={(x, i) => {
            const set = (item: T) => p.onChange(replaced(p.value, i, item));
            return (
              <Box flex={1} miw={0}>
                <Group justify="space-between" align="flex-start" wrap="nowrap">
                  <Stack gap="xs" flex={1} miw={0}>
                    {p.head(x, i, set)}
                    <EntryFields value={x.entry} onChange={(entry) => set({ ...x, entry })} path={`${p.path}[${i}]`} error={p.error} />
                  </Stack>
                  <ActionIcon
                    color="red"
                    aria-label={t.forwarding.removeRule(x.entry.name || t.forwarding.entry(i + 1))}
                    onClick={() => p.onChange(p.value.filter((_, k) => k !== i))}
                  >
                    <IconTrash size={16} />
                  </ActionIcon>
                </Group>
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
        onClick={() => p.onChange([...p.value, p.add()])}
        disabled={p.value.length >= 200}
      >
        {t.forwarding.addEntry}
      </Button>
    </Stack>
  );
}

function EntryFields({ value: e, onChange, path, error }: { value: Entry; onChange: (e: Entry) => void; path: string; error: FieldError }) {
  const t = useTextOf(forwardingRoom);
  const set = (more: Partial<Entry>) => onChange({ ...e, ...more });
  const whole = e.from === "00:00" && (e.to === "00:00" || e.to === "24:00");
  const kind = yearly(e.first) || yearly(e.last) ? "yearly" : e.first !== undefined || e.last !== undefined ? "once" : "always";
  const today = new Date().toISOString().slice(0, 10);
  return (
    <>
      <Chip.Group multiple value={e.days ?? []} onChange={(days) => set({ days: week.filter((d) => days.includes(d)) })}>
        <Group gap={4} role="group" aria-label={t.forwarding.weekdays}>
          {week.map((d) => (
            <Chip key={d} value={d} size="xs" aria-label={t.forwarding.dayNames[d]}>
              {t.forwarding.days[d]}
            </Chip>
          ))}
          {!e.days?.length && (
            <Text size="xs" c="dimmed">
              {t.forwarding.everyDay}
            </Text>
          )}
        </Group>
      </Chip.Group>
      <Group gap="sm" align="flex-end">
        <Checkbox
          label={t.forwarding.wholeDay}
          checked={whole}
          onChange={(x) => set(x.currentTarget.checked ? { from: "00:00", to: "00:00" } : { from: "08:00", to: "17:00" })}
          mb={8}
        />
        {!whole && (
          <>
            <TextInput
              type="time"
              label={t.forwarding.timeFrom}
              value={e.from}
              onChange={(x) => set({ from: x.currentTarget.value || "00:00" })}
              error={error(`${path}.from`)}
            />
            <TextInput
              type="time"
              label={t.forwarding.timeTo}
              value={shownEnd(e.to)}
              onChange={(x) => set({ to: sentEnd(x.currentTarget.value || "00:00") })}
              error={error(`${path}.to`)}
            />
          </>
        )}
        <Select
          label={t.forwarding.dates}
          data={[
            { value: "always", label: t.forwarding.datesAlways },
            { value: "once", label: t.forwarding.datesOnce },
            { value: "yearly", label: t.forwarding.datesYearly },
          ]}
          value={kind}
          onChange={(k) =>
            set(
              k === "once"
                ? { first: today, last: today }
                : k === "yearly"
                  ? { first: "12-24", last: "01-06" }
                  : { first: undefined, last: undefined },
            )
          }
          allowDeselect={false}
        />
        {kind !== "always" && (
          <>
            <DateField
              label={t.forwarding.firstDay}
              yearly={kind === "yearly"}
              value={e.first ?? ""}
              onChange={(first) => set({ first })}
              error={error(`${path}.first`)}
            />
            <DateField
              label={t.forwarding.lastDay}
              yearly={kind === "yearly"}
              value={e.last ?? ""}
              onChange={(last) => set({ last })}
              error={error(`${path}.last`)}
            />
          </>
        )}
        <Select
          label={t.forwarding.holidayRule}
          data={(["", "not", "only"] as const).map((v) => ({ value: v, label: t.forwarding.holidays[v] }))}
          value={e.holidays ?? ""}
          onChange={(v) => set({ holidays: (v || undefined) as Entry["holidays"] })}
          allowDeselect={false}
          error={error(`${path}.holidays`)}
        />
      </Group>
    </>
  );
}

/** Time zone, the state whose holidays count, and holidays of one's own: what entries are told by. */
export function ZoneFields(p: {
  value: { zone: string; state?: string; own?: { date: string; name?: string }[] | null };
  onChange: (more: { zone?: string; state?: string; own?: { date: string; name?: string }[] }) => void;
  path: string;
  error: FieldError;
}) {
  const t = useTextOf(forwardingRoom);
  const own = p.value.own ?? [];
  const zones = Intl.supportedValuesOf("timeZone");
  return (
    <Stack gap="sm">
      <Group gap="sm" align="flex-start">
        <Select
          label={t.forwarding.zone}
          data={zones.includes(p.value.zone) ? zones : [p.value.zone, ...zones].filter(Boolean)}
          value={p.value.zone || null}
          onChange={(zone) => zone && p.onChange({ zone })}
          searchable
          limit={60}
          allowDeselect={false}
          error={p.error(`${p.path}zone`)}
        />
        <Select
          label={t.forwarding.region}
          data={[
            { value: "", label: t.forwarding.noRegion },
            ...Object.entries(t.forwarding.regions).map(([value, label]) => ({ value, label })),
          ]}
          value={p.value.state ?? ""}
          onChange={(state) => p.onChange({ state: state ?? "" })}
          allowDeselect={false}
          error={p.error(`${p.path}state`)}
        />
      </Group>
      <Text size="sm" fw={500}>
        {t.forwarding.ownHolidays}
      </Text>
      <Text size="xs" c="dimmed">
        {t.forwarding.ownHolidaysHint}
      </Text>
      {own.map((h, i) => {
        const set = (more: Partial<typeof h>) => p.onChange({ own: replaced(own, i, { ...h, ...more }) });
        const every = yearly(h.date);
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: holidays have no name but their place
          <Paper key={i} p="xs">
            <Group gap="sm" align="flex-end">
              <TextInput
                label={t.forwarding.holidayName}
                value={h.name ?? ""}
                maxLength={128}
                onChange={(e) => set({ name: e.currentTarget.value })}
              />
              <DateField
                label={t.forwarding.day}
                yearly={every}
                value={h.date}
                onChange={(date) => set({ date })}
                error={p.error(`${p.path}own[${i}]`)}
              />
              <Checkbox
                label={t.forwarding.datesYearly}
                mb={8}
                checked={every}
                onChange={(e) =>
                  set({ date: e.currentTarget.checked ? h.date.slice(-5) || "12-24" : `${new Date().getFullYear()}-${h.date || "12-24"}` })
                }
              />
              <ActionIcon
                color="red"
                mb={6}
                aria-label={t.forwarding.removeHoliday(h.name || h.date)}
                onClick={() => p.onChange({ own: own.filter((_, k) => k !== i) })}
              >
                <IconTrash size={16} />
              </ActionIcon>
            </Group>
          </Paper>
        );
      })}
      <Button
        variant="light"
        size="xs"
        w="fit-content"
        leftSection={<IconPlus size={14} aria-hidden />}
        onClick={() => p.onChange({ own: [...own, { name: "", date: "12-24" }] })}
      >
        {t.forwarding.addHoliday}
      </Button>
    </Stack>
  );
}
