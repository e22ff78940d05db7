import { Button, Group, List, Stack, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useLocation } from "wouter";
import { api, ask } from "../../api/client";
import { useTextOf } from "../../i18n/room";
import { personRoom } from "../../i18n/rooms/person";
import { Dialog } from "../../parts/matrix/Dialog";
import { Failed, Loading } from "../../parts/States";

/** Says what goes with a user before it goes. */
export function DeleteUser({ username, onClose }: { username: string; onClose: () => void }) {
  const t = useTextOf(personRoom);
  const client = useQueryClient();
  const [, navigate] = useLocation();
  const params = { path: { username } };
  const preview = useQuery({
    queryKey: ["config", "users", username, "belongings"],
    queryFn: ({ signal }) => ask(api.DELETE("/api/users/{username}", { params: { ...params, query: { preview: true } }, signal })),
  });
  const profiles = useQuery({
    queryKey: ["config", "profiles", username],
    queryFn: ({ signal }) => ask(api.GET("/api/users/{username}/profiles", { params, signal })),
  });
  const remove = useMutation({
    mutationFn: () => ask(api.DELETE("/api/users/{username}", { params })),
    onSuccess: () => {
      notifications.show({ message: t.person.removed(username), color: "teal" });
      navigate("/users", { replace: true });
      void client.invalidateQueries({ queryKey: ["config"] });
    },
  });
  const b = preview.data;
  const names = profiles.data?.items.map((p) => p.name) ?? [];
  const lines = b
    ? [
        b.numbers.length > 0 && t.person.removeNumbers(b.numbers),
        b.slots.length > 0 && t.person.removeSlots(b.slots.map((s) => s.name)),
        b.ticks > 0 && t.person.removeTicks(b.ticks),
        names.length > 0 && t.person.removeProfiles(names),
        b.groups.length > 0 && t.person.removeGroups(b.groups),
      ].filter((line) => line !== false)
    : [];
  return (
    <Dialog title={t.person.removeSure(username)} onClose={onClose} size="md">
      <Stack>
        {preview.isError && <Failed error={preview.error} retry={() => void preview.refetch()} />}
        {preview.isPending && <Loading />}
        {b &&
          (lines.length === 0 ? (
            <Text size="sm">{t.person.removeNothing}</Text>
          ) : (
            <>
              <Text size="sm">{t.person.removeGoes}</Text>
              <List size="sm">
                {lines.map((line) => (
                  <List.Item key={line}>{line}</List.Item>
                ))}
              </List>
            </>
          ))}
        {remove.isError && <Failed error={remove.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {t.common.cancel}
          </Button>
          <Button color="red" disabled={!b} loading={remove.isPending} onClick={() => remove.mutate()}>
            {t.person.remove}
          </Button>
        </Group>
      </Stack>
    </Dialog>
  );
}
