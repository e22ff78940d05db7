import { Alert, Button, Group, Modal, Stack, Text } from "@mantine/core";
import { modals } from "@mantine/modals";
import type { ReactNode } from "react";
import { useText } from "../../i18n";
import { useTextOf } from "../../i18n/room";
import { personRoom } from "../../i18n/rooms/person";
import type { Draft } from "../draft";
import { Failed } from "../States";

/** A window over the page. While something in it is not saved, closing it asks first. A firm one is closed by its own button alone. */
export function Dialog(p: { title: string; onClose: () => void; dirty?: boolean; firm?: boolean; size?: string; children: ReactNode }) {
  const t = useTextOf(personRoom);
  const close = () => {
    if (!p.dirty) return p.onClose();
    modals.openConfirmModal({
      title: t.common.unsaved,
      labels: { confirm: t.common.discard, cancel: t.common.back },
      confirmProps: { color: "red" },
      children: <Text size="sm">{t.person.discardHint}</Text>,
      onConfirm: p.onClose,
    });
  };
  return (
    <Modal
      opened
      onClose={close}
      title={p.title}
      size={p.size ?? "lg"}
      closeButtonProps={{ "aria-label": t.common.close }}
      withCloseButton={!p.firm}
      closeOnEscape={!p.firm}
      closeOnClickOutside={!p.firm}
    >
      {p.children}
    </Modal>
  );
}

/** The last line of a window with a draft, and above it what went wrong. */
export function DialogFoot<T extends object>({ draft, left }: { draft: Draft<T>; left?: ReactNode }) {
  const t = useText();
  return (
    <Stack gap="sm" mt="lg">
      {draft.failure !== undefined && <Failed error={draft.failure} />}
      {draft.conflict && (
        <Alert color="yellow" title={t.common.changedMeanwhile} role="alert">
          <Group gap="xs">
            <Button size="xs" variant="default" onClick={draft.reset}>
              {t.common.discard}
            </Button>
            <Button size="xs" variant="default" onClick={draft.overwrite}>
              {t.common.overwrite}
            </Button>
          </Group>
        </Alert>
      )}
      <Group justify="space-between">
        <Group gap="xs">{left}</Group>
        <Group gap="xs">
          <Button variant="default" onClick={draft.reset} disabled={!draft.dirty || draft.saving}>
            {t.common.reset}
          </Button>
          <Button onClick={draft.save} disabled={!draft.dirty} loading={draft.saving}>
            {t.common.save}
          </Button>
        </Group>
      </Group>
    </Stack>
  );
}
