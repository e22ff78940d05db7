import { Alert, Button, Center, List, Loader, Stack, Text } from "@mantine/core";
import type { ReactNode } from "react";
import { Problem } from "../api/problem";
import { useText } from "../i18n";
import { useProblemText } from "./problems";

export function Loading() {
  const t = useText();
  return (
    <Center mih={160}>
      <Loader aria-label={t.common.loading} />
    </Center>
  );
}

/** An error in the place of what could not be read. */
export function Failed({ error, retry }: { error: unknown; retry?: () => void }) {
  const t = useText();
  const say = useProblemText();
  const gone = error instanceof Problem && error.status === 404;
  // What has no field to stand at stands here, or nobody would learn the cause. Reasons of a refused call are said elsewhere.
  const placeless = error instanceof Problem && !gone && !error.is("call-refused") ? Object.values(error.fields) : [];
  const details = [...new Set(placeless)].filter((d) => d !== (error as Problem).message).slice(0, 5);
  return (
    <Alert color={gone ? "gray" : "red"} title={gone ? t.common.gone : t.common.failed} role="alert">
      <Stack gap="xs" align="flex-start">
        {!gone && <Text size="sm">{say(error)}</Text>}
        {details.length > 0 && (
          <List size="sm">
            {details.map((d) => (
              <List.Item key={d}>{say(d)}</List.Item>
            ))}
          </List>
        )}
        {retry && !gone && (
          <Button size="xs" variant="light" color="red" onClick={retry}>
            {t.common.tryAgain}
          </Button>
        )}
      </Stack>
    </Alert>
  );
}

/** What stands where a list is empty: what it is for, and how to begin. */
export function Empty({ title, children }: { title?: string; children?: ReactNode }) {
  const t = useText();
  return (
    <Center py="xl">
      <Stack gap="xs" align="center">
        <Text fw={600}>{title ?? t.common.empty}</Text>
        {children && (
          <Text size="sm" c="dimmed" ta="center" maw={460} component="div">
            {children}
          </Text>
        )}
      </Stack>
    </Center>
  );
}
