import { Anchor, Badge, Box, Button, Group, Paper, Stack, Text, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Link, useLocation } from "wouter";
import { api, ask } from "../../api/client";
import { Problem } from "../../api/problem";
import { useTextOf } from "../../i18n/room";
import { forwardingRoom } from "../../i18n/rooms/forwarding";
import { useProblemText } from "../problems";
import { Empty, Failed, Loading } from "../States";
import { Ordered } from "./Ordered";

/** The forwarding profiles of a user, in their order; new ones begin with a name. */
export function ProfileList({ username, link }: { username: string; link: (id: string) => string }) {
  const t = useTextOf(forwardingRoom);
  const client = useQueryClient();
  const key = ["config", "profiles", username];
  const path = { username };
  const profiles = useQuery({
    queryKey: key,
    queryFn: ({ signal }) => ask(api.GET("/api/users/{username}/profiles", { params: { path }, signal })),
  });
  const order = useMutation({
    mutationFn: (ids: string[]) => ask(api.PUT("/api/users/{username}/profiles/order", { params: { path }, body: { profiles: ids } })),
    onSettled: () => client.invalidateQueries({ queryKey: key }),
  });
  if (profiles.isError) return <Failed error={profiles.error} retry={() => void profiles.refetch()} />;
  if (!profiles.data) return <Loading />;
  const items = profiles.data.items;
  return (
    <Stack gap="sm">
      {order.isError && <Failed error={order.error} />}
      {items.length === 0 ? (
        <Paper>
          <Empty title={t.forwarding.noProfiles}>{t.forwarding.noProfilesHint}</Empty>
        </Paper>
      ) : (
        <Ordered
          items={items}
          id={(x) => x.id}
          name={(x) => x.name}
          onOrder={(next) => {
            client.setQueryData(key, { ...profiles.data, items: next });
            order.mutate(next.map((x) => x.id));
          }}
          render={(x, i) => (
            <Group flex={1} justify="space-between" gap="xs">
              <Box>
                <Anchor component={Link} href={link(x.id)} fw={600}>
                  {x.name}
                </Anchor>
                <Text size="xs" c="dimmed">
                  {t.forwarding.rules(x.table.length + x.extended.length)} · {t.forwarding.codePosition(i + 1)}
                </Text>
              </Box>
              {x.numbers.length > 0 && (
                <Badge variant="light" tt="none" size="lg">
                  {t.forwarding.usedFor(x.numbers.join(", "))}
                </Badge>
              )}
            </Group>
          )}
        />
      )}
      <NewProfile username={username} link={link} />
    </Stack>
  );
}

function NewProfile({ username, link }: { username: string; link: (id: string) => string }) {
  const t = useTextOf(forwardingRoom);
  const say = useProblemText();
  const [, navigate] = useLocation();
  const [name, setName] = useState("");
  const create = useMutation({
    mutationFn: () => ask(api.POST("/api/users/{username}/profiles", { params: { path: { username } }, body: { name: name.trim() } })),
    onSuccess: (p) => navigate(link(p.id)),
  });
  const at = create.error instanceof Problem ? create.error.fields.name : undefined;
  const submit = (e: FormEvent) => {
    e.preventDefault();
    if (name.trim()) create.mutate();
  };
  return (
    <form onSubmit={submit}>
      <Group gap="xs" align="flex-start">
        <TextInput
          aria-label={t.forwarding.profileName}
          placeholder={t.forwarding.profileName}
          value={name}
          maxLength={128}
          onChange={(e) => setName(e.currentTarget.value)}
          error={say(at ?? (create.isError ? create.error : undefined))}
        />
        <Button type="submit" variant="light" disabled={!name.trim()} loading={create.isPending}>
          {t.forwarding.addProfile}
        </Button>
      </Group>
    </form>
  );
}
