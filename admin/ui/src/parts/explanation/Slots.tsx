import { Badge, Stack, Table, Text } from "@mantine/core";
import { useTextOf } from "../../i18n/room";
import { explanationRoom } from "../../i18n/rooms/explanation";
import { IconBell, IconBellOff } from "../icons";
import { ReasonText } from "./Reasons";
import type { Reason, SettingPlace } from "./settings";

export interface SlotLine {
  id: string;
  title: string;
  user?: string;
  rings: boolean;
  reasons: Reason[];
}

/** For each slot whether it rings, and why or why not. */
export function Slots({ slots, place }: { slots: SlotLine[]; place: SettingPlace }) {
  const t = useTextOf(explanationRoom);
  return (
    <Table.ScrollContainer minWidth={420}>
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t.explanation.slot}</Table.Th>
            <Table.Th w={150}>{t.explanation.ringsTitle}</Table.Th>
            <Table.Th>{t.explanation.why}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {slots.map((s) => (
            <Table.Tr key={s.id}>
              <Table.Td>
                <Text size="sm">{s.title}</Text>
                {s.user && (
                  <Text size="xs" c="dimmed">
                    {s.user}
                  </Text>
                )}
              </Table.Td>
              <Table.Td>
                {s.rings ? (
                  <Badge tt="none" miw="max-content" color="teal" variant="light" leftSection={<IconBell size={12} aria-hidden />}>
                    {t.explanation.rings}
                  </Badge>
                ) : (
                  <Badge tt="none" miw="max-content" color="gray" variant="light" leftSection={<IconBellOff size={12} aria-hidden />}>
                    {t.explanation.silent}
                  </Badge>
                )}
              </Table.Td>
              <Table.Td>
                <Stack gap={2}>
                  {s.reasons.map((r, i) => (
                    // biome-ignore lint/suspicious/noArrayIndexKey: steps have no name but their place
                    <ReasonText key={i} reason={r} place={place} />
                  ))}
                </Stack>
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
