import { Alert, Badge, Chip, Group, List, Paper, ScrollArea, Stack, Table, Text, Title } from "@mantine/core";
import { type ReactNode, useState } from "react";
import type { Schemas } from "../../api/client";
import { useFormat } from "../../i18n/format";
import { useTextOf } from "../../i18n/room";
import { transferRoom } from "../../i18n/rooms/transfer";
import { useProblemText } from "../../parts/problems";
import { shown } from "./shown";

type FileResult = Schemas["FileResult"];
type FileObject = Schemas["FileObject"];

const actions = ["conflict", "removed", "changed", "new"] as const;
const colors = { conflict: "red", removed: "orange", changed: "blue", new: "teal", same: "gray" };
// What is drawn at once; the filter leads to the rest.
const mostRows = 500;

/** What an import does, or would: counts by kind, and each object of which something becomes. */
export function Result({ result, children }: { result: FileResult; children: ReactNode }) {
  const t = useTextOf(transferRoom);
  const f = useFormat();
  const say = useProblemText();
  const [only, setOnly] = useState("");
  const sum = (what: (typeof actions)[number] | "same") => result.counts.reduce((n, c) => n + c[what], 0);
  const some = actions.filter((a) => sum(a) > 0);
  const filter = some.includes(only as never) ? only : "";
  const items = result.items.filter((x) => !filter || x.action === filter);
  const rows = items.slice(0, mostRows);
  const more = items.length - rows.length + (filter ? 0 : result.left_out);
  return (
    <Paper p="md" component="section" aria-label={result.applied ? t.transfer.done : t.transfer.result}>
      <Stack>
        <Stack gap={2}>
          <Title order={2} size="h4">
            {result.applied ? t.transfer.done : t.transfer.result}
          </Title>
          <Text size="sm" c="dimmed">
            {t.transfer.from(result.file.source, result.file.program, f.moment(result.file.made_at))}
          </Text>
        </Stack>
        {result.refused && (
          <Alert color="red" role="alert">
            {t.transfer.refused(say(result.refused) ?? "")}
          </Alert>
        )}
        {!result.file.unlocked && (result.new_secrets > 0 || result.no_password > 0 || result.file.secrets) && (
          <Alert color="yellow">
            {[
              result.file.secrets ? t.transfer.locked : t.transfer.noSecrets,
              result.new_secrets > 0 && t.transfer.newSecrets(result.new_secrets),
              result.no_password > 0 && t.transfer.noPassword(result.no_password),
            ]
              .filter(Boolean)
              .join(" ")}
          </Alert>
        )}
        <Counts result={result} />
        {some.length === 0 ? (
          <Text role="status">{t.transfer.nothing}</Text>
        ) : (
          <>
            <Chip.Group value={filter} onChange={(v) => setOnly(v as string)}>
              <Group gap="xs" role="group" aria-label={t.transfer.filter}>
                <Chip size="xs" value="">
                  {t.transfer.all}
                </Chip>
                {some.map((a) => (
                  <Chip key={a} size="xs" value={a}>
                    {`${t.transfer.actions[a]}: ${sum(a)}`}
                  </Chip>
                ))}
              </Group>
            </Chip.Group>
            <ScrollArea>
              <Table>
                <Table.Thead>
                  <Table.Tr>
                    <Table.Th>{t.transfer.what}</Table.Th>
                    <Table.Th>{t.transfer.kind}</Table.Th>
                    <Table.Th miw={130}>{t.transfer.name}</Table.Th>
                    <Table.Th miw={220}>{t.transfer.difference}</Table.Th>
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {rows.map((x, i) => (
                    // biome-ignore lint/suspicious/noArrayIndexKey: names may come twice, and the list is drawn as a whole
                    <Row key={`${x.kind}:${x.owner}:${x.name}:${i}`} of={x} />
                  ))}
                </Table.Tbody>
              </Table>
            </ScrollArea>
            {more > 0 && (
              <Text size="sm" c="dimmed">
                {t.transfer.leftOut(more)}
              </Text>
            )}
          </>
        )}
        {children}
      </Stack>
    </Paper>
  );
}

function Counts({ result }: { result: FileResult }) {
  const t = useTextOf(transferRoom);
  return (
    <Group gap="xs" role="status">
      {result.counts.map((c) => (
        <Badge key={c.kind} variant="light" color={c.conflict > 0 ? "red" : "gray"} tt="none">
          {`${t.transfer.kindsMany[c.kind] ?? c.kind}: ${c.new + c.changed + c.same + c.removed + c.conflict}`}
        </Badge>
      ))}
    </Group>
  );
}

function Row({ of }: { of: FileObject }) {
  const t = useTextOf(transferRoom);
  const say = useProblemText();
  const words = { yes: t.transfer.yes, no: t.transfer.no };
  const field = (name: string) => t.transfer.fields[name] ?? name;
  return (
    <Table.Tr>
      <Table.Td>
        <Badge size="sm" variant="light" color={colors[of.action]} miw="max-content">
          {t.transfer.actions[of.action]}
        </Badge>
      </Table.Td>
      <Table.Td style={{ whiteSpace: "nowrap" }}>{t.transfer.kinds[of.kind] ?? of.kind}</Table.Td>
      <Table.Td style={{ overflowWrap: "anywhere" }}>
        {of.name}
        {of.owner && (
          <Text size="xs" c="dimmed">
            {of.owner}
          </Text>
        )}
      </Table.Td>
      <Table.Td style={{ overflowWrap: "anywhere" }}>
        {(of.problems ?? []).length > 0 && (
          <List size="sm">
            {of.problems?.map((p) => (
              <List.Item key={p.field + p.message}>{say(p.message)}</List.Item>
            ))}
          </List>
        )}
        {of.fields?.map((d) => (
          <Text key={d.field} size="sm">
            <Text span c="dimmed">{`${field(d.field)}: `}</Text>
            {d.before === undefined && d.after === undefined
              ? t.transfer.changedSecret
              : `${shown(d.before, words)} → ${shown(d.after, words)}`}
          </Text>
        ))}
      </Table.Td>
    </Table.Tr>
  );
}
