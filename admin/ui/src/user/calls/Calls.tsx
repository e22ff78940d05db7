import { Badge, Button, Center, Group, Paper, ScrollArea, SegmentedControl, Stack, Table, Text } from "@mantine/core";
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { useSearchParams } from "wouter";
import { api, ask, type Schemas } from "../../api/client";
import { useSession } from "../../app/session";
import { useFormat } from "../../i18n/format";
import { useTextOf } from "../../i18n/room";
import { meRoom } from "../../i18n/rooms/me";
import { DialButton } from "../../parts/dial";
import { IconArrowForward, IconPhoneIncoming, IconPhoneOutgoing, IconPhoneX } from "../../parts/icons";
import { Page } from "../../parts/Page";
import { Empty, Failed, Loading } from "../../parts/States";

type Call = Schemas["PersonCall"];
type Direction = Call["direction"];

const icons: Record<Direction, typeof IconPhoneX> = {
  in: IconPhoneIncoming,
  out: IconPhoneOutgoing,
  missed: IconPhoneX,
  forwarded: IconArrowForward,
  elsewhere: IconPhoneIncoming,
};

/** One list per person: what rang at any of the person's numbers, and what was dialled. */
export default function Calls() {
  const t = useTextOf(meRoom);
  const { username } = useSession();
  const client = useQueryClient();
  const [query, setQuery] = useSearchParams();
  const direction = (query.get("direction") ?? undefined) as Direction | undefined;
  const list = useInfiniteQuery({
    queryKey: ["records", "own", "list", direction],
    queryFn: ({ pageParam, signal }) =>
      ask(
        api.GET("/api/users/{username}/calls", {
          params: { path: { username }, query: { direction, limit: 50, cursor: pageParam || undefined } },
          signal,
        }),
      ),
    initialPageParam: "",
    getNextPageParam: (page) => page.next || undefined,
  });
  const calls = list.data?.pages.flatMap((p) => p.items) ?? [];
  const unseen = list.data?.pages[0]?.unseen ?? 0;
  const newest = calls[0]?.id;
  const see = useMutation({
    mutationFn: (id: string) => ask(api.PUT("/api/users/{username}/calls/seen", { params: { path: { username } }, body: { id } })),
    onSuccess: () => client.invalidateQueries({ queryKey: ["records", "own"] }),
  });
  return (
    <Page
      title={t.me.calls}
      actions={
        unseen > 0 &&
        newest && (
          <Button variant="light" size="xs" loading={see.isPending} onClick={() => see.mutate(newest)}>
            {t.me.markSeen}
          </Button>
        )
      }
    >
      <ScrollArea>
        <SegmentedControl
          value={direction ?? "all"}
          onChange={(v) => setQuery(v === "all" ? {} : { direction: v })}
          data={Object.entries(t.me.directions).map(([value, label]) => ({ value, label }))}
          aria-label={t.me.calls}
        />
      </ScrollArea>
      {list.isPending && <Loading />}
      {list.isError && <Failed error={list.error} retry={() => void list.refetch()} />}
      {list.data && calls.length === 0 && <Empty>{t.me.callsEmpty}</Empty>}
      {calls.length > 0 && (
        <Paper>
          <Table>
            <Table.Tbody>
              {calls.map((c) => (
                <Row key={c.id} call={c} />
              ))}
            </Table.Tbody>
          </Table>
        </Paper>
      )}
      {list.hasNextPage && (
        <Center>
          <Button variant="default" loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
            {t.common.more}
          </Button>
        </Center>
      )}
    </Page>
  );
}

function Row({ call: c }: { call: Call }) {
  const t = useTextOf(meRoom);
  const f = useFormat();
  const Icon = icons[c.direction];
  const who = c.party.name || c.party.number || t.me.hidden;
  const more = [
    c.party.name && c.party.number,
    c.number && t.me.via(c.number),
    c.taker && t.me.takenBy(c.taker.name || c.taker.number || ""),
    c.forwarded_to && t.me.sentTo(c.forwarded_to),
  ].filter(Boolean);
  return (
    <Table.Tr>
      <Table.Td w={36}>
        <Icon
          size={18}
          color={c.direction === "missed" ? "var(--mantine-color-red-7)" : undefined}
          aria-label={t.me.directions[c.direction]}
        />
      </Table.Td>
      <Table.Td>
        <Stack gap={0}>
          <Group gap="xs">
            <Text size="sm" fw={c.unseen ? 700 : 500} c={c.direction === "missed" ? "red.8" : undefined}>
              {who}
            </Text>
            {c.class === "outside" && (
              <Badge size="xs" variant="light" color="gray">
                {t.common.outside}
              </Badge>
            )}
          </Group>
          {more.length > 0 && (
            <Text size="xs" c="dimmed">
              {more.join(" · ")}
            </Text>
          )}
        </Stack>
      </Table.Td>
      <Table.Td ta="right" className="kf-tabular" style={{ whiteSpace: "nowrap" }}>
        <Text size="sm">{f.short(c.start)}</Text>
        {c.seconds > 0 && (
          <Text size="xs" c="dimmed">
            {f.span(c.seconds)}
          </Text>
        )}
      </Table.Td>
      <Table.Td w={44}>{c.party.number && <DialButton number={c.party.number} />}</Table.Td>
    </Table.Tr>
  );
}
