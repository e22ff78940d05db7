import { Badge } from "@mantine/core";
import type { Schemas } from "../../api/client";
import { useTextOf } from "../../i18n/room";
import { systemRoom } from "../../i18n/rooms/system";

const colours = { up: "teal", down: "red", unknown: "gray" } as const;

export function TrunkState({ state }: { state: Schemas["Trunk"]["state"] }) {
  const t = useTextOf(systemRoom);
  return (
    <Badge variant="light" tt="none" color={colours[state]}>
      {t.system.trunk.states[state]}
    </Badge>
  );
}
