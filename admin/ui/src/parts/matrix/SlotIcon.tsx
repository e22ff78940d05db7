import { Group, Text } from "@mantine/core";
import { useText } from "../../i18n";
import {
  IconAntenna,
  IconBellOff,
  IconCircleCheck,
  IconCircleDashed,
  IconDeviceDesktop,
  IconDeviceLandlinePhone,
  IconDeviceMobile,
  IconHeadset,
  IconPhoneCall,
} from "../icons";

const icons = {
  desk: IconDeviceLandlinePhone,
  dect: IconAntenna,
  mobile: IconDeviceMobile,
  softphone: IconHeadset,
  ucc: IconDeviceDesktop,
};

export type SlotType = keyof typeof icons;

/** The picture of a type of slot; beside a name, so that it says nothing itself. */
export function SlotIcon({ type, size = 18 }: { type: string; size?: number }) {
  const Icon = icons[type as SlotType] ?? IconDeviceLandlinePhone;
  return <Icon size={size} aria-hidden />;
}

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

/** The state of a slot as a picture and in words; `bare` leaves the words to screen readers and the tooltip. */
export function SlotStateMark({ state, bare }: { state: SlotState; bare?: boolean }) {
  const t = useText();
  const { Icon, color } = states[state];
  const words = t.matrix.state[state];
  return (
    <Group gap={4} wrap="nowrap" title={words} className="kf-state" style={{ color }}>
      <Icon size={14} aria-hidden={!bare} aria-label={bare ? words : undefined} role={bare ? "img" : undefined} />
      {!bare && (
        <Text span size="xs" inherit={false} c="inherit">
          {words}
        </Text>
      )}
    </Group>
  );
}
