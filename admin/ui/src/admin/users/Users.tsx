import { Badge, Button, Group, Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useLocation } from "wouter";
import { api, ask, type Schemas } from "../../api/client";
import { useFormat } from "../../i18n/format";
import { useTextOf } from "../../i18n/room";
import { bulkRoom } from "../../i18n/rooms/bulk";
import { groupsRoom } from "../../i18n/rooms/groups";
import { listsRoom } from "../../i18n/rooms/lists";
import { personRoom } from "../../i18n/rooms/person";
import { type Column, DataTable } from "../../parts/DataTable";
import { useFilter } from "../../parts/filters";
import { groupTitle } from "../../parts/groupTitle";
import { IconUpload, IconUserPlus } from "../../parts/icons";
import { type Live, LiveState } from "../../parts/LiveState";
import { Page } from "../../parts/Page";
import { SlotSign } from "../../parts/SlotType";
import { Empty } from "../../parts/States";
import { BulkUsers } from "./Bulk";
import { CreateUser } from "./CreateUser";

type User = Schemas["UserItem"];

const stateOf = (u: User): Live => (u.in_call ? "in_call" : u.dnd ? "dnd" : u.registered ? "free" : "not_registered");

export default function Users() {
  const t = useTextOf(bulkRoom, listsRoom, personRoom);
  const f = useFormat();
  const [, navigate] = useLocation();
  const [group, setGroup] = useFilter("group");
  const [creating, setCreating] = useState(false);
  const open = (u: User) => `/users/${encodeURIComponent(u.username)}`;
  const columns: Column<User>[] = [
    {
      id: "username",
      title: t.lists.user.username,
      sortable: true,
      render: (u) => (
        <Group gap="xs" wrap="nowrap">
          <Link className="kf-link" href={open(u)}>
            {u.username}
          </Link>
          {u.admin && (
            <Badge size="xs" variant="light">
              {t.lists.user.admin}
            </Badge>
          )}
        </Group>
      ),
    },
    { id: "first_name", title: t.lists.user.firstName, sortable: true, render: (u) => u.first_name },
    { id: "last_name", title: t.lists.user.lastName, sortable: true, render: (u) => u.last_name },
    {
      id: "numbers",
      title: t.lists.user.numbers,
      sortable: true,
      render: (u) => <span className="kf-tabular">{u.numbers.join(", ")}</span>,
    },
    {
      id: "slots",
      title: t.lists.user.slots,
      sortable: true,
      render: (u) => (
        <Group gap={2} wrap="nowrap">
          {u.slots.map((s) => (
            <SlotSign key={s.id} type={s.type} />
          ))}
        </Group>
      ),
    },
    { id: "registered", title: t.lists.user.state, sortable: true, render: (u) => <LiveState state={stateOf(u)} /> },
    { id: "email", title: t.lists.user.email, sortable: true, hidden: true, render: (u) => u.email },
    { id: "language", title: t.lists.user.language, sortable: true, hidden: true, render: (u) => t.lists.user.languages[u.language] },
    { id: "created", title: t.lists.user.created, sortable: true, hidden: true, render: (u) => f.moment(u.created) },
    { id: "updated", title: t.lists.user.updated, sortable: true, hidden: true, render: (u) => f.moment(u.updated) },
  ];
  return (
    <Page
      title={t.frame.users}
      actions={
        <>
          <Button variant="default" component={Link} href="/import/users" leftSection={<IconUpload size={16} aria-hidden />}>
            {t.bulk.importButton}
          </Button>
          <Button leftSection={<IconUserPlus size={16} aria-hidden />} onClick={() => setCreating(true)}>
            {t.person.create}
          </Button>
        </>
      }
    >
      <DataTable
        csv="/api/export/users.csv"
        name="users"
        queryKey={["live", "users", group]}
        fetch={(asked, signal) => ask(api.GET("/api/users", { params: { query: { ...asked, group } as never }, signal }))}
        columns={columns}
        rowKey={(u) => u.id}
        rowName={(u) => u.username}
        onRow={(u) => navigate(open(u))}
        defaultSort="username"
        bulk={(ticked, clear) => <BulkUsers users={ticked} onDone={clear} />}
        more={{ group }}
        filters={<GroupFilter value={group} onChange={setGroup} />}
        empty={<Empty title={t.lists.user.none}>{t.lists.user.noneHint}</Empty>}
      />
      {creating && <CreateUser onClose={() => setCreating(false)} />}
    </Page>
  );
}

function GroupFilter(p: { value?: string; onChange: (v: string | null) => void }) {
  const t = useTextOf(groupsRoom, listsRoom);
  const groups = useQuery({
    queryKey: ["config", "groups", "of-users"],
    queryFn: () => ask(api.GET("/api/groups", { params: { query: { type: "user", limit: 1000, sort: "title" } } })),
  });
  return (
    <Select
      aria-label={t.lists.user.group}
      placeholder={t.lists.user.allGroups}
      data={(groups.data?.items ?? []).map((g) => ({ value: g.name, label: groupTitle(t, g) }))}
      value={p.value ?? null}
      onChange={p.onChange}
      searchable
      clearable
      w={{ base: "100%", sm: 200 }}
    />
  );
}
