import { Button, Group, Menu, MultiSelect, Select, Stack, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";
import { api, ask, type Schemas } from "../../api/client";
import { useTextOf } from "../../i18n/room";
import { bulkRoom } from "../../i18n/rooms/bulk";
import { groupsRoom } from "../../i18n/rooms/groups";
import { parametersRoom } from "../../i18n/rooms/parameters";
import { personRoom } from "../../i18n/rooms/person";
import { groupTitle } from "../../parts/groupTitle";
import { IconChevronDown } from "../../parts/icons";
import { Dialog } from "../../parts/matrix/Dialog";
import { Failed } from "../../parts/States";
import { bulkTicks, type Which } from "./bulkTicks";
import { useTimeZones } from "./MasterData";

type User = Schemas["UserItem"];
type Doing = "language" | "timeZone" | "groups" | "ticks";

/** What can be done for many users at once. Everything is done for all of them or for none. */
export function BulkUsers({ users, onDone }: { users: User[]; onDone: () => void }) {
  const t = useTextOf(bulkRoom);
  const [doing, setDoing] = useState<Doing>();
  const close = () => setDoing(undefined);
  const p = { users, onClose: close, onDone };
  return (
    <>
      <Menu position="bottom-end">
        <Menu.Target>
          <Button size="xs" variant="light" rightSection={<IconChevronDown size={14} aria-hidden />}>
            {t.bulk.change}
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {(["language", "timeZone", "groups", "ticks"] as const).map((d) => (
            <Menu.Item key={d} onClick={() => setDoing(d)}>
              {t.bulk[d]}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
      {doing === "language" && <SetLanguage {...p} />}
      {doing === "timeZone" && <SetTimeZone {...p} />}
      {doing === "groups" && <SetGroups {...p} />}
      {doing === "ticks" && <SetTicks {...p} />}
    </>
  );
}

interface Doer {
  users: User[];
  onClose: () => void;
  onDone: () => void;
}

function useBulk(p: Doer, change: () => Promise<Schemas["BulkResult"]>) {
  const t = useTextOf(bulkRoom);
  const client = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSuccess: (r) => {
      notifications.show({ message: t.bulk.done(r.changed, r.items.length), color: "teal" });
      p.onClose();
      p.onDone();
      void client.invalidateQueries({ queryKey: ["config"] });
      void client.invalidateQueries({ queryKey: ["live"] });
    },
  });
}

function useBulkUsers(p: Doer, set: Schemas["BulkUsersInputBody"]["set"]) {
  return useBulk(p, () => ask(api.POST("/api/bulk/users", { body: { usernames: p.users.map((u) => u.username), set } })));
}

function Frame(p: {
  title: string;
  doer: Doer;
  ready: boolean;
  mutation: { mutate: () => void; isPending: boolean; isError: boolean; error: unknown };
  children: ReactNode;
}) {
  const t = useTextOf(bulkRoom);
  return (
    <Dialog title={p.title} onClose={p.doer.onClose} size="md">
      <form
        onSubmit={(e: FormEvent) => {
          e.preventDefault();
          p.mutation.mutate();
        }}
      >
        <Stack>
          <Text size="sm" c="dimmed">
            {t.bulk.forUsers(p.doer.users.length)}
          </Text>
          {p.children}
          {p.mutation.isError && <Failed error={p.mutation.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={p.doer.onClose}>
              {t.common.cancel}
            </Button>
            <Button type="submit" disabled={!p.ready} loading={p.mutation.isPending}>
              {t.common.save}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}

function SetLanguage(p: Doer) {
  const t = useTextOf(bulkRoom, parametersRoom, personRoom);
  const [language, setLanguage] = useState<"de" | "en" | "">("de");
  const mutation = useBulkUsers(p, { language: language || null });
  return (
    <Frame title={t.bulk.language} doer={p} ready mutation={mutation}>
      <Select
        label={t.person.language}
        data={[
          ...(["de", "en"] as const).map((l) => ({ value: l, label: t.person.languages[l] })),
          { value: "", label: t.parameters.asGiven },
        ]}
        value={language}
        allowDeselect={false}
        onChange={(x) => setLanguage(x === "en" || x === "de" ? x : "")}
      />
    </Frame>
  );
}

function SetTimeZone(p: Doer) {
  const t = useTextOf(bulkRoom, personRoom);
  const zones = useTimeZones();
  const [zone, setZone] = useState("");
  const mutation = useBulkUsers(p, { time_zone: zone });
  return (
    <Frame title={t.bulk.timeZone} doer={p} ready mutation={mutation}>
      <Select
        label={t.person.timeZone}
        data={zones}
        value={zone}
        searchable
        limit={60}
        allowDeselect={false}
        onChange={(x) => setZone(x ?? "")}
      />
    </Frame>
  );
}

function SetGroups(p: Doer) {
  const t = useTextOf(bulkRoom, groupsRoom);
  const [add, setAdd] = useState<string[]>([]);
  const [remove, setRemove] = useState<string[]>([]);
  const groups = useQuery({
    queryKey: ["config", "groups", "user", ""],
    queryFn: ({ signal }) => ask(api.GET("/api/groups", { params: { query: { type: "user", sort: "title", limit: 1000 } }, signal })),
  });
  const choices = (groups.data?.items ?? []).filter((g) => !g.computed).map((g) => ({ value: g.name, label: groupTitle(t, g) }));
  const mutation = useBulkUsers(p, { groups_add: add, groups_remove: remove });
  return (
    <Frame title={t.bulk.groups} doer={p} ready={add.length + remove.length > 0} mutation={mutation}>
      {groups.isError && <Failed error={groups.error} />}
      <MultiSelect
        label={t.bulk.groupsAdd}
        data={choices.filter((c) => !remove.includes(c.value))}
        value={add}
        onChange={setAdd}
        searchable
      />
      <MultiSelect
        label={t.bulk.groupsRemove}
        data={choices.filter((c) => !add.includes(c.value))}
        value={remove}
        onChange={setRemove}
        searchable
      />
    </Frame>
  );
}

function SetTicks(p: Doer) {
  const t = useTextOf(bulkRoom);
  const [which, setWhich] = useState<Which>("first");
  const [type, setType] = useState("desk");
  const [on, setOn] = useState(true);
  const ticks = bulkTicks(p.users, which, type);
  const count = Object.values(ticks).reduce((n, slots) => n + slots.length, 0);
  const mutation = useBulk(p, () => ask(api.POST("/api/bulk/ticks", { body: { ticks, on } })));
  return (
    <Frame title={t.bulk.ticks} doer={p} ready={count > 0} mutation={mutation}>
      <Select
        label={t.bulk.whichNumbers}
        data={[
          { value: "first", label: t.bulk.firstNumber },
          { value: "all", label: t.bulk.allNumbers },
        ]}
        value={which}
        allowDeselect={false}
        onChange={(x) => setWhich(x === "all" ? "all" : "first")}
      />
      <Select
        label={t.bulk.whichSlots}
        data={Object.entries(t.common.types).map(([value, label]) => ({ value, label }))}
        value={type}
        allowDeselect={false}
        onChange={(x) => setType(x ?? "desk")}
      />
      <Select
        label={t.bulk.what}
        data={[
          { value: "on", label: t.bulk.tick },
          { value: "off", label: t.bulk.untick },
        ]}
        value={on ? "on" : "off"}
        allowDeselect={false}
        onChange={(x) => setOn(x !== "off")}
      />
      <Text size="sm" role="status">
        {t.bulk.ticksFor(count)}
      </Text>
    </Frame>
  );
}
