import { Badge } from "@mantine/core";
import { useTextOf } from "../../i18n/room";
import { recordRoom } from "../../i18n/rooms/record";

const colours: { [result: string]: string } = {
  "": "blue",
  answered: "teal",
  failed: "red",
  rejected: "red",
  unreachable: "red",
  interrupted: "red",
};

/** How a call ended; a call without a result runs. */
export function ResultBadge({ result = "" }: { result?: string }) {
  const t = useTextOf(recordRoom);
  return (
    <Badge variant="light" color={colours[result] ?? "yellow"} tt="none">
      {result === "" ? t.record.running : (t.record.results[result] ?? result)}
    </Badge>
  );
}
