import { Group, Select, Stack, TagsInput, Text, TextInput } from "@mantine/core";
import { useTextOf } from "../../i18n/room";
import { forwardingRoom } from "../../i18n/rooms/forwarding";
import { NumberField } from "./NumberField";
import { tidyNumber } from "./numbers";
import { type Action, type ActionKind, actionOf, type FieldError } from "./types";

/**
 * What a rule does. Voicemail and announcements are proposed only where they stand already: there are none yet, and a rule with one is passed
 * over. With none, the choice "nothing" takes the rule out.
 */
export function ActionEditor(p: {
  value: Action | undefined;
  onChange: (a: Action | undefined) => void;
  kinds: ActionKind[];
  /** Whether there may be no action. */
  optional?: boolean;
  label: string;
  path: string;
  error: FieldError;
}) {
  const t = useTextOf(forwardingRoom);
  const a = p.value;
  const kinds = a && !p.kinds.includes(a.kind) ? [...p.kinds, a.kind] : p.kinds;
  const later = a?.kind === "voicemail" || a?.kind === "announcement";
  const numberErrors = a?.kind === "parallel" ? p.error(`${p.path}.numbers`) : undefined;
  return (
    <Stack gap={6}>
      <Select
        label={p.label}
        data={[
          ...(p.optional ? [{ value: "", label: t.forwarding.noRule }] : []),
          ...kinds.map((k) => ({ value: k, label: t.forwarding.actions[k] })),
        ]}
        value={a?.kind ?? (p.optional ? "" : null)}
        onChange={(k) => {
          if (k === null || k === a?.kind) return;
          p.onChange(k === "" ? undefined : actionOf(k as ActionKind));
        }}
        allowDeselect={false}
        error={p.error(`${p.path}.kind`)}
      />
      {a?.kind === "number" && (
        <NumberField
          label={t.forwarding.toNumber}
          placeholder={t.forwarding.numberHint}
          value={a.number ?? ""}
          onChange={(number) => p.onChange({ ...a, number })}
          error={p.error(`${p.path}.number`)}
          tidy
        />
      )}
      {a?.kind === "parallel" && (
        <TagsInput
          label={t.forwarding.toNumbers}
          placeholder={t.forwarding.numbersHint}
          value={a.numbers ?? []}
          onChange={(numbers) => p.onChange({ ...a, numbers: [...new Set(numbers.map(tidyNumber))] })}
          maxTags={10}
          splitChars={[",", ";", "\n"]}
          acceptValueOnBlur
          error={numberErrors}
        />
      )}
      {later && (
        <Group gap="xs">
          <TextInput
            label={t.forwarding.chosen}
            value={a.id ?? ""}
            maxLength={64}
            onChange={(e) => p.onChange({ ...a, id: e.currentTarget.value || undefined })}
            error={p.error(`${p.path}.id`)}
          />
          <Text size="xs" c="dimmed">
            {t.forwarding.later}
          </Text>
        </Group>
      )}
    </Stack>
  );
}
