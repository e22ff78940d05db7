import { Checkbox, Group, Select, Stack, TextInput } from "@mantine/core";
import { useTextOf } from "../../i18n/room";
import { forwardingRoom } from "../../i18n/rooms/forwarding";
import { tidyNumber } from "./numbers";
import type { FieldError, Match } from "./types";

/** Which numbers are meant: any, one, those that begin so, those that look so, or none shown. */
export function MatchEditor(p: {
  label: string;
  value: Match | undefined;
  onChange: (m: Match | undefined) => void;
  /** Whether a caller without a number can be meant. */
  hidden?: boolean;
  path: string;
  error: FieldError;
}) {
  const t = useTextOf(forwardingRoom);
  const m = p.value;
  const kinds: Match["kind"][] = p.hidden ? ["exact", "prefix", "pattern", "hidden"] : ["exact", "prefix", "pattern"];
  return (
    <Stack gap={6}>
      <Group gap="sm" align="flex-start" wrap="wrap">
        <Select
          label={p.label}
          w={{ base: "100%", xs: 200 }}
          data={[{ value: "", label: t.forwarding.anyNumber }, ...kinds.map((k) => ({ value: k, label: t.forwarding.matches[k] }))]}
          value={m?.kind ?? ""}
          onChange={(k) =>
            p.onChange(k ? { kind: k as Match["kind"], ...(k !== "hidden" ? { value: m?.value ?? "" } : {}), not: m?.not } : undefined)
          }
          allowDeselect={false}
          error={p.error(`${p.path}.kind`)}
        />
        {m && m.kind !== "hidden" && (
          <TextInput
            label={t.forwarding.matchValue[m.kind]}
            w={{ base: "100%", xs: 260 }}
            value={m.value ?? ""}
            maxLength={200}
            ff={m.kind === "pattern" ? "monospace" : undefined}
            onChange={(e) => p.onChange({ ...m, value: e.currentTarget.value })}
            onBlur={() => m.kind !== "pattern" && p.onChange({ ...m, value: tidyNumber(m.value ?? "") })}
            error={p.error(`${p.path}.value`)}
          />
        )}
      </Group>
      {m && (
        <Checkbox
          label={t.forwarding.not}
          checked={!!m.not}
          onChange={(e) => p.onChange({ ...m, not: e.currentTarget.checked || undefined })}
        />
      )}
    </Stack>
  );
}
