import { Alert, Button, Group, Paper, Select, Stack, Table, Text, Title } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { api, ask, askTagged, ifMatch, type Schemas, type Tagged } from "../../api/client";
import { useTextOf } from "../../i18n/room";
import { forwardingRoom } from "../../i18n/rooms/forwarding";
import { useDraft } from "../draft";
import { IconArrowForwardUp, IconPlus, IconTrash } from "../icons";
import { localZone } from "../localtime";
import { SaveBar } from "../SaveBar";
import { Empty, Failed, Loading } from "../States";
import { Widget } from "../Widget";
import { EntriesEditor, newEntry, ZoneFields } from "./EntriesEditor";
import { useMoment } from "./until";

type Num = Schemas["Number"];
type Schedule = NonNullable<Num["schedule"]>;

/** Which profile is in force for a number and until when, the choice by hand, and the schedule. For both clients. */
export function NumberForwarding({ number }: { number: string }) {
  const t = useTextOf(forwardingRoom);
  const read = useQuery({
    queryKey: ["config", "number", number],
    queryFn: ({ signal }) => askTagged(api.GET("/api/numbers/{number}", { params: { path: { number } }, signal })),
  });
  const username = read.data?.body.owner_type === "user" ? read.data.body.owner : "";
  const profiles = useQuery({
    queryKey: ["config", "profiles", username],
    queryFn: ({ signal }) => ask(api.GET("/api/users/{username}/profiles", { params: { path: { username } }, signal })),
    enabled: username !== "",
  });
  const err = read.error ?? profiles.error;
  if (err) return <Failed error={err} retry={() => void read.refetch()} />;
  if (!read.data) return <Loading />;
  if (!username) return <Empty title={t.forwarding.notOfUser} />;
  if (!profiles.data) return <Loading />;
  return <Editor key={number} server={read.data} profiles={profiles.data.items} />;
}

/** What holds now, in one line: "Urlaub bis Montag, 08:00". */
export function ActiveText({ active }: { active: Schemas["ForwardingActive"] | undefined }) {
  const t = useTextOf(forwardingRoom);
  const moment = useMoment();
  if (!active) return null;
  return (
    <Text size="sm" component="span">
      {t.forwarding.activeNow(active.profile ? active.name : t.forwarding.noProfile, moment(active.until))}
      {active.until && (
        <Text size="sm" component="span" c="dimmed">
          {" "}
          ({active.by === "schedule" ? t.forwarding.bySchedule : t.forwarding.byChoice})
        </Text>
      )}
    </Text>
  );
}

function Editor({ server, profiles }: { server: Tagged<Num>; profiles: Schemas["Profile"][] }) {
  const t = useTextOf(forwardingRoom);
  const client = useQueryClient();
  const number = server.body.number;
  const draft = useDraft<Num>({
    server,
    fields: ["forwarding_profile", "schedule"],
    onSaved: (saved) => client.setQueryData(["config", "number", number], saved),
    send: (change, tag) =>
      askTagged(
        api.PATCH("/api/numbers/{number}", {
          params: { path: { number } },
          headers: ifMatch(tag),
          body: "schedule" in change ? { ...change, schedule: change.schedule ?? null } : (change as never),
        } as never),
      ),
  });
  const v = draft.value;
  const byHand = v.forwarding_profile ?? null;
  const names = profiles.map((x) => ({ value: x.id, label: x.name }));
  return (
    <Stack gap="md">
      <Alert
        color={server.body.forwarding_active?.profile ? "teal" : "gray"}
        icon={<IconArrowForwardUp aria-hidden />}
        title={t.forwarding.active}
      >
        <ActiveText active={server.body.forwarding_active} />
      </Alert>
      <Paper p="md">
        <Select
          label={t.forwarding.choice}
          description={v.schedule ? t.forwarding.choiceHint : undefined}
          maw={360}
          data={[
            ...(v.schedule || byHand === null
              ? [{ value: "schedule", label: v.schedule ? t.forwarding.choiceSchedule : t.forwarding.noProfile }]
              : []),
            ...(v.schedule || byHand !== null ? [{ value: "none", label: t.forwarding.noProfile }] : []),
            ...names,
          ]}
          value={byHand === null ? "schedule" : byHand === "" ? "none" : byHand}
          onChange={(x) => draft.set("forwarding_profile", x === "schedule" ? null : x === "none" ? "" : x)}
          allowDeselect={false}
          error={draft.error("forwarding_profile")}
        />
      </Paper>
      <Widget name="number.schedule" title={t.forwarding.schedule} hint={v.schedule ? t.forwarding.scheduleHint : t.forwarding.noSchedule}>
        {v.schedule ? (
          <ScheduleEditor value={v.schedule} profiles={names} onChange={(s) => draft.set("schedule", s)} error={draft.error} />
        ) : (
          <Button
            variant="light"
            w="fit-content"
            leftSection={<IconPlus size={16} aria-hidden />}
            onClick={() =>
              draft.set("schedule", { calendar: { zone: localZone(), entries: [newEntry()] }, profiles: [profiles[0]?.id ?? ""] })
            }
          >
            {t.forwarding.addSchedule}
          </Button>
        )}
      </Widget>
      <Ahead number={number} />
      <SaveBar draft={draft} />
    </Stack>
  );
}

