import { Checkbox, SimpleGrid, Stack, TagsInput } from "@mantine/core";
import { useText } from "../../i18n";
import type { Draft } from "../../parts/draft";
import { tidyNumber } from "../../parts/forwarding/numbers";
import type { UserSettings } from "./UserPage";

// A pasted number comes in any form.
const plain = (list: string[]) => [...new Set(list.map((n) => tidyNumber(n).replace(/[^\d+]/g, "")).filter(Boolean))];

/** Numbers that a user may show beyond the ticked ones, and whether any is shown at all. */
export function ShownNumbers({ draft }: { draft: Draft<UserSettings> }) {
  const t = useText();
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
  return (
    <Stack gap="md">
      <SimpleGrid cols={{ base: 1, sm: 2 }}>
        {list("shown_numbers_inside", t.person.shownInside)}
        {list("shown_numbers_outside", t.person.shownOutside)}
      </SimpleGrid>
      <Checkbox
        label={t.person.hideInside}
        checked={draft.value.hide_number_inside}
        onChange={(e) => draft.set("hide_number_inside", e.currentTarget.checked)}
      />
      <Checkbox
        label={t.person.hideOutside}
        checked={draft.value.hide_number_outside}
        onChange={(e) => draft.set("hide_number_outside", e.currentTarget.checked)}
      />
    </Stack>
  );
}
