import { Button, Group, Paper, Switch, Table, Text, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { useParams } from "wouter";
import { api, ask, askTagged, type Schemas } from "../../api/client";
import { Problem } from "../../api/problem";
import { useUnsaved } from "../../app/guard";
import { useSpeech } from "../../i18n";
import { useTextOf } from "../../i18n/room";
import { forwardingRoom } from "../../i18n/rooms/forwarding";
import { Page } from "../../parts/Page";
import { useProblemText } from "../../parts/problems";
import { Failed, Loading } from "../../parts/States";

type FunctionCode = Schemas["Code"];

const key = ["config", "codes"];

/** The function codes; each is changed in its row, and a conflict stands there. A link to one of them (/codes/forward_to) shows its row. */
export default function Codes() {
  const t = useTextOf(forwardingRoom);
  const { action } = useParams<{ action?: string }>();
  const codes = useQuery({
    queryKey: key,
    queryFn: ({ signal }) => ask(api.GET("/api/codes", { params: { query: { limit: 1000, sort: "code" } }, signal })),
  });
  return (
    <Page title={t.forwarding.codes} subtitle={t.forwarding.codesHint}>
      {codes.isError && <Failed error={codes.error} retry={() => void codes.refetch()} />}
      {codes.isPending && <Loading />}
      {codes.data && (
        <Paper>
          <Table.ScrollContainer minWidth={520}>
            <Table verticalSpacing="sm">
              <Table.Thead>
                <Table.Tr>
                  <Table.Th w={260}>{t.forwarding.code}</Table.Th>
                  <Table.Th>{t.forwarding.does}</Table.Th>
                  <Table.Th w={100}>{t.forwarding.enabledTitle}</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {codes.data.items.map((c) => (
                  <Row key={c.action} code={c} meant={c.action === action} />
                ))}
              </Table.Tbody>
            </Table>
          </Table.ScrollContainer>
        </Paper>
      )}
    </Page>
  );
}

function Row({ code: c, meant }: { code: FunctionCode; meant: boolean }) {
  const { language } = useSpeech();
  const t = useTextOf(forwardingRoom);
  const say = useProblemText();
  const client = useQueryClient();
  const [typed, setTyped] = useState(c.code);
  useEffect(() => setTyped(c.code), [c.code]);
  const dirty = typed !== c.code;
  useUnsaved(dirty);
  const save = useMutation({
    mutationFn: (change: { code?: string; enabled?: boolean }) =>
      askTagged(api.PATCH("/api/codes/{action}", { params: { path: { action: c.action } }, body: change })),
    onSuccess: () => {
      notifications.show({ message: t.common.saved, color: "teal" });
      return client.invalidateQueries({ queryKey: key });
    },
  });
  const problem = save.error instanceof Problem ? save.error : undefined;
  const wrong = problem ? say(Object.values(problem.fields)[0] ?? problem) : say(save.error ?? undefined);
  const what = language === "de" ? c.de : c.en;
  const row = useRef<HTMLTableRowElement>(null);
  useEffect(() => {
    if (meant) row.current?.scrollIntoView({ block: "center" });
  }, [meant]);
  return (
    <Table.Tr ref={row} bg={meant ? "var(--mantine-primary-color-light)" : undefined} aria-current={meant || undefined}>
      <Table.Td>
        <form
          onSubmit={(e) => {
            e.preventDefault();
            if (dirty) save.mutate({ code: typed.trim() });
          }}
        >
          <Group gap="xs" wrap="nowrap" align="flex-start">
            <TextInput
              aria-label={t.forwarding.codeOf(what)}
              ff="monospace"
              w={120}
              maxLength={8}
              value={typed}
              onChange={(e) => setTyped(e.currentTarget.value)}
              error={wrong}
              styles={{ error: { width: 240 } }}
            />
            {dirty && (
              <>
                <Button type="submit" size="xs" mt={3} loading={save.isPending}>
                  {t.common.save}
                </Button>
                <Button
                  size="xs"
                  mt={3}
                  variant="default"
                  onClick={() => {
                    setTyped(c.code);
                    save.reset();
                  }}
                >
                  {t.common.reset}
                </Button>
              </>
            )}
          </Group>
        </form>
      </Table.Td>
      <Table.Td>
        <Text size="sm">{what}</Text>
        {c.argument && (
          <Text size="xs" c="dimmed">
            {t.forwarding.thenNumber}
          </Text>
        )}
      </Table.Td>
      <Table.Td>
        <Switch
          aria-label={t.forwarding.enable(what)}
          checked={save.isPending && save.variables?.enabled !== undefined ? save.variables.enabled : c.enabled}
          onChange={(e) => save.mutate({ enabled: e.currentTarget.checked })}
        />
      </Table.Td>
    </Table.Tr>
  );
}
