import { Anchor, Group, Text, UnstyledButton } from "@mantine/core";
import type { ReactNode } from "react";
import { Link } from "wouter";
import type { Schemas } from "../../api/client";
import { useTextOf } from "../../i18n/room";
import { parametersRoom } from "../../i18n/rooms/parameters";
import type { Draft } from "../draft";

type Giver = Schemas["Giver"];

/**
 * A setting that groups can give. In a draft it is null as long as it is not the object's own; then what the group gives is shown.
 * Below the field stands where it comes from, and the way to a value of one's own and back.
 */
export function Given<T extends object, K extends keyof T & string>(p: {
  draft: Draft<T>;
  field: K;
  /** What the field is called. */
  label: string;
  /** What is in force. */
  value: NonNullable<T[K]>;
  /** Where that comes from; undefined when it is the object's own. */
  giver?: Giver | undefined;
  /** Whether groups have a page here. */
  manage: boolean;
  children: (value: NonNullable<T[K]>, disabled: boolean) => ReactNode;
}) {
  const t = useTextOf(parametersRoom);
  const w = t.parameters;
  const value = p.draft.value[p.field];
  const follows = value === null;
  const leaving = follows && !p.giver;
  const action =
    follows && !leaving && !p.giver?.group ? undefined : follows ? (
      <UnstyledButton fz="xs" c="koppel" aria-label={`${p.label}: ${w.makeOwn}`} onClick={() => p.draft.set(p.field, p.value)}>
        {w.makeOwn}
      </UnstyledButton>
    ) : (
      <UnstyledButton fz="xs" c="koppel" aria-label={`${p.label}: ${w.giveUp}`} onClick={() => p.draft.set(p.field, null as T[K])}>
        {w.giveUp}
      </UnstyledButton>
    );
  return (
    <div>
      {p.children(value ?? p.value, leaving)}
      {action && (
        <Group gap={6} mt={4}>
          <Text size="xs" c="dimmed">
            {!follows ? w.own : leaving ? w.afterSaving : `${w.fromGroup} `}
            {follows &&
              p.giver &&
              (p.manage ? (
                <Anchor component={Link} href={`/groups/${encodeURIComponent(p.giver.group)}`} inherit>
                  {p.giver.title}
                </Anchor>
              ) : (
                p.giver.title
              ))}
            {" ·"}
          </Text>
          {action}
        </Group>
      )}
    </div>
  );
}
