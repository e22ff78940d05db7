import { Alert, Button, Group, Text } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { api, ask } from "../api/client";
import { useText } from "../i18n";
import { IconUserShare } from "../parts/icons";
import { useSession } from "./session";

/** Says on every page in whose name one works, and by whom; and leads back. */
export function Impersonated() {
  const t = useText();
  const session = useSession();
  const end = useMutation({
    mutationFn: () => ask(api.DELETE("/api/session/impersonate")),
    // Everything on the page was the other's: begin afresh where one came from.
    onSuccess: () => location.assign(`/admin/users/${encodeURIComponent(session.username)}`),
  });
  if (!session.impersonator) return null;
  return (
    <Alert color="orange" variant="outline" bg="var(--mantine-color-orange-light)" icon={<IconUserShare size={18} />} mb="md" role="status">
      <Group justify="space-between">
        <Text size="sm" fw={600}>
          {t.frame.impersonating(session.username, session.impersonator)}
        </Text>
        <Button size="compact-sm" variant="default" loading={end.isPending} onClick={() => end.mutate()}>
          {t.frame.impersonateEnd}
        </Button>
      </Group>
    </Alert>
  );
}
