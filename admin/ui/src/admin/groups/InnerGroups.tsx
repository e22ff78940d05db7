import { Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { api, ask, type Schemas } from "../../api/client";
import { useTextOf } from "../../i18n/room";
import { groupsRoom } from "../../i18n/rooms/groups";
import { groupTitle } from "../../parts/groupTitle";
import { Members } from "../../parts/Members";
import { Widget } from "../../parts/Widget";
import { useChange } from "./change";

type GroupView = Schemas["Group"];

/** All groups of a type, by their titles. */
export function useGroups(type: GroupView["type"] | undefined) {
  return useQuery({
    queryKey: ["config", "groups", "titles", type],
    queryFn: () => ask(api.GET("/api/groups", { params: { query: { type, limit: 1000, sort: "title" } } })),
    enabled: type !== undefined,
  });
}

/** Groups whose members are members too. */
export function InnerGroups({ group }: { group: GroupView }) {
  const t = useTextOf(groupsRoom);
  const w = t.groups;
  const all = useGroups(group.type);
  const path = (inner: string) => ({ params: { path: { name: group.name, inner } } });
  const add = useChange((inner: string) => ask(api.PUT("/api/groups/{name}/groups/{inner}", path(inner))));
  const remove = useChange((inner: string) => ask(api.DELETE("/api/groups/{name}/groups/{inner}", path(inner))));
  if (group.computed) return null;
  const title = (name: string) => all.data?.items.find((g) => g.name === name)?.title ?? name;
  return (
    <Widget name="group.inner" title={w.inner} hint={w.innerHint} closed={group.groups.length === 0}>
      <Members
        items={group.groups.map((name) => ({ id: name, title: title(name), subtitle: name, to: `/groups/${encodeURIComponent(name)}` }))}
        empty={w.noInner}
        onRemove={remove.mutate}
        busy={remove.isPending}
      />
      <Select
        aria-label={w.addInner}
        placeholder={w.addInner}
        data={(all.data?.items ?? [])
          .filter((g) => g.name !== group.name && !group.groups.includes(g.name))
          .map((g) => ({ value: g.name, label: groupTitle(t, g) }))}
        value={null}
        onChange={(v) => v && add.mutate(v)}
        searchable
        disabled={add.isPending}
        w={{ base: "100%", sm: 340 }}
      />
    </Widget>
  );
}
