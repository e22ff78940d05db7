import { Badge } from "@mantine/core";
import { useText } from "../../i18n";

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
  const t = useText();
  return (
    <Badge variant="light" color={colours[result] ?? "yellow"} tt="none">
      {result === "" ? t.record.running : (t.record.results[result] ?? result)}
    </Badge>
  );
}
