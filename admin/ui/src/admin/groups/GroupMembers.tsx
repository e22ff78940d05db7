import { Anchor, Button, Group, Text, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { api, ask, type Schemas } from "../../api/client";
import { useText } from "../../i18n";
import { useTextOf } from "../../i18n/room";
import { groupsRoom } from "../../i18n/rooms/groups";
import { type Member, Members } from "../../parts/Members";
import { PickSlot, PickUser } from "../../parts/PickUser";
import { Widget } from "../../parts/Widget";
import { useChange } from "./change";

type GroupView = Schemas["Group"];

/** Who or what belongs to a group; each step is done at once. */
export function GroupMembers({ group }: { group: GroupView }) {
  const t = useTextOf(groupsRoom);
  const w = t.groups;
  const path = (member: string) => ({ params: { path: { name: group.name, member } } });
  const add = useChange((member: string) => ask(api.PUT("/api/groups/{name}/members/{member}", path(member))));
  const remove = useChange((member: string) => ask(api.DELETE("/api/groups/{name}/members/{member}", path(member))));
  const items = useMembers(group);
  const pick = {
    label: w.addMember,
    placeholder: w.findMember,
    without: group.members,
    onPick: add.mutate,
    disabled: add.isPending,
  };
  return (
    <Widget name="group.members" title={w.members}>
      {group.computed ? (
        <Text size="sm">{w.computed}</Text>
      ) : (
        <>
          <Members items={items} empty={w.noMembers} onRemove={remove.mutate} busy={remove.isPending} />
          {group.type === "user" ? (
            <PickUser {...pick} />
          ) : group.type === "slot" ? (
            <PickSlot {...pick} />
          ) : (
            <TypedMember onAdd={add.mutate} busy={add.isPending} />
          )}
        </>
      )}
      {group.type === "user" && (
        <Anchor component={Link} href={`/users?group=${encodeURIComponent(group.name)}`} size="sm">
          {w.showAll}
        </Anchor>
      )}
    </Widget>
  );
}

/** The members with the names that people know them by. */
function useMembers(group: GroupView): Member[] {
  const t = useText();
  const users = useQuery({
    queryKey: ["config", "users", "names", group.name],
    queryFn: () => ask(api.GET("/api/users", { params: { query: { group: group.name, limit: 1000 } } })),
    enabled: group.type === "user" && group.members.length > 0,
  });
  const slots = useQuery({
    queryKey: ["config", "slots", "names"],
    queryFn: () => ask(api.GET("/api/slots", { params: { query: { limit: 1000 } } })),
    enabled: group.type === "slot" && group.members.length > 0,
  });
  return group.members.map((id) => {
    if (group.type === "user") {
      const u = users.data?.items.find((x) => x.username === id);
      const name = u && `${u.first_name} ${u.last_name}`.trim();
      return {
        id,
        title: name || id,
        subtitle: [name ? id : "", u?.numbers[0]].filter(Boolean).join(" · "),
        to: `/users/${encodeURIComponent(id)}`,
      };
    }
    if (group.type === "slot") {
      const s = slots.data?.items.find((x) => x.id === id);
      if (s) return { id, title: s.name || t.common.types[s.type], subtitle: s.full_name || s.username, to: `/slots/${id}` };
    }
    return { id, title: id };
  });
}

/** For kinds of which there is no list to pick from. */
function TypedMember({ onAdd, busy }: { onAdd: (member: string) => void; busy: boolean }) {
  const t = useTextOf(groupsRoom);
  const [text, setText] = useState("");
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault();
        if (text.trim()) onAdd(text.trim());
        setText("");
      }}
    >
      <Group gap="xs">
        <TextInput
          aria-label={t.groups.addMember}
          placeholder={t.groups.name}
          value={text}
          onChange={(e) => setText(e.currentTarget.value)}
        />
        <Button type="submit" variant="light" loading={busy}>
          {t.common.add}
        </Button>
      </Group>
    </form>
  );
}
