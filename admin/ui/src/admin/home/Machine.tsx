import { Progress, Stack, Text } from "@mantine/core";
import type { Schemas } from "../../api/client";
import { useText } from "../../i18n";
import { useFormat } from "../../i18n/format";

/** How much memory and disk is left. */
export function Room({ machine }: { machine: Schemas["Machine"] }) {
  const t = useText();
  return (
    <>
      <Left title={t.home.memory} free={machine.memory_available} total={machine.memory_total} />
      <Left title={t.home.disk} free={machine.disk_free} total={machine.disk_total} />
    </>
  );
}

function Left(p: { title: string; free: number; total: number }) {
  const t = useText();
  const f = useFormat();
  if (p.total <= 0) return null;
  const free = (100 * p.free) / p.total;
  const said = t.home.free(f.number(Math.round(free)), f.bytes(p.free), f.bytes(p.total));
  return (
    <Stack gap={4}>
      <Text size="sm">
        {p.title}: {said}
      </Text>
      <Progress value={100 - free} color={free < 5 ? "red" : free < 15 ? "yellow" : undefined} aria-label={`${p.title}: ${said}`} />
    </Stack>
  );
}
