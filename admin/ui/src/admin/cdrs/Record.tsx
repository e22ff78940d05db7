import { Button, Group, SimpleGrid, Stack, Table, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link, useParams } from "wouter";
import { api, ask, type Schemas } from "../../api/client";
import { useText } from "../../i18n";
import { useFormat } from "../../i18n/format";
import { useTextOf } from "../../i18n/room";
import { explanationRoom } from "../../i18n/rooms/explanation";
import { recordRoom } from "../../i18n/rooms/record";
import { wayText } from "../../parts/explanation/outcome";
import { Reasons } from "../../parts/explanation/Reasons";
import { Slots } from "../../parts/explanation/Slots";
import { adminPlace, slotsOf } from "../../parts/explanation/settings";
import { IconUserQuestion } from "../../parts/icons";
import { Page } from "../../parts/Page";
import { Failed, Loading } from "../../parts/States";
import { Widget } from "../../parts/Widget";
import { Ladder } from "./Ladder";
import { MediaTable } from "./MediaTable";
import { ResultBadge } from "./ResultBadge";

type Detail = Schemas["RecordDetail"];

const seconds = (from: string, to: string) => (Date.parse(to) - Date.parse(from)) / 1000;

/** Records name deleted users by their ID; user names are in small letters. */
const isID = (name: string) => /^[0-9A-Z]{26}$/.test(name);

/** One call: what happened, why, how it sounded and what was signalled. */
export default function Record() {
  const t = useTextOf(explanationRoom, recordRoom);
  const { id = "" } = useParams();
  const record = useQuery({
    queryKey: ["records", "cdr", id],
    queryFn: ({ signal }) => ask(api.GET("/api/cdrs/{id}", { params: { path: { id } }, signal })),
  });
  const slots = useSlotNames(record.data);
  const crumbs = [{ title: t.frame.cdrs, to: "/cdrs" }];
  if (record.isError) {
    return (
      <Page title={t.record.call} crumbs={crumbs}>
        <Failed error={record.error} retry={() => void record.refetch()} />
      </Page>
    );
  }
  if (!record.data) return <Loading />;
  const r = record.data;
  const lines = slotsOf(r.reasons);
  return (
    <Page
      title={t.record.title(r.from || t.explanation.hidden, r.to)}
      crumbs={crumbs}
      subtitle={<Summary r={r} />}
      actions={<AskAgain r={r} />}
    >
      <Widget name="record.call" title={t.record.call}>
        <Facts r={r} slots={slots} />
      </Widget>
      <Widget name="record.why" title={t.record.why}>
        {r.forwards && r.forwards.length > 0 && (
          <Text size="sm" fw={600}>
            {t.explanation.forwarded(wayText(t, r.forwards))}
          </Text>
        )}
        {lines.length > 0 && (
          <Slots
            place={adminPlace}
            slots={lines.map((s) => {
              const known = slots.get(s.slotID);
              return { id: s.slotID, title: known?.title ?? t.record.goneSlot, user: known?.username, rings: s.rings, reasons: s.reasons };
            })}
          />
        )}
        <Reasons reasons={r.reasons} place={adminPlace} />
      </Widget>
      {r.legs && r.legs.length > 0 && (
        <Widget name="record.legs" title={t.record.legs}>
          <Legs legs={r.legs} start={r.start} slots={slots} />
        </Widget>
      )}
      {(r.media_caller || r.media_callee || r.media_note) && (
        <Widget name="record.media" title={t.record.media}>
          <MediaTable caller={r.media_caller} callee={r.media_callee} note={r.media_note} />
        </Widget>
      )}
      <Ladder id={id} />
    </Page>
  );
}

interface SlotName {
  title: string;
  username: string;
}

/** The names of the slots that a record is about, as they are now. Slots that are gone have none. */
function useSlotNames(r: Detail | undefined): Map<string, SlotName> {
  const t = useText();
  const ids = [
    ...new Set([r?.from_slot, r?.to_slot, ...(r?.legs ?? []).map((l) => l.slot_id), ...(r?.reasons ?? []).map((x) => x.slot_id)]),
  ];
  const wanted = ids.filter((id): id is string => !!id).slice(0, 60);
  const found = useQuery({
    queryKey: ["config", "slots", "named", wanted],
    enabled: wanted.length > 0,
    queryFn: async ({ signal }) => {
      const read = (id: string) => ask(api.GET("/api/slots/{id}", { params: { path: { id } }, signal })).catch(() => undefined);
      return (await Promise.all(wanted.map(read))).filter((s) => s !== undefined);
    },
  });
  return new Map(found.data?.map((s) => [s.id, { title: s.name || t.common.types[s.type], username: s.username }]));
}

function Summary({ r }: { r: Detail }) {
  const t = useTextOf(recordRoom);
  const f = useFormat();
  return (
    <Group gap="xs">
      <ResultBadge result={r.result} />
      <Text size="sm">{f.moment(r.start)}</Text>
      {r.answer_at && r.end && (
        <Text size="sm" className="kf-tabular">
          {t.record.talked}: {f.span(seconds(r.answer_at, r.end))}
        </Text>
      )}
    </Group>
  );
}

