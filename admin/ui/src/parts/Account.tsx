import { ActionIcon, CopyButton, Group, Table, Text, Tooltip } from "@mantine/core";
import type { Schemas } from "../api/client";
import { useTextOf } from "../i18n/room";
import { matrixRoom } from "../i18n/rooms/matrix";
import { IconCheck, IconCopy } from "./icons";

/** What a device registers with, each line to be copied. The secret is there when it was just made or asked for. */
export function Account({ account }: { account: Schemas["SIPAccount"] }) {
  const t = useTextOf(matrixRoom);
  const lines: [string, string][] = [
    [t.matrix.sipUser, account.username],
    ...(account.password ? [[t.matrix.sipPassword, account.password] as [string, string]] : []),
    [t.matrix.sipDomain, account.domain],
  ];
  return (
    <Table highlightOnHover={false} withRowBorders={false} verticalSpacing={4} layout="auto">
      <Table.Tbody>
        {lines.map(([name, value]) => (
          <Table.Tr key={name}>
            <Table.Th scope="row" fw={500} w={110}>
              {name}
            </Table.Th>
            <Table.Td>
              <Group gap={4} wrap="nowrap">
                <Text ff="monospace" size="sm" style={{ overflowWrap: "anywhere" }}>
                  {value}
                </Text>
                <CopyButton value={value}>
                  {({ copied, copy }) => (
                    <Tooltip label={copied ? t.common.copied : t.common.copy}>
                      <ActionIcon size="sm" onClick={copy} aria-label={`${t.common.copy}: ${name}`}>
                        {copied ? <IconCheck size={14} /> : <IconCopy size={14} />}
                      </ActionIcon>
                    </Tooltip>
                  )}
                </CopyButton>
              </Group>
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}
