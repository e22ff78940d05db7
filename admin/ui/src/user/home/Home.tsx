import { Badge, Button, Card, Group, SimpleGrid, Stack, Switch, Table, Text, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "wouter";
import { api, ask, ifMatch, type Schemas } from "../../api/client";
import { useSession } from "../../app/session";
import { useFormat } from "../../i18n/format";
import { useTextOf } from "../../i18n/room";
import { meRoom } from "../../i18n/rooms/me";
import { DialPad } from "../../parts/dial";
import { ActiveText } from "../../parts/forwarding/NumberForwarding";
import { Page } from "../../parts/Page";
import { useProblemText } from "../../parts/problems";
import { Failed, Loading } from "../../parts/States";
import { useMe } from "../me";

/** What matters now: who is calling, what was missed, where calls go. */
export default function Home() {
  const t = useTextOf(meRoom);
  const me = useMe();
  if (me.isError) return <Failed error={me.error} retry={() => void me.refetch()} />;
  if (!me.data) return <Loading />;
  const u = me.data.body;
  return (
    <Page title={t.me.hello(u.first_name || u.username)}>
      <SimpleGrid cols={{ base: 1, md: 2 }}>
        <Card withBorder>
          <DialPad />
        </Card>
        <Disturb user={u} tag={me.data.tag} />
        <Missed />
        <CallsNow />
      </SimpleGrid>
      <Forwarding />
    </Page>
  );
}

function Disturb({ user, tag }: { user: Schemas["User"]; tag: string }) {
  const t = useTextOf(meRoom);
  const say = useProblemText();
  const client = useQueryClient();
  const change = useMutation({
    mutationFn: (dnd: boolean) =>
      ask(api.PATCH("/api/users/{username}", { params: { path: { username: user.username }, header: ifMatch(tag) }, body: { dnd } })),
    onSettled: () => client.invalidateQueries({ queryKey: ["config"] }),
    onError: (err) => notifications.show({ message: say(err), color: "red" }),
  });
  return (
    <Card withBorder>
      <Switch
        size="md"
        label={t.me.dnd}
        description={t.me.dndHint}
        checked={change.isPending ? change.variables : user.dnd}
        onChange={(e) => change.mutate(e.currentTarget.checked)}
      />
    </Card>
  );
}

function Missed() {
  const t = useTextOf(meRoom);
  const f = useFormat();
  const { username } = useSession();
  const missed = useQuery({
    queryKey: ["records", "own", "missed"],
    queryFn: ({ signal }) =>
      ask(api.GET("/api/users/{username}/calls", { params: { path: { username }, query: { direction: "missed", limit: 5 } }, signal })),
  });
  const unseen = missed.data?.unseen ?? 0;
  return (
    <Card withBorder component="section">
      <Group justify="space-between" mb="xs">
        <Title order={2} fz="md">
          {t.me.missed} {unseen > 0 && <Badge color="red">{unseen}</Badge>}
        </Title>
        <Button component={Link} href="/calls" size="compact-sm" variant="subtle">
          {t.me.allCalls}
        </Button>
      </Group>
      {missed.isError && <Failed error={missed.error} retry={() => void missed.refetch()} />}
      {missed.data?.items.length === 0 && (
        <Text size="sm" c="dimmed">
          {t.me.missedNone}
        </Text>
      )}
      <Stack gap={4}>
        {missed.data?.items.map((c) => (
          <Group key={c.id} justify="space-between">
            <Text size="sm" fw={c.unseen ? 650 : undefined}>
              {c.party.name || c.party.number || t.me.hidden}
            </Text>
            <Text size="sm" c="dimmed">
              {f.short(c.start)}
            </Text>
          </Group>
        ))}
      </Stack>
    </Card>
  );
}

function CallsNow() {
  const t = useTextOf(meRoom);
  const f = useFormat();
  const { username } = useSession();
  const say = useProblemText();
  const calls = useQuery({ queryKey: ["live", "calls", "own"], queryFn: ({ signal }) => ask(api.GET("/api/calls", { signal })) });
  const end = useMutation({
    mutationFn: (id: string) => ask(api.DELETE("/api/calls/{id}", { params: { path: { id } } })),
    onError: (err) => notifications.show({ message: say(err), color: "red" }),
  });
  const own = (calls.data?.items ?? []).filter((c) => c.from_user === username || c.to_user === username);
  return (
    <Card withBorder component="section">
      <Title order={2} fz="md" mb="xs">
        {t.me.callsNow}
      </Title>
      {own.length === 0 && (
        <Text size="sm" c="dimmed">
          {t.me.callsNone}
        </Text>
      )}
      <Stack gap={6}>
        {own.map((c) => {
          const mine = c.from_user === username;
          return (
            <Group key={c.id} justify="space-between">
              <Text size="sm">
                {mine ? c.to : c.from_name || c.from || t.me.hidden} · {f.clock(c.start)}
              </Text>
              <Button size="compact-xs" color="red" variant="light" onClick={() => end.mutate(c.id)}>
                {t.me.hangUp}
              </Button>
            </Group>
          );
        })}
      </Stack>
    </Card>
  );
}

function Forwarding() {
  const t = useTextOf(meRoom);
  const { username } = useSession();
  const numbers = useQuery({
    queryKey: ["live", "numbers", username],
    queryFn: ({ signal }) => ask(api.GET("/api/numbers", { params: { query: { username, limit: 1000 } }, signal })),
  });
  return (
    <Card withBorder component="section">
      <Title order={2} fz="md" mb="xs">
        {t.me.myNumbers}
      </Title>
      {numbers.isError && <Failed error={numbers.error} retry={() => void numbers.refetch()} />}
      <Table>
        <Table.Tbody>
          {numbers.data?.items.map((n) => (
            <Table.Tr key={n.number}>
              <Table.Td fw={600} className="kf-tabular">
                {n.number}
              </Table.Td>
              <Table.Td>
                <ActiveText active={n.forwarding_active} />
              </Table.Td>
              <Table.Td ta="right">
                <Button
                  component={Link}
                  href={`/numbers/${n.number}`}
                  size="compact-sm"
                  variant="subtle"
                  aria-label={`${t.me.change}: ${n.number}`}
                >
                  {t.me.change}
                </Button>
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Card>
  );
}