function ScheduleEditor(p: {
  value: Schedule;
  profiles: { value: string; label: string }[];
  onChange: (s: Schedule | undefined) => void;
  error: (field: string) => string | undefined;
}) {
  const t = useTextOf(forwardingRoom);
  const c = p.value.calendar;
  const items = (c.entries ?? []).map((entry, i) => ({ entry, profile: p.value.profiles?.[i] ?? "" }));
  return (
    <Stack gap="md">
      <EntriesEditor
        value={items}
        onChange={(v) => p.onChange({ ...p.value, calendar: { ...c, entries: v.map((x) => x.entry) }, profiles: v.map((x) => x.profile) })}
        add={() => ({ entry: newEntry(), profile: p.profiles[0]?.value ?? "" })}
        head={(x, i, set) => (
          <Select
            label={t.forwarding.profile}
            maw={300}
            data={[{ value: "", label: t.forwarding.noProfile }, ...p.profiles]}
            value={x.profile}
            onChange={(profile) => set({ ...x, profile: profile ?? "" })}
            allowDeselect={false}
            error={p.error(`schedule.profiles[${i}]`)}
          />
        )}
        path="schedule.calendar.entries"
        error={p.error}
      />
      <ZoneFields
        value={c}
        onChange={(more) => p.onChange({ ...p.value, calendar: { ...c, ...more } })}
        path="schedule.calendar."
        error={p.error}
      />
      <Button
        variant="subtle"
        color="red"
        size="xs"
        w="fit-content"
        leftSection={<IconTrash size={14} aria-hidden />}
        onClick={() => p.onChange(undefined)}
      >
        {t.forwarding.removeSchedule}
      </Button>
    </Stack>
  );
}

/** The changes of the coming weeks. */
function Ahead({ number }: { number: string }) {
  const t = useTextOf(forwardingRoom);
  const moment = useMoment();
  const ahead = useQuery({
    queryKey: ["config", "number", number, "forwarding"],
    queryFn: ({ signal }) => ask(api.GET("/api/numbers/{number}/forwarding", { params: { path: { number } }, signal })),
  });
  if (!ahead.data || ahead.data.items.length < 2) return null;
  return (
    <Paper p="md" component="section">
      <Title order={2} fz="md" mb="xs">
        {t.forwarding.ahead}
      </Title>
      <Table.ScrollContainer minWidth={340}>
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t.forwarding.aheadFrom}</Table.Th>
              <Table.Th>{t.forwarding.profile}</Table.Th>
              <Table.Th />
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {ahead.data.items.slice(0, 30).map((x) => (
              <Table.Tr key={x.from}>
                <Table.Td className="kf-tabular">{moment(x.from)}</Table.Td>
                <Table.Td>{x.profile ? x.name : t.forwarding.noProfile}</Table.Td>
                <Table.Td c="dimmed">{x.by === "schedule" ? t.forwarding.bySchedule : t.forwarding.byChoice}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      {(ahead.data.truncated || ahead.data.items.length > 30) && (
        <Group mt="xs">
          <Text size="sm">{t.forwarding.truncated}</Text>
        </Group>
      )}
    </Paper>
  );
}
