import { Badge, Button, Group, List, Paper, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { api, ask, type Schemas } from "../../api/client";
import { useSpeech } from "../../i18n";
import { useTextOf } from "../../i18n/room";
import { matrixRoom } from "../../i18n/rooms/matrix";
import { Failed, Loading } from "../States";
import { Dialog } from "./Dialog";
import type { Ticks } from "./ticks";

type BeforeAfter = Schemas["BeforeAfter"];

/** Says in words who would ring before and after, without setting anything. */
export function Preview(p: {
  username: string;
  ticks: Ticks;
  /** Another order of the rows, if they have one. */
  rows?: string[];
  reordered: boolean;
  onClose: () => void;
  onSave: () => void;
}) {
  const t = useTextOf(matrixRoom);
  const { language } = useSpeech();
  const preview = useQuery({
    queryKey: ["config", "matrix", p.username, "preview", p.ticks, p.rows],
    queryFn: ({ signal }) =>
      ask(
        api.POST("/api/users/{username}/matrix/preview", {
          params: { path: { username: p.username }, query: { numbers: p.rows } },
          body: p.ticks,
          signal,
        }),
      ),
  });
  const numbers = preview.data?.numbers.filter((n) => n.changed) ?? [];
  const slots = preview.data?.slots ?? [];
  return (
    <Dialog title={t.matrix.previewTitle} onClose={p.onClose}>
      <Stack>
        {preview.isPending && <Loading />}
        {preview.isError && <Failed error={preview.error} retry={() => void preview.refetch()} />}
        {preview.data && numbers.length + slots.length === 0 && <Text size="sm">{t.matrix.previewNothing}</Text>}
        {p.reordered && (
          <Text size="sm" c="dimmed">
            {t.matrix.orderHint}
          </Text>
        )}
        {numbers.map((n) => {
          const same = n.inside.before.de === n.outside.before.de && n.inside.after.de === n.outside.after.de;
          return (
            <Paper key={n.number} p="sm" component="section" aria-label={t.matrix.numberOf(n.number)}>
              <Text fw={650} className="kf-tabular" mb={4}>
                {n.number}
              </Text>
              {same ? (
                <Change title={t.matrix.previewSame} of={n.inside} />
              ) : (
                <>
                  <Change title={t.matrix.previewInside} of={n.inside} />
                  <Change title={t.matrix.previewOutside} of={n.outside} />
                </>
              )}
            </Paper>
          );
        })}
        {slots.length > 0 && (
          <Paper p="sm">
            <Text fw={650} mb={4}>
              {t.matrix.previewOutgoing}
            </Text>
            <List size="sm">
              {slots.map((s) => (
                <List.Item key={s.id}>{s[language]}</List.Item>
              ))}
            </List>
          </Paper>
        )}
        <Group justify="flex-end">
          <Button variant="default" onClick={p.onClose}>
            {t.common.back}
          </Button>
          <Button
            disabled={!preview.data}
            onClick={() => {
              p.onClose();
              p.onSave();
            }}
          >
            {t.common.save}
          </Button>
        </Group>
      </Stack>
    </Dialog>
  );
}

function Change({ title, of }: { title: string; of: BeforeAfter }) {
  const t = useTextOf(matrixRoom);
  const { language } = useSpeech();
  const line = (name: string, text: string, color: string) => (
    <Group gap="xs" wrap="nowrap" align="flex-start">
      <Badge size="sm" variant="light" color={color} miw={64} mt={1}>
        {name}
      </Badge>
      <Text size="sm">{text}</Text>
    </Group>
  );
  return (
    <Stack gap={4} mb="xs">
      <Text size="xs" c="dimmed">
        {title}
      </Text>
      {line(t.matrix.before, of.before[language], "gray")}
      {line(t.matrix.after, of.after[language], "koppel")}
    </Stack>
  );
}
