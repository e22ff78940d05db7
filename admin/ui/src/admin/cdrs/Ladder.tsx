import { Box, Button, Code, Group, ScrollArea, Stack, Text, UnstyledButton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../../api/client";
import { Problem } from "../../api/problem";
import { useTextOf } from "../../i18n/room";
import { recordRoom } from "../../i18n/rooms/record";
import { IconDownload } from "../../parts/icons";
import { Failed, Loading } from "../../parts/States";
import { Widget } from "../../parts/Widget";
import { type Arrow, draw } from "./ladder";

const column = 190;
const height = 34;
const clock = 76;

/** Who sent what to whom, as long as the messages are kept. */
export function Ladder({ id }: { id: string }) {
  const t = useTextOf(recordRoom);
  const [open, setOpen] = useState<number>();
  const ladder = useQuery({
    queryKey: ["records", "ladder", id],
    queryFn: ({ signal }) => ask(api.GET("/api/calls/{id}/ladder", { params: { path: { id } }, parseAs: "json", signal })),
  });
  const gone = ladder.error instanceof Problem && ladder.error.status === 404;
  const d = typeof ladder.data === "object" ? draw(ladder.data.messages) : undefined;
  const names = [t.common.product, ...(d?.peers ?? [])];
  const width = clock + names.length * column;
  return (
    <Widget
      name="record.ladder"
      title={t.record.ladder}
      hint={d ? t.record.ladderHint : undefined}
      actions={
        d && (
          <Button
            component="a"
            href={`/api/calls/${encodeURIComponent(id)}/pcap`}
            download
            size="xs"
            variant="default"
            leftSection={<IconDownload size={14} aria-hidden />}
          >
            pcap
          </Button>
        )
      }
    >
      {ladder.isPending && <Loading />}
      {gone && (
        <Text size="sm" c="dimmed">
          {t.record.ladderGone}
        </Text>
      )}
      {ladder.isError && !gone && <Failed error={ladder.error} retry={() => void ladder.refetch()} />}
      {d && (
        <ScrollArea>
          <Box miw={width} maw={width}>
            <Group gap={0} wrap="nowrap" pl={clock} aria-hidden>
              {names.map((name) => (
                <Text key={name} size="xs" fw={600} w={column} ta="center" className="kf-tabular">
                  {name}
                </Text>
              ))}
            </Group>
            <Stack gap={0}>
              {d.arrows.map((a, i) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: messages have no name but their place
                <Box key={i}>
                  <UnstyledButton
                    display="block"
                    w="100%"
                    aria-expanded={open === i}
                    aria-label={t.record.message(names[a.from] ?? "", names[a.to] ?? "", a.step.summary)}
                    onClick={() => setOpen(open === i ? undefined : i)}
                  >
                    <Line arrow={a} columns={names.length} />
                  </UnstyledButton>
                  {open === i && (
                    <Box py="xs">
                      <Text size="xs" c="dimmed" className="kf-tabular">
                        {a.step.transport} {a.step.local} {a.step.direction === "out" ? "→" : "←"} {a.step.remote}
                      </Text>
                      <Code block aria-label={t.record.messageText}>
                        {a.step.text}
                      </Code>
                    </Box>
                  )}
                </Box>
              ))}
            </Stack>
          </Box>
        </ScrollArea>
      )}
      {typeof ladder.data === "object" && ladder.data.skipped > 0 && <Text size="sm">{t.record.skipped(ladder.data.skipped)}</Text>}
    </Widget>
  );
}

/** One message: the life lines of all, and an arrow from one to another. */
function Line({ arrow, columns }: { arrow: Arrow; columns: number }) {
  const x = (n: number) => clock + column * (n + 0.5);
  const [from, to] = [x(arrow.from), x(arrow.to)];
  const status = Number(/^\d{3}/.exec(arrow.step.summary)?.[0] ?? 0);
  const colour = status >= 400 ? "var(--mantine-color-red-6)" : "var(--mantine-primary-color-filled)";
  const back = to > from ? -7 : 7;
  return (
    <svg width={clock + columns * column} height={height} role="presentation" style={{ display: "block" }}>
      <text x={4} y={height - 8} fontSize={11} fill="var(--mantine-color-dimmed)" className="kf-tabular">
        +{arrow.after.toFixed(3)} s
      </text>
      {Array.from({ length: columns }, (_, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: lines have no name but their place
        <line key={i} x1={x(i)} x2={x(i)} y1={0} y2={height} stroke="var(--kf-line)" strokeWidth={2} />
      ))}
      <line x1={from} x2={to} y1={height - 8} y2={height - 8} stroke={colour} strokeWidth={1.6} />
      <path
        d={`M${to + back} ${height - 13} L${to} ${height - 8} L${to + back} ${height - 3}`}
        fill="none"
        stroke={colour}
        strokeWidth={1.6}
      />
      <text x={(from + to) / 2} y={height - 14} fontSize={12} textAnchor="middle" fill="var(--mantine-color-text)">
        {arrow.step.summary.length > 48 ? `${arrow.step.summary.slice(0, 47)}…` : arrow.step.summary}
      </text>
    </svg>
  );
}
