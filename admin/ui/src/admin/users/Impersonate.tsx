import { Button, Text } from "@mantine/core";
import { modals } from "@mantine/modals";
import { notifications } from "@mantine/notifications";
import { useMutation } from "@tanstack/react-query";
import { api, ask } from "../../api/client";
import { useSession } from "../../app/session";
import { useTextOf } from "../../i18n/room";
import { bulkRoom } from "../../i18n/rooms/bulk";
import { IconUserShare } from "../../parts/icons";
import { useProblemText } from "../../parts/problems";

/** Goes on as another user, after a question. Not for oneself, and not in the name of another already. */
export function Impersonate({ username }: { username: string }) {
  const t = useTextOf(bulkRoom);
  const say = useProblemText();
  const session = useSession();
  const begin = useMutation({
    mutationFn: () => ask(api.POST("/api/session/impersonate", { body: { username } })),
    // The session is another's now: nothing that was read before may stay.
    onSuccess: () => location.assign("/"),
    onError: (err) => notifications.show({ message: say(err), color: "red" }),
  });
  if (session.username === username || session.impersonator) return null;
  return (
    <Button
      variant="default"
      leftSection={<IconUserShare size={16} aria-hidden />}
      loading={begin.isPending}
      onClick={() =>
        modals.openConfirmModal({
          title: t.bulk.impersonateSure(username),
          children: <Text size="sm">{t.bulk.impersonateHint}</Text>,
          labels: { confirm: t.bulk.impersonate, cancel: t.common.cancel },
          onConfirm: () => begin.mutate(),
        })
      }
    >
      {t.bulk.impersonate}
    </Button>
  );
}
