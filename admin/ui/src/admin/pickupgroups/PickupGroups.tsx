import { Button, Group, Modal, Stack, TextInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Link, useLocation } from "wouter";
import { api, ask, type Schemas } from "../../api/client";
import { Problem } from "../../api/problem";
import { useTextOf } from "../../i18n/room";
import { groupsRoom } from "../../i18n/rooms/groups";
import { type Column, DataTable } from "../../parts/DataTable";
import { IconPlus } from "../../parts/icons";
import { Page } from "../../parts/Page";
import { useProblemText } from "../../parts/problems";
import { Empty, Failed } from "../../parts/States";

type PickupGroup = Schemas["PickupGroup"];

export default function PickupGroups() {
  const t = useTextOf(groupsRoom);
  const w = t.groups.pickup;
  const [, navigate] = useLocation();
  const [creating, create] = useDisclosure();
  const open = (g: PickupGroup) => `/pickupgroups/${g.id}`;
  const columns: Column<PickupGroup>[] = [
    {
      id: "name",
      title: t.groups.name,
      sortable: true,
      render: (g) => (
        <Link className="kf-link" href={open(g)}>
          {g.name}
        </Link>
      ),
    },
    {
      id: "users",
      title: w.users,
      sortable: true,
      render: (g) => g.users.slice(0, 6).join(", ") + (g.users.length > 6 ? ` … (${g.users.length})` : ""),
    },
  ];
  return (
    <Page
      title={t.frame.pickupgroups}
      actions={
        <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={create.open}>
          {w.add}
        </Button>
      }
    >
      <DataTable
        csv="/api/export/pickupgroups.csv"
        name="pickupgroups"
        queryKey={["config", "pickupgroups"]}
        fetch={(asked, signal) => ask(api.GET("/api/pickupgroups", { params: { query: asked as never }, signal }))}
        columns={columns}
        rowKey={(g) => g.id}
        onRow={(g) => navigate(open(g))}
        defaultSort="name"
        empty={<Empty title={w.none}>{w.noneHint}</Empty>}
      />
      <Modal opened={creating} onClose={create.close} title={w.add}>
        <Create />
      </Modal>
    </Page>
  );
}

function Create() {
  const t = useTextOf(groupsRoom);
  const say = useProblemText();
  const client = useQueryClient();
  const [, navigate] = useLocation();
  const [name, setName] = useState("");
  const create = useMutation({
    mutationFn: () => ask(api.POST("/api/pickupgroups", { body: { name } })),
    onSuccess: (g) => {
      void client.invalidateQueries({ queryKey: ["config"] });
      navigate(`/pickupgroups/${g.id}`);
    },
  });
  const at = create.error instanceof Problem ? create.error.fields.name : undefined;
  const submit = (e: FormEvent) => {
    e.preventDefault();
    create.mutate();
  };
  return (
    <form onSubmit={submit} noValidate>
      <Stack>
        {create.isError && !at && <Failed error={create.error} />}
        <TextInput
          label={t.groups.name}
          required
          data-autofocus
          value={name}
          onChange={(e) => setName(e.currentTarget.value)}
          error={say(at)}
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
