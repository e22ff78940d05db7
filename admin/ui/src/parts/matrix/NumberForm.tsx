import { Checkbox, NumberInput, Select, SimpleGrid, Stack, Text, TextInput } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { api, ask, askTagged, ifMatch, type Schemas, type Tagged } from "../../api/client";
import { useFormat } from "../../i18n/format";
import { useTextOf } from "../../i18n/room";
import { matrixRoom } from "../../i18n/rooms/matrix";
import { type Draft, useDraft } from "../draft";
import { Given } from "../parameters/Given";
import { withGiven } from "../parameters/layers";

/** Settings that groups can give; null while they do. */
const givable = ["call_waiting", "busy_on_any", "max_calls", "ring_inside", "ring_outside"] as const;

export type NumberSettings = Pick<Schemas["Number"], "display_name" | "forwarding_profile"> & {
  [F in (typeof givable)[number]]: Schemas["Number"][F] | null;
};

export const numberQuery = (number: string) => ({
  queryKey: ["config", "numbers", number],
  queryFn: ({ signal }: { signal: AbortSignal }) => askTagged(api.GET("/api/numbers/{number}", { params: { path: { number } }, signal })),
});

function settings({ body: n, tag }: Tagged<Schemas["Number"]>): Tagged<NumberSettings> {
  const { display_name, call_waiting, busy_on_any, max_calls, ring_inside, ring_outside, forwarding_profile } = n;
  const body = { display_name, call_waiting, busy_on_any, max_calls, ring_inside, ring_outside, forwarding_profile };
  return { tag, body: withGiven(body, givable, n.inherited) };
}

/** The settings of a number as a draft, for a dialog and for a page. */
export function useNumberDraft(server: Tagged<Schemas["Number"]>, onSaved?: () => void): Draft<NumberSettings> {
  const client = useQueryClient();
  return useDraft<NumberSettings>({
    server: settings(server),
    send: async (change, tag) => {
      const { number } = server.body;
      const saved = await askTagged(
        api.PATCH("/api/numbers/{number}", { params: { path: { number }, header: ifMatch(tag) }, body: change }),
      );
      client.setQueryData(numberQuery(number).queryKey, saved); // where a setting comes from shows at once
      return settings(saved);
    },
    onSaved,
  });
}

const sounds = [1, 2, 3, 4, 5, 6, 7, 8];
// Select knows texts only.
const bySchedule = "schedule";
const noProfile = "none";

/** What can be set for a number. What it looks like to the callee is for administrators. */
export function NumberForm({ number: n, draft, manage }: { number: Schemas["Number"]; draft: Draft<NumberSettings>; manage: boolean }) {
  const t = useTextOf(matrixRoom);
  const format = useFormat();
  const ofUser = n.owner_type === "user";
  const profiles = useQuery({
    queryKey: ["config", "profiles", n.owner],
    queryFn: ({ signal }) => ask(api.GET("/api/users/{username}/profiles", { params: { path: { username: n.owner } }, signal })),
    enabled: ofUser,
  });
  const v = draft.value;
  const rings = [{ value: "", label: t.matrix.ringDefault }, ...sounds.map((i) => ({ value: `Bellcore-dr${i}`, label: t.matrix.ring(i) }))];
  const active = n.forwarding_active;
  const given = <F extends (typeof givable)[number]>(
    field: F,
    label: string,
    show: (value: Schemas["Number"][F], disabled: boolean) => ReactNode,
  ) => (
    <Given draft={draft} field={field} label={label} value={n[field] as never} giver={n.inherited?.[field]} manage={manage}>
      {(value, disabled) => show(value as Schemas["Number"][F], disabled)}
    </Given>
  );
  return (
    <Stack gap="md">
      {manage && (
        <TextInput
          label={t.matrix.displayName}
          description={t.matrix.displayNameHint}
          value={v.display_name}
          maxLength={128}
          onChange={(e) => draft.set("display_name", e.currentTarget.value)}
          error={draft.error("display_name")}
        />
      )}
      {ofUser && (
        <>
          <Stack gap="sm">
            {given("call_waiting", t.matrix.callWaiting, (value, disabled) => (
              <Checkbox
                label={t.matrix.callWaiting}
                description={t.matrix.callWaitingHint}
                checked={value}
                disabled={disabled}
                onChange={(e) => draft.set("call_waiting", e.currentTarget.checked)}
                error={draft.error("call_waiting")}
              />
            ))}
            {given("busy_on_any", t.matrix.busyOnAny, (value, disabled) => (
              <Checkbox
                label={t.matrix.busyOnAny}
                description={t.matrix.busyOnAnyHint}
                checked={value}
                disabled={disabled}
                onChange={(e) => draft.set("busy_on_any", e.currentTarget.checked)}
                error={draft.error("busy_on_any")}
              />
            ))}
          </Stack>
          {given("max_calls", t.matrix.limit, (value, disabled) => (
            <NumberInput
              label={t.matrix.limit}
              description={t.matrix.limitHint}
              value={value}
              disabled={disabled}
              min={0}
              max={10_000}
              allowDecimal={false}
              allowNegative={false}
              onChange={(x) => (Number(x) || 0) !== value && draft.set("max_calls", Number(x) || 0)}
              error={draft.error("max_calls")}
              maw={300}
            />
          ))}
          <Select
            label={t.matrix.profile}
            data={[
              { value: noProfile, label: t.matrix.profileNone },
              ...(n.schedule || v.forwarding_profile === null ? [{ value: bySchedule, label: t.matrix.profileSchedule }] : []),
              ...(profiles.data?.items ?? []).map((p) => ({ value: p.id, label: p.name })),
            ]}
            value={v.forwarding_profile === null ? (n.schedule ? bySchedule : noProfile) : v.forwarding_profile || noProfile}
            allowDeselect={false}
            onChange={(x) => draft.set("forwarding_profile", x === bySchedule ? null : x === noProfile ? (n.schedule ? "" : null) : x)}
            error={draft.error("forwarding_profile")}
          />
          {active?.name && (
            <Text size="sm" c="dimmed" mt={-8}>
              {t.matrix.profileActive(active.name)}
              {active.until ? `, ${t.matrix.profileUntil(format.short(active.until))}` : ""}
            </Text>
          )}
          <SimpleGrid cols={{ base: 1, xs: 2 }}>
            {given("ring_inside", t.matrix.ringInside, (value, disabled) => (
              <Select
                label={t.matrix.ringInside}
                data={rings}
                value={value}
                disabled={disabled}
                allowDeselect={false}
                onChange={(x) => draft.set("ring_inside", x ?? "")}
                error={draft.error("ring_inside")}
              />
            ))}
            {given("ring_outside", t.matrix.ringOutside, (value, disabled) => (
              <Select
                label={t.matrix.ringOutside}
                data={rings}
                value={value}
                disabled={disabled}
                allowDeselect={false}
                onChange={(x) => draft.set("ring_outside", x ?? "")}
                error={draft.error("ring_outside")}
              />
            ))}
          </SimpleGrid>
        </>
      )}
    </Stack>
  );
}
