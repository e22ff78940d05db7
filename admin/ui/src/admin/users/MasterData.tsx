import { Checkbox, Select, SimpleGrid, Stack, TextInput } from "@mantine/core";
import { useMemo } from "react";
import { useTextOf } from "../../i18n/room";
import { personRoom } from "../../i18n/rooms/person";
import type { Draft } from "../../parts/draft";
import { Given } from "../../parts/parameters/Given";
import type { UserBody, UserSettings } from "./UserPage";

/** Every time zone that the browser knows, under the server's own. */
export function useTimeZones() {
  const t = useTextOf(personRoom);
  return useMemo(
    () => [
      { value: "", label: t.person.timeZoneServer },
      ...Intl.supportedValuesOf("timeZone").map((zone) => ({ value: zone, label: zone.replaceAll("_", " ") })),
    ],
    [t],
  );
}

/** Who the user is. */
export function MasterData({ draft, user }: { draft: Draft<UserSettings>; user: UserBody }) {
  const t = useTextOf(personRoom);
  const zones = useTimeZones();
  const v = draft.value;
  const text = (field: "username" | "first_name" | "last_name" | "email" | "url", label: string, description?: string) => (
    <TextInput
      label={label}
      description={description}
      value={v[field]}
      type={field === "email" ? "email" : undefined}
      autoComplete="off"
      onChange={(e) => draft.set(field, e.currentTarget.value)}
      error={draft.error(field)}
    />
  );
  return (
    <Stack gap="md">
      <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>
        {text("first_name", t.person.firstName)}
        {text("last_name", t.person.lastName)}
        {text("username", t.person.username)}
        {text("email", t.person.email)}
        <Given draft={draft} field="language" label={t.person.language} value={user.language} giver={user.inherited?.language} manage>
          {(value, disabled) => (
            <Select
              label={t.person.language}
              data={(["de", "en"] as const).map((l) => ({ value: l, label: t.person.languages[l] }))}
              value={value}
              disabled={disabled}
              allowDeselect={false}
              onChange={(x) => draft.set("language", x === "en" ? "en" : "de")}
              error={draft.error("language")}
            />
          )}
        </Given>
        <Given draft={draft} field="time_zone" label={t.person.timeZone} value={user.time_zone} giver={user.inherited?.time_zone} manage>
          {(value, disabled) => (
            <Select
              label={t.person.timeZone}
              data={zones.some((z) => z.value === value) ? zones : [...zones, { value, label: value }]}
              value={value}
              disabled={disabled}
              searchable
              limit={60}
              allowDeselect={false}
              onChange={(x) => draft.set("time_zone", x ?? "")}
              error={draft.error("time_zone")}
            />
          )}
        </Given>
      </SimpleGrid>
      {text("url", t.person.url, t.person.urlHint)}
      <Checkbox
        label={t.person.statusPrivate}
        description={t.person.statusPrivateHint}
        checked={v.status_private}
        onChange={(e) => draft.set("status_private", e.currentTarget.checked)}
        error={draft.error("status_private")}
      />
      <Checkbox
        label={t.person.dnd}
        description={t.person.dndHint}
        checked={v.dnd}
        onChange={(e) => draft.set("dnd", e.currentTarget.checked)}
        error={draft.error("dnd")}
      />
    </Stack>
  );
}
