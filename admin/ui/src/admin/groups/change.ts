import { notifications } from "@mantine/notifications";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useText } from "../../i18n";
import { useProblemText } from "../../parts/problems";

/** A change of a group that is done at once; what it says about groups is read again. */
export function useChange<T>(send: (v: T) => Promise<unknown>) {
  const t = useText();
  const say = useProblemText();
  const client = useQueryClient();
  return useMutation({
    mutationFn: send,
    onSuccess: () => notifications.show({ message: t.common.saved, color: "teal" }),
    onError: (err) => notifications.show({ message: say(err), color: "red" }),
    onSettled: () => client.invalidateQueries({ queryKey: ["config"] }),
  });
}
