import { Badge } from "@mantine/core";
import type { Schemas } from "../../api/client";
import { useText } from "../../i18n";

const colours = { up: "teal", down: "red", unknown: "gray" } as const;

export function TrunkState({ state }: { state: Schemas["Trunk"]["state"] }) {
  const t = useText();
  return (
    <Badge variant="light" tt="none" color={colours[state]}>
      {t.system.trunk.states[state]}
    </Badge>
  );
}
