import { Text } from "@mantine/core";
import { modals } from "@mantine/modals";
import type { ReactNode } from "react";
import { useText } from "../i18n";

/** Asks before something is done that cannot be taken back. */
export function useConfirm() {
  const t = useText();
  return (p: { title: string; text: ReactNode; action?: string; onConfirm: () => void }) =>
    modals.openConfirmModal({
      title: p.title,
      children: (
        <Text size="sm" component="div">
          {p.text}
        </Text>
      ),
      labels: { confirm: p.action ?? t.common.remove, cancel: t.common.cancel },
      confirmProps: { color: "red" },
      onConfirm: p.onConfirm,
    });
}
