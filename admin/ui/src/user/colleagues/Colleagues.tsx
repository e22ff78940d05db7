import { Badge, Group } from "@mantine/core";
import { api, ask, type Schemas } from "../../api/client";
import { useTextOf } from "../../i18n/room";
import { meRoom } from "../../i18n/rooms/me";
import { type Column, DataTable } from "../../parts/DataTable";
import { DialButton } from "../../parts/dial";
import { Page } from "../../parts/Page";
import { Empty } from "../../parts/States";

type Colleague = Schemas["Colleague"];

const colours: Record<Colleague["state"], string> = {
  free: "teal",
  ringing: "yellow",
  in_call: "red",
  dnd: "red",
  offline: "gray",
  private: "gray",
};

/** Colleagues, what they do now, and a handset at each number. */
export default function Colleagues() {
  const t = useTextOf(meRoom);
  const columns: Column<Colleague>[] = [
    { id: "name", title: t.me.name, sortable: true, render: (c) => c.name || c.username },
    {
      id: "state",
      title: t.me.state,
      render: (c) =>
        c.state !== "private" && (
          <Badge variant="light" color={colours[c.state]} tt="none">
            {t.me.states[c.state]}
          </Badge>
        ),
    },
    {
      id: "numbers",
      title: t.me.number,
      render: (c) => (
        <Group gap="xs">
          {c.numbers.map((n) => (
            <Group key={n} gap={2} wrap="nowrap">
              {n}
              <DialButton number={n} />
            </Group>
          ))}
        </Group>
      ),
    },
  ];
  return (
    <Page title={t.me.colleagues}>
      <DataTable
        name="colleagues"
        queryKey={["live", "colleagues"]}
        fetch={(asked, signal) => ask(api.GET("/api/colleagues", { params: { query: asked as never }, signal }))}
        columns={columns}
        rowKey={(c) => c.username}
        defaultSort="name"
        empty={<Empty>{t.me.colleaguesEmpty}</Empty>}
      />
    </Page>
  );
}
