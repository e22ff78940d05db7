import { Group, Text } from "@mantine/core";
import { useText } from "../i18n";
import { IconAntenna, IconDeviceDesktop, IconDeviceLandlinePhone, IconDeviceMobile, IconHeadset } from "./icons";

const icons = {
  desk: IconDeviceLandlinePhone,
  dect: IconAntenna,
  mobile: IconDeviceMobile,
  softphone: IconHeadset,
  ucc: IconDeviceDesktop,
};

export type SlotTypeName = keyof typeof icons;

/** The picture of a type of slot; beside a name, so that it says nothing itself. */
export function SlotIcon({ type, size = 18 }: { type: string; size?: number }) {
  const Icon = icons[type as SlotTypeName] ?? IconDeviceLandlinePhone;
  return <Icon size={size} aria-hidden />;
}

/** The sign of a type of slot, with its name for those who do not know it. */
export function SlotSign({ type, size = 18 }: { type: string; size?: number }) {
  const t = useText();
  const name = t.common.types[type as SlotTypeName] ?? type;
  return (
    // A list has hundreds of them: the browser's own tip costs nothing.
    <span role="img" aria-label={name} title={name} style={{ display: "inline-flex", padding: 2, color: "var(--mantine-color-dimmed)" }}>
      <SlotIcon type={type} size={size} />
    </span>
  );
}

/** The sign and the name. */
export function SlotType({ type }: { type: string }) {
  const t = useText();
  return (
    <Group gap={6} wrap="nowrap">
      <SlotIcon type={type} />
      <Text size="sm" style={{ whiteSpace: "nowrap" }}>
        {t.common.types[type as SlotTypeName] ?? type}
      </Text>
    </Group>
  );
}
