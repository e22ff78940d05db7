import { Checkbox, Group, NumberInput, SegmentedControl, Select, Stack, Text, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { api, ask } from "../../api/client";
import { useSession } from "../../app/session";
import { useTextOf } from "../../i18n/room";
import { forwardingRoom } from "../../i18n/rooms/forwarding";
import { MatchEditor } from "./MatchEditor";
import { type Conditions, defaultAfter, type FieldError } from "./types";

const states = ["busy", "no_answer", "not_registered"] as const;

/** The conditions of a rule; all must hold, and what is left open asks nothing. */
export function ConditionsEditor(p: {
  value: Conditions;
  onChange: (w: Conditions) => void;
  /** A system-wide rule asks for the number called, and applies at once; that of a profile for the state of its number. */
  system?: boolean;
  path: string;
  error: FieldError;
}) {
  const t = useTextOf(forwardingRoom);
  const w = p.value;
  const set = (more: Partial<Conditions>) => p.onChange(cleaned({ ...w, ...more }));
  const fields = ["class", "caller", "called", "group", "states", "after", "calendar", "outside_calendar"];
  const said = fields.map((f) => p.error(`${p.path}.${f}`));
  const whole = p.error(p.path);
  return (
    <Stack gap="sm">
      <div>
        <Text size="sm" fw={500} mb={4}>
          {t.forwarding.class}
        </Text>
        <SegmentedControl
          aria-label={t.forwarding.class}
          data={[
            { value: "", label: t.forwarding.anyClass },
            { value: "inside", label: t.common.inside },
            { value: "outside", label: t.common.outside },
          ]}
          value={w.class ?? ""}
          onChange={(v) => set({ class: v as Conditions["class"] })}
        />
      </div>
      <MatchEditor
        label={t.forwarding.caller}
        value={w.caller}
        onChange={(caller) => set({ caller })}
        hidden
        path={`${p.path}.caller`}
        error={p.error}
      />
      {p.system && (
        <MatchEditor
          label={t.forwarding.called}
          value={w.called}
          onChange={(called) => set({ called })}
          path={`${p.path}.called`}
          error={p.error}
        />
      )}
      <Group gap="sm" align="flex-start">
        <GroupField value={w.group ?? ""} onChange={(group) => set({ group })} error={p.error(`${p.path}.group`)} />
        <CalendarField
          value={w.calendar ?? ""}
          outside={!!w.outside_calendar}
          onChange={(calendar, outside) => set({ calendar, outside_calendar: outside })}
          error={p.error(`${p.path}.calendar`)}
        />
      </Group>
      {!p.system && (
        <Checkbox.Group
          label={t.forwarding.state}
          description={t.forwarding.stateHint}
          value={w.states ?? []}
          onChange={(v) =>
            set({ states: v as Conditions["states"], after: v.includes("no_answer") ? (w.after ?? defaultAfter) : undefined })
          }
          error={p.error(`${p.path}.states`)}
        >
          <Group gap="md" mt={6}>
            {states.map((s) => (
              <Checkbox key={s} value={s} label={t.forwarding.states[s]} />
            ))}
          </Group>
        </Checkbox.Group>
      )}
      {!p.system && w.states?.includes("no_answer") && (
        <NumberInput
          label={t.forwarding.after}
          suffix={t.forwarding.secondsSuffix}
          min={5}
          max={180}
          allowDecimal={false}
          w={160}
          value={w.after ?? defaultAfter}
          onChange={(n) => set({ after: Number(n) || 0 })}
          error={p.error(`${p.path}.after`)}
        />
      )}
      {whole && !said.includes(whole) && (
        <Text size="sm" c="red" role="alert">
          {whole}
        </Text>
      )}
    </Stack>
  );
}

/** Without the fields that ask nothing. */
function cleaned(w: Conditions): Conditions {
  const out: Conditions = { ...w };
  for (const k of Object.keys(out) as (keyof Conditions)[]) {
    const v = out[k];
    if (v === undefined || v === "" || v === false || (Array.isArray(v) && v.length === 0)) delete out[k];
  }
  return out;
}

/** The caller's group. Users do not see the list of groups; they write its name. */
function GroupField({ value, onChange, error }: { value: string; onChange: (v: string) => void; error?: string }) {
  const t = useTextOf(forwardingRoom);
  const { admin } = useSession();
  const groups = useQuery({
    queryKey: ["config", "groups", "of users"],
    queryFn: ({ signal }) => ask(api.GET("/api/groups", { params: { query: { limit: 1000 } }, signal })),
    enabled: admin,
  });
  if (!groups.data) {
    if (!value && !admin) return null;
    return <TextInput label={t.forwarding.group} value={value} onChange={(e) => onChange(e.currentTarget.value)} error={error} />;
  }
  const options = groups.data.items.filter((g) => g.type === "user").map((g) => ({ value: g.name, label: g.title || g.name }));
  if (value && !options.some((o) => o.value === value)) options.push({ value, label: value });
  return (
    <Select
      label={t.forwarding.group}
      placeholder={t.forwarding.anyGroup}
      data={options}
      value={value || null}
      onChange={(v) => onChange(v ?? "")}
      searchable
      clearable
      error={error}
    />
  );
}

function CalendarField(p: { value: string; outside: boolean; onChange: (id: string, outside: boolean) => void; error?: string }) {
  const t = useTextOf(forwardingRoom);
  const calendars = useQuery({
    queryKey: ["config", "calendars", "all"],
    queryFn: ({ signal }) => ask(api.GET("/api/calendars", { params: { query: { limit: 1000 } }, signal })),
  });
  return (
    <>
      <Select
        label={t.forwarding.calendar}
        placeholder={t.forwarding.anyTime}
        data={(calendars.data?.items ?? []).map((c) => ({ value: c.id, label: c.name }))}
        value={p.value || null}
        onChange={(v) => p.onChange(v ?? "", v ? p.outside : false)}
        searchable
        clearable
        error={p.error}
        nothingFoundMessage={t.forwarding.noCalendars}
      />
      {p.value && (
        <Select
          label={t.forwarding.calendarHolds}
          data={[
            { value: "in", label: t.forwarding.during },
            { value: "out", label: t.forwarding.notDuring },
          ]}
          value={p.outside ? "out" : "in"}
          onChange={(v) => p.onChange(p.value, v === "out")}
          allowDeselect={false}
        />
      )}
    </>
  );
}
