import { Alert, Badge, Button, FileButton, Group, List, Paper, ScrollArea, Stack, Table, Text, Textarea } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useLocation } from "wouter";
import { api, ask, type Schemas } from "../../api/client";
import { useUnsaved } from "../../app/guard";
import { useTextOf } from "../../i18n/room";
import { bulkRoom } from "../../i18n/rooms/bulk";
import { personRoom } from "../../i18n/rooms/person";
import { IconUpload } from "../../parts/icons";
import { Page } from "../../parts/Page";
import { useProblemText } from "../../parts/problems";
import { Failed } from "../../parts/States";

type Result = Schemas["ImportResult"];

// The server takes no more than this; telling it here spares the way.
const mostBytes = 1 << 20;
const example =
  "username;first_name;last_name;email;language;numbers;slots\narmin.artmann;Armin;Artmann;armin@example.com;de;416 4161;desk dect\n";

const colors = { create: "teal", update: "blue", unchanged: "gray", error: "red" };

/** Users from a CSV file: first what would happen, line by line, then in one go or not at all. */
export default function Import() {
  const t = useTextOf(bulkRoom);
  const client = useQueryClient();
  const [, navigate] = useLocation();
  const [text, setText] = useState("");
  const [name, setName] = useState("");
  const [tooBig, setTooBig] = useState(false);
  useUnsaved(text !== "");
  const send = (preview: boolean) =>
    ask(
      api.POST("/api/users/import", {
        params: { query: { preview } },
        body: text,
        bodySerializer: (b) => b,
        headers: { "Content-Type": "text/csv" },
      }),
    );
  const preview = useMutation({ mutationFn: () => send(true) });
  const apply = useMutation({
    mutationFn: () => send(false),
    onSuccess: (r) => {
      if (!r.applied) return;
      notifications.show({ message: t.bulk.imported(r.create, r.update), color: "teal" });
      setText("");
      void client.invalidateQueries({ queryKey: ["config"] });
      void client.invalidateQueries({ queryKey: ["live"] });
      setTimeout(() => navigate("/users"));
    },
  });
  const tooLong = text.length > mostBytes || new TextEncoder().encode(text).length > mostBytes;
  const take = (content: string, from: string) => {
    setTooBig(false);
    setText(content);
    setName(from);
    preview.reset();
    apply.reset();
  };
  const open = async (file: File | null) => {
    if (!file) return;
    if (file.size > mostBytes) {
      setTooBig(true);
      return;
    }
    const bytes = await file.arrayBuffer();
    take(decode(bytes), file.name);
  };
  const result = apply.data && !apply.data.applied ? apply.data : preview.data;
  return (
    <Page title={t.bulk.importTitle} crumbs={[{ title: t.frame.users, to: "/users" }]}>
      <Paper p="md">
        <Stack>
          <Text size="sm" c="dimmed">
            {t.bulk.importHint}
          </Text>
          <Group>
            <FileButton onChange={(f) => void open(f)} accept=".csv,.txt,text/csv">
              {(props) => (
                <Button {...props} variant="default" leftSection={<IconUpload size={16} aria-hidden />}>
                  {t.bulk.chooseFile}
                </Button>
              )}
            </FileButton>
            <Text size="sm">{name}</Text>
          </Group>
          {tooBig && (
            <Alert color="red" role="alert">
              {t.bulk.tooBig}
            </Alert>
          )}
          <Textarea
            label={t.bulk.orPaste}
            placeholder={example}
            value={text}
            onChange={(e) => take(e.currentTarget.value, "")}
            minRows={5}
            maxRows={12}
            autosize
            spellCheck={false}
            error={tooLong && t.bulk.tooLong}
            styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)", fontSize: "var(--mantine-font-size-xs)" } }}
          />
          {preview.isError && <Failed error={preview.error} />}
          {apply.isError && <Failed error={apply.error} />}
          <Group justify="flex-end">
            <Button variant="default" component={Link} href="/users">
              {t.common.cancel}
            </Button>
            <Button
              variant={result ? "default" : "filled"}
              disabled={!text.trim() || tooLong}
              loading={preview.isPending}
              onClick={() => preview.mutate()}
            >
              {t.bulk.check}
            </Button>
            {result && (
              <Button
                disabled={result.faults > 0 || result.create + result.update === 0}
                loading={apply.isPending}
                onClick={() => apply.mutate()}
              >
                {t.bulk.apply(result.create + result.update)}
              </Button>
            )}
          </Group>
        </Stack>
      </Paper>
      {result && <Lines result={result} />}
    </Page>
  );
}

function Lines({ result }: { result: Result }) {
  const t = useTextOf(bulkRoom, personRoom);
  const say = useProblemText();
  return (
    <Paper p="md" component="section" aria-label={t.bulk.result}>
      <Stack>
        <Group gap="xs" role="status">
          <Badge color="teal" variant="light">{`${t.bulk.actions.create}: ${result.create}`}</Badge>
          <Badge color="blue" variant="light">{`${t.bulk.actions.update}: ${result.update}`}</Badge>
          <Badge color="gray" variant="light">{`${t.bulk.actions.unchanged}: ${result.unchanged}`}</Badge>
          {result.faults > 0 && <Badge color="red">{`${t.bulk.actions.error}: ${result.faults}`}</Badge>}
        </Group>
        {result.faults > 0 && <Alert color="red">{t.bulk.faultsHint}</Alert>}
        <ScrollArea>
          <Table>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t.bulk.line}</Table.Th>
                <Table.Th>{t.person.username}</Table.Th>
                <Table.Th>{t.bulk.action}</Table.Th>
                <Table.Th>{t.frame.numbers}</Table.Th>
                <Table.Th>{t.frame.slots}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {result.lines.map((l) => (
                <Table.Tr key={l.line}>
                  <Table.Td className="kf-tabular">{l.line}</Table.Td>
                  <Table.Td>{l.username}</Table.Td>
                  <Table.Td>
                    <Badge size="sm" variant="light" color={colors[l.action]}>
                      {t.bulk.actions[l.action]}
                    </Badge>
                    {(l.faults ?? []).length > 0 && (
                      <List size="sm" mt={4}>
                        {l.faults?.map((f) => (
                          <List.Item key={f.column + f.message}>
                            {f.column && <b>{f.column}: </b>}
                            {say(f.message)}
                          </List.Item>
                        ))}
                      </List>
                    )}
                  </Table.Td>
                  <Table.Td className="kf-tabular">{(l.numbers ?? []).join(", ")}</Table.Td>
                  <Table.Td>{(l.slots ?? []).map((s) => t.common.types[s as keyof typeof t.common.types] ?? s).join(", ")}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </ScrollArea>
      </Stack>
    </Paper>
  );
}

// Files of today are UTF-8; what is not came from an old spreadsheet in Western letters.
function decode(bytes: ArrayBuffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("windows-1252").decode(bytes);
  }
}
