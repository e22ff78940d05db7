import { Box, Collapse, Group, Paper, Stack, Text, Title, UnstyledButton } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { type ReactNode, useId } from "react";
import { IconChevronDown, IconChevronRight } from "./icons";

/** A part of a detail page that can be folded away. Whether it is folded is remembered by its name. */
export function Widget(p: { name: string; title: string; hint?: ReactNode; actions?: ReactNode; children: ReactNode; closed?: boolean }) {
  const key = `koppelfeld.widget.${p.name}`;
  const id = useId();
  const stored = localStorage.getItem(key);
  const [open, { toggle }] = useDisclosure(stored ? stored === "open" : !p.closed);
  const flip = () => {
    localStorage.setItem(key, open ? "closed" : "open");
    toggle();
  };
  return (
    <Paper component="section" aria-labelledby={id}>
      <Group justify="space-between" p="sm" wrap="nowrap">
        <UnstyledButton onClick={flip} aria-expanded={open} style={{ flex: 1 }}>
          <Group gap="xs" wrap="nowrap">
            {open ? <IconChevronDown size={16} aria-hidden /> : <IconChevronRight size={16} aria-hidden />}
            <Title order={2} fz="md" id={id}>
              {p.title}
            </Title>
          </Group>
        </UnstyledButton>
        {open && p.actions}
      </Group>
      <Collapse expanded={open}>
        <Box px="md" pb="md">
          <Stack gap="sm">
            {p.hint && (
              <Text size="sm" c="dimmed" component="div">
                {p.hint}
              </Text>
            )}
            {p.children}
          </Stack>
        </Box>
      </Collapse>
    </Paper>
  );
}
