import { Alert, Badge, Table, Text } from "@mantine/core";
import type { ReactNode } from "react";
import type { Schemas } from "../../api/client";
import { useFormat } from "../../i18n/format";
import { useTextOf } from "../../i18n/room";
import { recordRoom } from "../../i18n/rooms/record";

type Media = Schemas["Media"];

/** The figures of both directions side by side; rows without a figure are left out. */
export function MediaTable({ caller, callee, note }: { caller?: Media; callee?: Media; note?: string }) {
  const t = useTextOf(recordRoom);
  const f = useFormat();
  const ms = (n: number | undefined) => (n === undefined ? "" : t.record.ms(f.number(n)));
  const lost = (m: Media) => {
    const share = m.packets + Math.max(0, m.lost) > 0 ? (100 * Math.max(0, m.lost)) / (m.packets + Math.max(0, m.lost)) : 0;
    return `${f.number(m.lost)} (${f.number(share)} %)`;
  };
  const rows: [string, (m: Media) => ReactNode][] = [
    [t.record.quality, (m) => (m.mos ? <Quality mos={m.mos} /> : "")],
    [t.record.codec, (m) => m.codec],
    [t.record.packets, (m) => `${f.number(m.packets)} (${f.bytes(m.bytes)})`],
    [t.record.lost, lost],
    [t.record.jitter, (m) => ms(m.jitter_ms)],
    [t.record.first, (m) => (m.first_ms < 0 ? t.record.never : ms(m.first_ms))],
    [t.record.roundTrip, (m) => ms(m.round_trip_ms)],
    [
      t.record.reported,
      (m) =>
        m.reported_mos !== undefined
          ? t.record.reportedText(f.number(m.reported_lost ?? 0), ms(m.reported_jitter_ms ?? 0), f.number(m.reported_mos))
          : "",
    ],
    [t.record.security, (m) => m.security || t.record.plain],
    [t.record.source, (m) => m.source],
    [t.record.dropped, (m) => (m.dropped ? f.number(m.dropped) : "")],
    [t.record.forged, (m) => (m.forged || m.replayed ? f.number((m.forged ?? 0) + (m.replayed ?? 0)) : "")],
  ];
  const shown = rows
    .map(([title, value]) => ({ title, caller: caller && value(caller), callee: callee && value(callee) }))
    .filter((r) => r.caller || r.callee);
  return (
    <>
      {note && <Alert color="orange">{note}</Alert>}
      <Text size="sm" c="dimmed">
        {t.record.mediaHint}
      </Text>
      <Table.ScrollContainer minWidth={380}>
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Td />
              <Table.Th>{t.record.fromCaller}</Table.Th>
              <Table.Th>{t.record.fromCallee}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {shown.map((r) => (
              <Table.Tr key={r.title}>
                <Table.Th scope="row" fw={500}>
                  {r.title}
                </Table.Th>
                <Table.Td className="kf-tabular">{r.caller || "–"}</Table.Td>
                <Table.Td className="kf-tabular">{r.callee || "–"}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </>
  );
}

/** What the figure of the quality means to an ear. */
function Quality({ mos }: { mos: number }) {
  const t = useTextOf(recordRoom);
  const f = useFormat();
  const [color, word] =
    mos >= 4
      ? ["teal", t.record.good]
      : mos >= 3.6
        ? ["lime", t.record.fair]
        : mos >= 3.1
          ? ["yellow", t.record.poor]
          : ["red", t.record.bad];
  return (
    <Badge color={color} variant="light" tt="none">
      {f.number(mos)} · {word}
    </Badge>
  );
}
