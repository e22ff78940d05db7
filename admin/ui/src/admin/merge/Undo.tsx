import { Button } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api, ask } from "../../api/client";
import { useTextOf } from "../../i18n/room";
import { mergeRoom } from "../../i18n/rooms/merge";
import { useProblemText } from "../../parts/problems";

/** Takes a merge back. */
export function Undo({ audit, name, onDone }: { audit: string; name: string; onDone: () => void }) {
  const t = useTextOf(mergeRoom);
  const client = useQueryClient();
  const say = useProblemText();
  const undo = useMutation({
    mutationFn: () => ask(api.POST("/api/audit/{id}/undo", { params: { path: { id: audit } } })),
    onSuccess: () => {
      notifications.show({ message: t.merge.undone, color: "teal" });
      onDone();
    },
    onError: (err) => notifications.show({ message: say(err), color: "red" }),
    onSettled: () => void client.invalidateQueries({ queryKey: ["config"] }),
  });
  return (
    <Button size="compact-xs" variant="light" aria-label={t.merge.undoOf(name)} loading={undo.isPending} onClick={() => undo.mutate()}>
      {t.merge.undo}
    </Button>
  );
}