/** The same question to the simulator, with the time of now and with that of the call. */
function AskAgain({ r }: { r: Detail }) {
  const t = useTextOf(recordRoom);
  const q = new URLSearchParams();
  if (r.from) q.set("from", r.from);
  if (r.from_slot) q.set("slot", r.from_slot);
  q.set("to", r.to);
  const then = new URLSearchParams(q);
  then.set("at", r.start);
  return (
    <>
      <Button component={Link} href={`/simulator?${then}`} variant="default" size="sm">
        {t.record.asThen}
      </Button>
      <Button component={Link} href={`/simulator?${q}`} variant="light" size="sm" leftSection={<IconUserQuestion size={16} aria-hidden />}>
        {t.record.again}
      </Button>
    </>
  );
}

function Facts({ r, slots }: { r: Detail; slots: Map<string, SlotName> }) {
  const t = useTextOf(explanationRoom, recordRoom);
  const f = useFormat();
  const user = (name: string | undefined) =>
    name &&
    (isID(name) ? (
      t.record.goneUser
    ) : (
      <Link className="kf-link" href={`/users/${encodeURIComponent(name)}`}>
        {name}
      </Link>
    ));
  const slot = (id: string | undefined) => id && (slots.get(id)?.title ?? t.record.goneSlot);
  const join = (...parts: ReactNode[]) => {
    const there = parts.filter(Boolean);
    return there.length > 0 && there.flatMap((p, i) => (i > 0 ? [" · ", p] : [p]));
  };
  const facts: [string, ReactNode][] = [
    [
      t.record.from,
      join(r.from || t.explanation.hidden, r.from_name, user(r.from_user), slot(r.from_slot), r.from_hidden && t.record.hiddenFrom),
    ],
    [t.record.to, r.to],
    [t.record.took, r.number && join(r.number, user(r.to_user))],
    [t.record.answeredBy, slot(r.to_slot)],
    [t.record.class, t.common[r.class]],
    [t.record.start, f.moment(r.start)],
    [t.record.rang, r.ring_at && t.record.after(`${f.number(seconds(r.start, r.ring_at))} s`)],
    [t.record.answered, r.answer_at && t.record.after(`${f.number(seconds(r.start, r.answer_at))} s`)],
    [t.record.talked, r.answer_at && r.end && f.span(seconds(r.answer_at, r.end))],
    [t.record.end, r.end ? f.moment(r.end) : t.record.running],
    [t.record.hangup, r.hangup_by && (t.record.sides[r.hangup_by] ?? r.hangup_by)],
    [t.record.status, r.status ? String(r.status) : ""],
    [t.record.cause, r.cause],
    [t.record.sipCallID, r.sip_call_id],
  ];
  return (
    <SimpleGrid component="dl" cols={{ base: 1, xs: 2, md: 4 }} spacing="md" m={0}>
      {facts
        .filter(([, value]) => value)
        .map(([title, value]) => (
          <Stack gap={0} key={title}>
            <Text component="dt" size="xs" c="dimmed">
              {title}
            </Text>
            <Text component="dd" size="sm" m={0} style={{ overflowWrap: "anywhere" }}>
              {value}
            </Text>
          </Stack>
        ))}
    </SimpleGrid>
  );
}

function Legs({ legs, start, slots }: { legs: Schemas["Leg"][]; start: string; slots: Map<string, SlotName> }) {
  const t = useTextOf(recordRoom);
  const f = useFormat();
  const after = (at: string | undefined) => (at ? `+${f.number(seconds(start, at))} s` : "–");
  return (
    <Table.ScrollContainer minWidth={640}>
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t.record.slot}</Table.Th>
            <Table.Th>{t.record.contact}</Table.Th>
            <Table.Th ta="right">{t.record.rang}</Table.Th>
            <Table.Th ta="right">{t.record.end}</Table.Th>
            <Table.Th>{t.record.result}</Table.Th>
            <Table.Th ta="right">{t.record.status}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {legs.map((l) => (
            <Table.Tr key={`${l.slot_id} ${l.contact} ${l.start}`}>
              <Table.Td>
                {slots.get(l.slot_id)?.title ?? (l.slot_id && t.record.goneSlot)}
                {l.number ? ` ${l.number}` : ""}
                <Text size="xs" c="dimmed">
                  {slots.get(l.slot_id)?.username}
                </Text>
              </Table.Td>
              <Table.Td style={{ overflowWrap: "anywhere" }}>{l.contact}</Table.Td>
              <Table.Td ta="right" className="kf-tabular">
                {after(l.ring_at)}
              </Table.Td>
              <Table.Td ta="right" className="kf-tabular">
                {after(l.end)}
              </Table.Td>
              <Table.Td>{t.record.results[l.result] ?? l.result}</Table.Td>
              <Table.Td ta="right" className="kf-tabular">
                {l.status || "–"}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
