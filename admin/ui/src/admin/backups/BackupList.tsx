import { ActionIcon, Badge, Group, ScrollArea, Table, Text, VisuallyHidden } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api, ask, type Schemas } from "../../api/client";
import { useFormat } from "../../i18n/format";
import { useTextOf } from "../../i18n/room";
import { backupsRoom } from "../../i18n/rooms/backups";
import { useConfirm } from "../../parts/confirm";
import { IconDownload, IconTrash } from "../../parts/icons";
import { useProblemText } from "../../parts/problems";
import { Empty } from "../../parts/States";
import { Widget } from "../../parts/Widget";
import { backupsKey } from "./Backups";

type Backup = Schemas["Backup"];

/** The backups that there are, the newest first. */
export function BackupList({ items, good }: { items: Backup[]; good?: string }) {
  const t = useTextOf(backupsRoom);
  const w = t.backups;
  return (
    <Widget name="backups.list" title={w.list} hint={items.some((b) => !b.encrypted) ? w.secret : undefined}>
      {items.length === 0 ? (
        <Empty title={w.none}>{w.noneHint}</Empty>
      ) : (
        <ScrollArea>
          <Table>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{w.made}</Table.Th>
                <Table.Th>{w.kind}</Table.Th>
                <Table.Th>{w.checked}</Table.Th>
                <Table.Th ta="right">{w.size}</Table.Th>
                <Table.Th>{w.content}</Table.Th>
                <Table.Th>
                  <VisuallyHidden>{w.download}</VisuallyHidden>
                </Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {items.map((b) => (
                <Row
                  key={b.name}
                  backup={b}
                  last={!b.problem && b.created === good && items.filter((x) => !x.problem && x.verified).length === 1}
                />
              ))}
            </Table.Tbody>
          </Table>
        </ScrollArea>
      )}
    </Widget>
  );
}

function Row({ backup: b, last }: { backup: Backup; last: boolean }) {
  const t = useTextOf(backupsRoom);
  const w = t.backups;
  const f = useFormat();
  const say = useProblemText();
  const confirm = useConfirm();
  const client = useQueryClient();
  const remove = useMutation({
    mutationFn: () => ask(api.DELETE("/api/backups/{name}", { params: { path: { name: b.name } } })),
    onSuccess: () => {
      notifications.show({ message: w.removed });
      void client.invalidateQueries({ queryKey: backupsKey });
    },
    onError: (err) => notifications.show({ message: say(err), color: "red" }),
  });
  const when = f.moment(b.created);
  return (
    <Table.Tr>
      <Table.Td style={{ whiteSpace: "nowrap" }} title={b.name}>
        {when}
      </Table.Td>
      <Table.Td>{w.kinds[b.kind]}</Table.Td>
      <Table.Td>
        <Group gap={6} wrap="nowrap">
          <Badge variant="light" tt="none" color={b.problem ? "red" : b.verified ? "green" : "gray"}>
            {b.problem ? w.checkedBad : b.verified ? w.checkedYes : w.checkedNo}
          </Badge>
          {b.encrypted && (
            <Badge variant="light" tt="none">
              {w.sealed}
            </Badge>
          )}
        </Group>
        {b.problem && (
          <Text size="xs" c="dimmed" maw={320}>
            {b.problem}
          </Text>
        )}
      </Table.Td>
      <Table.Td ta="right" style={{ whiteSpace: "nowrap" }}>
        {f.bytes(b.size)}
      </Table.Td>
      <Table.Td style={{ whiteSpace: "nowrap" }}>{b.users ? w.contentOf(f.number(b.users), f.number(b.records ?? 0)) : ""}</Table.Td>
      <Table.Td>
        <Group gap={4} wrap="nowrap" justify="flex-end">
          <ActionIcon
            component="a"
            variant="subtle"
            href={`/api/backups/${encodeURIComponent(b.name)}/file`}
            download
            aria-label={w.downloadNamed(when)}
          >
            <IconDownload size={18} aria-hidden />
          </ActionIcon>
          <ActionIcon
            variant="subtle"
            color="red"
            aria-label={w.removeNamed(when)}
            loading={remove.isPending}
            onClick={() =>
              confirm({ title: w.removeTitle, text: `${w.removeText(when)} ${last ? w.removeLast : ""}`, onConfirm: () => remove.mutate() })
            }
          >
            <IconTrash size={18} aria-hidden />
          </ActionIcon>
        </Group>
      </Table.Td>
    </Table.Tr>
  );
}
