import { ActionIcon, Alert, Button, Group, Select, Stack, Text, TextInput } from "@mantine/core";
import type { Schemas } from "../../api/client";
import { useTextOf } from "../../i18n/room";
import { personRoom } from "../../i18n/rooms/person";
import type { Draft } from "../../parts/draft";
import { tidyNumber } from "../../parts/forwarding/numbers";
import { IconPlus, IconTrash } from "../../parts/icons";
import type { UserSettings } from "./UserPage";

type Block = Schemas["Block"];

/** The list of numbers that a user must not dial, or only with the PIN. */
export function Blocking({ draft, hasPin }: { draft: Draft<UserSettings>; hasPin: boolean }) {
  const t = useTextOf(personRoom);
  const blocks = draft.value.call_blocking;
  const put = (i: number, b: Block) => draft.set("call_blocking", blocks.with(i, b));
  return (
    <Stack gap="sm">
      {blocks.length === 0 && (
        <Text size="sm" c="dimmed">
          {t.person.blockingNone}
        </Text>
      )}
      {blocks.map((b, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: blocks have no name of their own
        <Group key={i} gap="xs" align="flex-end" role="group" aria-label={t.person.blockLine(i + 1)}>
          <Select
            label={t.person.blockNumbers}
            w={150}
            data={[
              { value: "these", label: t.person.blockThese },
              { value: "others", label: t.person.blockOthers },
            ]}
            value={b.match.not ? "others" : "these"}
            allowDeselect={false}
            onChange={(x) => put(i, { ...b, match: { ...b.match, not: x === "others" } })}
          />
          <Select
            label={t.person.blockKind}
            w={150}
            data={(["exact", "prefix", "pattern"] as const).map((k) => ({ value: k, label: t.person.blockKinds[k] }))}
            value={b.match.kind}
            allowDeselect={false}
            onChange={(x) => put(i, { ...b, match: { ...b.match, kind: (x ?? "exact") as Block["match"]["kind"] } })}
          />
          <TextInput
            label={t.person.blockValue}
            w={{ base: "100%", xs: 170 }}
            value={b.match.value ?? ""}
            maxLength={200}
            onChange={(e) => put(i, { ...b, match: { ...b.match, value: e.currentTarget.value } })}
            onBlur={() => {
              const tidy = tidyNumber(b.match.value ?? "");
              if (b.match.kind !== "pattern" && tidy !== b.match.value) put(i, { ...b, match: { ...b.match, value: tidy } });
            }}
            error={draft.error(`call_blocking[${i}].match`) ?? draft.error(`call_blocking[${i}]`)}
          />
          <Select
            label={t.person.blockHow}
            w={150}
            data={[
              { value: "never", label: t.person.blockNever },
              { value: "pin", label: t.person.blockWithPin },
            ]}
            value={b.with_pin ? "pin" : "never"}
            allowDeselect={false}
            onChange={(x) => put(i, { ...b, with_pin: x === "pin" || undefined })}
          />
          <TextInput
            label={t.person.blockNote}
            style={{ flex: 1, minWidth: 140 }}
            value={b.note ?? ""}
            maxLength={128}
            onChange={(e) => put(i, { ...b, note: e.currentTarget.value })}
          />
          <ActionIcon
            color="red"
            size="lg"
            aria-label={t.person.removeBlock(i + 1)}
            onClick={() =>
              draft.set(
                "call_blocking",
                blocks.filter((_, j) => j !== i),
              )
            }
          >
            <IconTrash size={16} />
          </ActionIcon>
        </Group>
      ))}
      {!hasPin && blocks.some((b) => b.with_pin) && <Alert color="yellow">{t.person.blockNoPin}</Alert>}
      <Group>
        <Button
          size="xs"
          variant="light"
          leftSection={<IconPlus size={14} aria-hidden />}
          onClick={() => draft.set("call_blocking", [...blocks, { match: { kind: "prefix", value: "", not: false }, note: "" }])}
        >
          {t.person.addBlock}
        </Button>
      </Group>
    </Stack>
  );
}
