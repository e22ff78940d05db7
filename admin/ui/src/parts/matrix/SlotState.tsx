import { Group, Text } from "@mantine/core";
import { useTextOf } from "../../i18n/room";
import { matrixRoom } from "../../i18n/rooms/matrix";
import { IconBellOff, IconCircleCheck, IconCircleDashed, IconPhoneCall } from "../icons";

export type SlotState = "in_call" | "silent" | "registered" | "offline" | "mobile";

/** What a slot does now, in one word. */
export function stateOf(slot: { type: string; in_call: boolean; silent: boolean; registered: boolean }): SlotState {
  if (slot.in_call) return "in_call";
  if (slot.silent) return "silent";
  if (slot.type === "mobile") return "mobile";
  return slot.registered ? "registered" : "offline";
}

const states = {
  in_call: { Icon: IconPhoneCall, color: "var(--mantine-color-blue-text)" },
  silent: { Icon: IconBellOff, color: "var(--mantine-color-orange-text)" },
  registered: { Icon: IconCircleCheck, color: "var(--mantine-color-teal-text)" },
  offline: { Icon: IconCircleDashed, color: "var(--mantine-color-dimmed)" },
  mobile: { Icon: IconCircleCheck, color: "var(--mantine-color-dimmed)" },
};

/** The state of a slot as a picture and in words. */
export function SlotStateMark({ state }: { state: SlotState }) {
  const t = useTextOf(matrixRoom);
  const { Icon, color } = states[state];
  const words = t.matrix.state[state];
  return (
    <Group gap={4} wrap="nowrap" title={words} className="kf-state" style={{ color }}>
      <Icon size={14} aria-hidden />
      <Text span size="xs" inherit={false} c="inherit">
        {words}
      </Text>
    </Group>
  );
}
