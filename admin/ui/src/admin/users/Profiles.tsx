import { Anchor, Badge, Group, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { api, ask } from "../../api/client";
import { useTextOf } from "../../i18n/room";
import { personRoom } from "../../i18n/rooms/person";
import { Failed } from "../../parts/States";

const part = encodeURIComponent;

/** The forwarding profiles of a user by name, with the numbers for which they are chosen, and the way to where they are made and changed. */
export function Profiles({ username }: { username: string }) {
  const t = useTextOf(personRoom);
  const profiles = useQuery({
    queryKey: ["config", "profiles", username],
    queryFn: ({ signal }) => ask(api.GET("/api/users/{username}/profiles", { params: { path: { username } }, signal })),
  });
  if (profiles.isError) return <Failed error={profiles.error} retry={() => void profiles.refetch()} />;
  return (
    <Stack gap="xs">
      {profiles.data?.items.length === 0 && (
        <Text size="sm" c="dimmed">
          {t.person.noProfiles}
        </Text>
      )}
      {profiles.data?.items.map((p) => (
        <Group key={p.id} gap="xs">
          <Anchor component={Link} href={`/users/${part(username)}/profiles/${part(p.id)}`} size="sm">
            {p.name}
          </Anchor>
          {p.numbers.map((n) => (
            <Badge key={n} variant="light" size="sm" className="kf-tabular">
              {n}
            </Badge>
          ))}
        </Group>
      ))}
      <Anchor component={Link} href={`/users/${part(username)}/profiles`} size="sm">
        {t.person.toProfiles}
      </Anchor>
    </Stack>
  );
}
