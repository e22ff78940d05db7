import { Badge, Button, Group, Modal, Select, Stack, TextInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Link, useLocation } from "wouter";
import { api, ask, type Schemas } from "../../api/client";
import { Problem } from "../../api/problem";
import { useTextOf } from "../../i18n/room";
import { groupsRoom } from "../../i18n/rooms/groups";
import { type Column, DataTable } from "../../parts/DataTable";
import { useFilter } from "../../parts/filters";
import { groupTitle } from "../../parts/groupTitle";
import { IconPlus } from "../../parts/icons";
import { Page } from "../../parts/Page";
import { useProblemText } from "../../parts/problems";
import { Failed } from "../../parts/States";

type GroupItem = Schemas["GroupItem"];
const types = ["user", "slot", "queue", "fax", "phonebook"] as const;

export default function Groups() {
  const t = useTextOf(groupsRoom);
  const w = t.groups;
  const [, navigate] = useLocation();
  const [type, setType] = useFilter("type");
  const [creating, create] = useDisclosure();
  const open = (g: GroupItem) => `/groups/${encodeURIComponent(g.name)}`;
  const typeOptions = types.map((v) => ({ value: v, label: t.common.groupTypes[v] }));
  const columns: Column<GroupItem>[] = [
    {
      id: "title",
      title: w.title,
      sortable: true,
      render: (g) => (
        <Group gap="xs" wrap="nowrap">
          <Link className="kf-link" href={open(g)}>
            {groupTitle(t, g)}
          </Link>
          {g.built_in && (
            <Badge size="xs" variant="light" color="gray">
              {w.builtIn}
            </Badge>
          )}
        </Group>
      ),
    },
    { id: "name", title: w.name, sortable: true, render: (g) => g.name },
    { id: "type", title: w.type, sortable: true, render: (g) => t.common.groupTypes[g.type] },
    { id: "member_count", title: w.members, sortable: true, align: "right", render: (g) => g.member_count },
    { id: "group_count", title: w.inner, align: "right", render: (g) => g.group_count || "" },
    { id: "permission_count", title: w.permissions, align: "right", render: (g) => g.permission_count || "" },
  ];
  return (
    <Page
      title={t.frame.groups}
      actions={
        <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={create.open}>
          {w.add}
        </Button>
      }
    >
      <DataTable
        csv="/api/export/groups.csv"
        name="groups"
        queryKey={["config", "groups", type]}
        fetch={(asked, signal) => ask(api.GET("/api/groups", { params: { query: { ...asked, type } as never }, signal }))}
        columns={columns}
        rowKey={(g) => g.name}
        onRow={(g) => navigate(open(g))}
        defaultSort="title"
        more={{ type }}
        filters={
          <Select
            aria-label={w.type}
            placeholder={w.allTypes}
            data={typeOptions}
            value={type ?? null}
            onChange={setType}
            clearable
            w={{ base: "100%", sm: 180 }}
          />
        }
      />
      <Modal opened={creating} onClose={create.close} title={w.add}>
        <CreateGroup types={typeOptions} />
      </Modal>
    </Page>
  );
}

function CreateGroup({ types }: { types: { value: string; label: string }[] }) {
  const t = useTextOf(groupsRoom);
  const w = t.groups;
  const say = useProblemText();
  const client = useQueryClient();
  const [, navigate] = useLocation();
  const [form, setForm] = useState({ title: "", name: "", type: "user" as GroupItem["type"] });
  const create = useMutation({
    mutationFn: () => ask(api.POST("/api/groups", { body: form })),
    onSuccess: (g) => {
      void client.invalidateQueries({ queryKey: ["config"] });
      navigate(`/groups/${encodeURIComponent(g.name)}`);
    },
  });
  const problem = create.error instanceof Problem ? create.error : undefined;
  const fields = problem?.fields ?? {};
  const placed = Object.keys(fields).some((f) => f in form);
  const submit = (e: FormEvent) => {
    e.preventDefault();
    create.mutate();
  };
  return (
    <form onSubmit={submit} noValidate>
      <Stack>
        {create.isError && !placed && <Failed error={create.error} />}
        <TextInput
          label={w.title}
          required
          data-autofocus
          value={form.title}
          onChange={(e) => setForm({ ...form, title: e.currentTarget.value })}
          error={say(fields.title)}
        />
        <TextInput
          label={w.name}
          description={w.nameHint}
          required
          value={form.name}
          onChange={(e) => setForm({ ...form, name: e.currentTarget.value })}
          error={say(fields.name)}
        />
        <Select
          label={w.type}
          description={w.typeHint}
          data={types}
          value={form.type}
          allowDeselect={false}
          onChange={(v) => v && setForm({ ...form, type: v as GroupItem["type"] })}
          error={say(fields.type)}
        />
        <Group justify="flex-end">
          <Button type="submit" loading={create.isPending}>
            {t.common.create}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
