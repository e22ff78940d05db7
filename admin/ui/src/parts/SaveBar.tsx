import { Affix, Alert, Button, Group, Paper, Text, Transition } from "@mantine/core";
import { useHotkeys } from "@mantine/hooks";
import { useText } from "../i18n";
import type { Draft } from "./draft";
import { Failed } from "./States";

/** What stands at the bottom while something is edited: reset and save, and what went wrong. */
export function SaveBar<T extends object>({ draft }: { draft: Draft<T> }) {
  const t = useText();
  useHotkeys([["mod+S", () => draft.dirty && draft.save()]], []);
  return (
    <>
      {draft.failure !== undefined && <Failed error={draft.failure} />}
      {draft.conflict && (
        <Alert color="yellow" title={t.common.changedMeanwhile} role="alert">
          <Group gap="xs">
            <Button size="xs" variant="light" onClick={draft.reset}>
              {t.common.discard}
            </Button>
            <Button size="xs" variant="light" color="yellow" onClick={draft.overwrite}>
              {t.common.overwrite}
            </Button>
          </Group>
        </Alert>
      )}
      <Affix position={{ bottom: 16, left: "50%" }} style={{ transform: "translateX(-50%)" }} zIndex={150}>
        <Transition mounted={draft.dirty} transition="slide-up">
          {(style) => (
            <Paper shadow="md" p="xs" px="md" style={style} role="region" aria-label={t.common.unsaved}>
              <Group gap="sm" wrap="nowrap">
                <Text size="sm" visibleFrom="sm">
                  {t.common.unsaved}
                </Text>
                <Button size="xs" variant="default" onClick={draft.reset} disabled={draft.saving}>
                  {t.common.reset}
                </Button>
                <Button size="xs" onClick={draft.save} loading={draft.saving}>
                  {t.common.save}
                </Button>
              </Group>
            </Paper>
          )}
        </Transition>
      </Affix>
    </>
  );
}
