import { Button } from "@mantine/core";
import { Link, useLocation } from "wouter";
import { api, ask, type Schemas } from "../../api/client";
import { useTextOf } from "../../i18n/room";
import { forwardingRoom } from "../../i18n/rooms/forwarding";
import { type Column, DataTable } from "../../parts/DataTable";
import { IconPlus } from "../../parts/icons";
import { Page } from "../../parts/Page";
import { Empty } from "../../parts/States";

type HuntGroup = Schemas["HuntGroup"];

/** Hunt groups: numbers whose calls are spread over others. */
export default function HuntGroups() {
  const t = useTextOf(forwardingRoom);
  const [, navigate] = useLocation();
  const to = (h: HuntGroup) => `/huntgroups/${encodeURIComponent(h.id)}`;
  const columns: Column<HuntGroup>[] = [
    {
      id: "name",
      title: t.forwarding.huntName,
      sortable: true,
      render: (h) => (
        <Link className="kf-link" href={to(h)}>
          {h.name}
        </Link>
      ),
    },
    { id: "number", title: t.forwarding.huntNumber, sortable: true, render: (h) => <span className="kf-tabular">{h.number}</span> },
    { id: "strategy", title: t.forwarding.strategy, sortable: true, render: (h) => t.forwarding.strategies[h.strategy] },
    {
      id: "members",
      title: t.forwarding.members,
      sortable: true,
      render: (h) => `${h.members.slice(0, 6).join(", ")}${h.members.length > 6 ? ` … (${h.members.length})` : ""}`,
    },
  ];
  return (
    <Page
      title={t.forwarding.huntGroups}
      subtitle={t.forwarding.huntGroupsHint}
      actions={
        <Button component={Link} href="/huntgroups/new" leftSection={<IconPlus size={16} aria-hidden />}>
          {t.forwarding.newHuntGroup}
        </Button>
      }
    >
      <DataTable
        name="huntgroups"
        csv="/api/export/huntgroups.csv"
        queryKey={["config", "huntgroups", "list"]}
        fetch={(asked, signal) => ask(api.GET("/api/huntgroups", { params: { query: asked as never }, signal }))}
        columns={columns}
        rowKey={(h) => h.id}
        rowName={(h) => h.name}
        onRow={(h) => navigate(to(h))}
        empty={<Empty title={t.forwarding.noHuntGroups}>{t.forwarding.huntGroupsHint}</Empty>}
      />
    </Page>
  );
}
