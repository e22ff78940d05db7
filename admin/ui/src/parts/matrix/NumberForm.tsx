import { Checkbox, NumberInput, Select, SimpleGrid, Stack, Text, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { api, ask, askTagged, ifMatch, type Schemas, type Tagged } from "../../api/client";
import { useText } from "../../i18n";
import { useFormat } from "../../i18n/format";
import { type Draft, useDraft } from "../draft";

export type NumberSettings = Pick<
  Schemas["Number"],
  "display_name" | "call_waiting" | "busy_on_any" | "max_calls" | "ring_inside" | "ring_outside" | "forwarding_profile"
>;

export const numberQuery = (number: string) => ({
  queryKey: ["config", "numbers", number],
  queryFn: ({ signal }: { signal: AbortSignal }) => askTagged(api.GET("/api/numbers/{number}", { params: { path: { number } }, signal })),
});

function settings({ body: n, tag }: Tagged<Schemas["Number"]>): Tagged<NumberSettings> {
  const { display_name, call_waiting, busy_on_any, max_calls, ring_inside, ring_outside, forwarding_profile } = n;
  return { tag, body: { display_name, call_waiting, busy_on_any, max_calls, ring_inside, ring_outside, forwarding_profile } };
}

/** The settings of a number as a draft, for a dialog and for a page. */
export function useNumberDraft(server: Tagged<Schemas["Number"]>, onSaved?: () => void): Draft<NumberSettings> {
  return useDraft<NumberSettings>({
    server: settings(server),
    send: async (change, tag) =>
      settings(
        await askTagged(
          api.PATCH("/api/numbers/{number}", {
            params: { path: { number: server.body.number }, header: ifMatch(tag) },
            body: change,
          }),
        ),
      ),
    onSaved,
  });
}

const sounds = [1, 2, 3, 4, 5, 6, 7, 8];
// Select knows texts only.
const bySchedule = "schedule";
const noProfile = "none";

/** What can be set for a number. What it looks like to the callee is for administrators. */
export function NumberForm({ number: n, draft, manage }: { number: Schemas["Number"]; draft: Draft<NumberSettings>; manage: boolean }) {
  const t = useText();
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
            <Checkbox
              label={t.matrix.callWaiting}
              description={t.matrix.callWaitingHint}
              checked={v.call_waiting}
              onChange={(e) => draft.set("call_waiting", e.currentTarget.checked)}
              error={draft.error("call_waiting")}
            />
            <Checkbox
              label={t.matrix.busyOnAny}
              description={t.matrix.busyOnAnyHint}
              checked={v.busy_on_any}
              onChange={(e) => draft.set("busy_on_any", e.currentTarget.checked)}
              error={draft.error("busy_on_any")}
            />
          </Stack>
          <NumberInput
            label={t.matrix.limit}
            description={t.matrix.limitHint}
            value={v.max_calls}
            min={0}
            max={10_000}
            allowDecimal={false}
            allowNegative={false}
            onChange={(x) => draft.set("max_calls", Number(x) || 0)}
            error={draft.error("max_calls")}
            maw={300}
          />
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
            <Select
              label={t.matrix.ringInside}
              data={rings}
              value={v.ring_inside}
              allowDeselect={false}
              onChange={(x) => draft.set("ring_inside", x ?? "")}
              error={draft.error("ring_inside")}
            />
            <Select
              label={t.matrix.ringOutside}
              data={rings}
              value={v.ring_outside}
              allowDeselect={false}
              onChange={(x) => draft.set("ring_outside", x ?? "")}
              error={draft.error("ring_outside")}
            />
          </SimpleGrid>
        </>
      )}
    </Stack>
  );
}
