import { Checkbox, SimpleGrid, Stack, TagsInput } from "@mantine/core";
import { useTextOf } from "../../i18n/room";
import { personRoom } from "../../i18n/rooms/person";
import type { Draft } from "../../parts/draft";
import { tidyNumber } from "../../parts/forwarding/numbers";
import { Given } from "../../parts/parameters/Given";
import type { UserBody, UserSettings } from "./UserPage";

// A pasted number comes in any form.
const plain = (list: string[]) => [...new Set(list.map((n) => tidyNumber(n).replace(/[^\d+]/g, "")).filter(Boolean))];

/** Numbers that a user may show beyond the ticked ones, and whether any is shown at all. */
export function ShownNumbers({ draft, user }: { draft: Draft<UserSettings>; user: UserBody }) {
  const t = useTextOf(personRoom);
  const list = (field: "shown_numbers_inside" | "shown_numbers_outside", label: string) => (
    <TagsInput
      label={label}
      placeholder={draft.value[field].length ? undefined : t.person.shownPlaceholder}
      value={draft.value[field]}
      onChange={(x) => draft.set(field, plain(x))}
      error={draft.error(field)}
      acceptValueOnBlur
    />
  );
  const hide = (field: "hide_number_inside" | "hide_number_outside", label: string) => (
    <Given draft={draft} field={field} label={label} value={user[field]} giver={user.inherited?.[field]} manage>
      {(value, disabled) => (
        <Checkbox label={label} checked={value} disabled={disabled} onChange={(e) => draft.set(field, e.currentTarget.checked)} />
      )}
    </Given>
  );
  return (
    <Stack gap="md">
      <SimpleGrid cols={{ base: 1, sm: 2 }}>
        {list("shown_numbers_inside", t.person.shownInside)}
        {list("shown_numbers_outside", t.person.shownOutside)}
      </SimpleGrid>
      {hide("hide_number_inside", t.person.hideInside)}
      {hide("hide_number_outside", t.person.hideOutside)}
    </Stack>
  );
}
