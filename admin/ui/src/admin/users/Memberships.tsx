import { CloseButton, Group, Paper, Select, Stack, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "wouter";
import { api, ask, askTagged, ifMatch } from "../../api/client";
import { useText } from "../../i18n";
import { useTextOf } from "../../i18n/room";
import { groupsRoom } from "../../i18n/rooms/groups";
import { personRoom } from "../../i18n/rooms/person";
import { groupTitle } from "../../parts/groupTitle";
import { useProblemText } from "../../parts/problems";
import { Failed } from "../../parts/States";

interface Membership {
  id: string;
  title: string;
  to: string;
  /** Follows from the directory: nobody is put in or taken out. */
  fixed?: boolean;
}

/** Groups one is in, and a choice of those one is not in. A change is in force at once. */
function Memberships(p: {
  of: Membership[];
  others: { value: string; label: string }[];
  none: string;
  add: string;
  busy: boolean;
  onAdd: (id: string) => void;
  onRemove: (id: string) => void;
}) {
  const t = useTextOf(personRoom);
  return (
    <Stack gap="sm">
      {p.of.length === 0 && (
        <Text size="sm" c="dimmed">
          {p.none}
        </Text>
      )}
      <Group gap="xs">
        {p.of.map((m) => (
          <Paper key={m.id} px="sm" py={4} radius="xl">
            <Group gap={4} wrap="nowrap">
              <Text size="sm">
                <Link className="kf-link" href={m.to}>
                  {m.title}
                </Link>
              </Text>
              {!m.fixed && (
                <CloseButton size="xs" aria-label={t.person.leaveGroup(m.title)} disabled={p.busy} onClick={() => p.onRemove(m.id)} />
              )}
            </Group>
          </Paper>
        ))}
      </Group>
      {p.others.length > 0 && (
        <Select
          aria-label={p.add}
          placeholder={p.add}
          data={p.others}
          value={null}
          searchable
          limit={50}
          maw={320}
          disabled={p.busy}
          onChange={(id) => id && p.onAdd(id)}
        />
      )}
    </Stack>
  );
}

function useAtOnce() {
  const t = useText();
  const say = useProblemText();
  const client = useQueryClient();
  return {
    onSuccess: () => {
      notifications.show({ message: t.common.saved, color: "teal" });
      return client.invalidateQueries({ queryKey: ["config"] });
    },
    onError: (err: unknown) => notifications.show({ message: say(err), color: "red" }),
  };
}

/** The groups of a user. */
export function UserGroups({ username }: { username: string }) {
  const t = useTextOf(groupsRoom, personRoom);
  const list = (member?: string) => ({
    queryKey: ["config", "groups", "user", member ?? ""],
    queryFn: ({ signal }: { signal: AbortSignal }) =>
      ask(api.GET("/api/groups", { params: { query: { type: "user", member, sort: "title", limit: 1000 } }, signal })),
  });
  const mine = useQuery(list(username));
  const all = useQuery(list());
  const change = useMutation({
    mutationFn: ({ name, into }: { name: string; into: boolean }) => {
      const params = { path: { name, member: username } };
      return ask<unknown>(
        into ? api.PUT("/api/groups/{name}/members/{member}", { params }) : api.DELETE("/api/groups/{name}/members/{member}", { params }),
      );
    },
    ...useAtOnce(),
  });
  if (mine.isError || all.isError) return <Failed error={mine.error ?? all.error} retry={() => void mine.refetch()} />;
  const of = mine.data?.items ?? [];
  const names = new Set(of.map((g) => g.name));
  return (
    <Memberships
      of={of.map((g) => ({ id: g.name, title: groupTitle(t, g), to: `/groups/${g.name}`, fixed: g.computed }))}
      others={(all.data?.items ?? [])
        .filter((g) => !g.computed && !names.has(g.name))
        .map((g) => ({ value: g.name, label: groupTitle(t, g) }))}
      none={t.person.noGroups}
      add={t.person.addGroup}
      busy={change.isPending}
      onAdd={(name) => change.mutate({ name, into: true })}
      onRemove={(name) => change.mutate({ name, into: false })}
    />
  );
}

/** The pickup groups of a user. */
export function Pickup({ username }: { username: string }) {
  const t = useTextOf(personRoom);
  const groups = useQuery({
    queryKey: ["config", "pickupgroups", "all"],
    queryFn: ({ signal }) => ask(api.GET("/api/pickupgroups", { params: { query: { limit: 1000 } }, signal })),
  });
  const change = useMutation({
    mutationFn: async ({ id, into }: { id: string; into: boolean }) => {
      const params = { path: { id } };
      const now = await askTagged(api.GET("/api/pickupgroups/{id}", { params }));
      const users = now.body.users.filter((u) => u !== username);
      if (into) users.push(username);
      return ask(api.PATCH("/api/pickupgroups/{id}", { params: { ...params, header: ifMatch(now.tag) }, body: { users } }));
    },
    ...useAtOnce(),
  });
  if (groups.isError) return <Failed error={groups.error} retry={() => void groups.refetch()} />;
  const all = groups.data?.items ?? [];
  const within = (g: { users: string[] }) => g.users.includes(username);
  return (
    <Memberships
      of={all.filter(within).map((g) => ({ id: g.id, title: g.name, to: `/pickupgroups/${g.id}` }))}
      others={all.filter((g) => !within(g)).map((g) => ({ value: g.id, label: g.name }))}
      none={t.person.noPickup}
      add={t.person.addPickup}
      busy={change.isPending}
      onAdd={(id) => change.mutate({ id, into: true })}
      onRemove={(id) => change.mutate({ id, into: false })}
    />
  );
}
