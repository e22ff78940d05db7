import { Badge, Button, Group, Stack, Table, Text } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, ask } from "../../api/client";
import { useSession } from "../../app/session";
import { useFormat } from "../../i18n/format";
import { useTextOf } from "../../i18n/room";
import { meRoom } from "../../i18n/rooms/me";
import { Failed, Loading } from "../../parts/States";

/** "Firefox, Linux" out of what a browser says it is. */
export function browserOf(agent: string): string {
  const name = /(Firefox|Edg|OPR|Chrome|Safari|curl)\/[\d.]+/.exec(agent)?.[1];
  const on = /(Windows|Mac OS X|Android|iPhone|iPad|Linux)/.exec(agent)?.[1];
  const names: Record<string, string> = { Edg: "Edge", OPR: "Opera" };
  return [name && (names[name] ?? name), on].filter(Boolean).join(", ") || agent.slice(0, 60) || "?";
}

/** Where one is logged in, and the ends of it. */
export function Sessions() {
  const t = useTextOf(meRoom);
  const f = useFormat();
  const client = useQueryClient();
  const { username } = useSession();
  const path = { username };
  const list = useQuery({
    queryKey: ["sessions", username],
    queryFn: ({ signal }) => ask(api.GET("/api/users/{username}/sessions", { params: { path }, signal })),
  });
  const again = { onSuccess: () => client.invalidateQueries({ queryKey: ["sessions"] }) };
  const end = useMutation({
    mutationFn: (id: string) => ask(api.DELETE("/api/users/{username}/sessions/{id}", { params: { path: { username, id } } })),
    ...again,
  });
  const endOthers = useMutation({ mutationFn: () => ask(api.DELETE("/api/users/{username}/sessions", { params: { path } })), ...again });
  if (list.isError) return <Failed error={list.error} retry={() => void list.refetch()} />;
  if (!list.data) return <Loading />;
  return (
    <Stack align="flex-start">
      <Table>
        <Table.Tbody>
          {list.data.items.map((s) => (
            <Table.Tr key={s.id}>
              <Table.Td>
                <Group gap="xs">
                  <Text size="sm" fw={500}>
                    {browserOf(s.agent)}
                  </Text>
                  {s.current && (
                    <Badge variant="light" tt="none">
                      {t.me.thisSession}
                    </Badge>
                  )}
                </Group>
                <Text size="xs" c="dimmed">
                  {s.address} · {t.me.since(f.moment(s.since))} · {t.me.seen(f.ago(s.seen))}
                </Text>
              </Table.Td>
              <Table.Td ta="right">
                {!s.current && (
                  <Button
                    size="compact-sm"
                    variant="light"
                    color="red"
                    onClick={() => end.mutate(s.id)}
                    aria-label={`${t.me.endSession}: ${browserOf(s.agent)}, ${s.address}`}
                  >
                    {t.me.endSession}
                  </Button>
                )}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      {list.data.items.length > 1 && (
        <Button variant="light" color="red" size="xs" loading={endOthers.isPending} onClick={() => endOthers.mutate()}>
          {t.me.endOthers}
        </Button>
      )}
      {(end.isError || endOthers.isError) && <Failed error={end.error ?? endOthers.error} />}
    </Stack>
  );
}
