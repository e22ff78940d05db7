import { ActionIcon, Box, Group, ScrollArea, Stack, Text } from "@mantine/core";
import { Link } from "wouter";
import { useTextOf } from "../i18n/room";
import { groupsRoom } from "../i18n/rooms/groups";
import { IconX } from "./icons";

export interface Member {
  id: string;
  title: string;
  subtitle?: string;
  to?: string;
}

/** A list of what belongs to something, each with a way to take it out. */
export function Members(p: { items: Member[]; empty: string; onRemove?: (id: string) => void; busy?: boolean }) {
  const t = useTextOf(groupsRoom);
  if (p.items.length === 0) {
    return (
      <Text size="sm" c="dimmed">
        {p.empty}
      </Text>
    );
  }
  return (
    <ScrollArea.Autosize mah={420}>
      <Stack gap={0} component="ul" m={0} p={0} style={{ listStyle: "none" }}>
        {p.items.map((m) => (
          <Box component="li" key={m.id} className="kf-row">
            <Group justify="space-between" wrap="nowrap" py={4} px={4}>
              <Group gap="xs">
                {m.to ? (
                  <Link className="kf-link" href={m.to}>
                    <Text span size="sm">
                      {m.title}
                    </Text>
                  </Link>
                ) : (
                  <Text size="sm">{m.title}</Text>
                )}
                {m.subtitle && (
                  <Text size="sm" c="dimmed">
                    {m.subtitle}
                  </Text>
                )}
              </Group>
              {p.onRemove && (
                <ActionIcon
                  color="gray"
                  aria-label={t.groups.removeMember(m.title)}
                  title={t.groups.removeMember(m.title)}
                  onClick={() => p.onRemove?.(m.id)}
                  disabled={p.busy}
                >
                  <IconX size={16} />
                </ActionIcon>
              )}
            </Group>
          </Box>
        ))}
      </Stack>
    </ScrollArea.Autosize>
  );
}
