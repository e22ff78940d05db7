import { Group, Text } from "@mantine/core";
import { useTextOf } from "../i18n/room";
import { listsRoom } from "../i18n/rooms/lists";

export type Live = "free" | "in_call" | "dnd" | "not_registered" | "unticked";

const colours: Record<Live, string> = {
  free: "var(--mantine-color-teal-6)",
  in_call: "var(--mantine-color-red-6)",
  dnd: "var(--mantine-color-orange-6)",
  not_registered: "transparent",
  unticked: "transparent",
};

/** What somebody or something does now: a lamp and a word. The lamp is for the quick eye only, the word says all. */
export function LiveState({ state }: { state: Live }) {
  const t = useTextOf(listsRoom);
  const off = state === "not_registered" || state === "unticked";
  return (
    <Group gap={6} wrap="nowrap">
      <span className="kf-lamp" style={{ background: colours[state] }} aria-hidden />
      <Text size="sm" c={off ? "dimmed" : undefined} style={{ whiteSpace: "nowrap" }}>
        {t.lists.states[state]}
      </Text>
    </Group>
  );
}
