import { Badge } from "@mantine/core";
import type { Schemas } from "../../api/client";
import { useTextOf } from "../../i18n/room";
import { mergeRoom } from "../../i18n/rooms/merge";

/** What speaks for two accounts being one person's, in words. */
export function Reason({ reason }: { reason: Schemas["Tie"] }) {
  const t = useTextOf(mergeRoom);
  return <>{t.merge.reason[reason.kind]?.(reason.value, reason.other ?? "") ?? reason.kind}</>;
}

/** How sure it is. */
export function Certainty({ value }: { value: string }) {
  const t = useTextOf(mergeRoom);
  return (
    <Badge variant="light" tt="none" miw="max-content" color={value === "certain" ? "teal" : "yellow"}>
      {t.merge.certainties[value] ?? value}
    </Badge>
  );
}
