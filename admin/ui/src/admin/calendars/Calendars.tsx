import { Button } from "@mantine/core";
import { Link, useLocation } from "wouter";
import { api, ask, type Schemas } from "../../api/client";
import { useTextOf } from "../../i18n/room";
import { forwardingRoom } from "../../i18n/rooms/forwarding";
import { type Column, DataTable } from "../../parts/DataTable";
import { entryWords } from "../../parts/forwarding/words";
import { IconPlus } from "../../parts/icons";
import { Page } from "../../parts/Page";
import { Empty } from "../../parts/States";

type Calendar = Schemas["Calendar"];

/** Calendars that rules name. */
export default function Calendars() {
  const t = useTextOf(forwardingRoom);
  const [, navigate] = useLocation();
  const to = (c: Calendar) => `/calendars/${encodeURIComponent(c.id)}`;
  const columns: Column<Calendar>[] = [
    {
      id: "name",
      title: t.forwarding.calendarName,
      sortable: true,
      render: (c) => (
        <Link className="kf-link" href={to(c)}>
          {c.name}
        </Link>
      ),
    },
    {
      id: "entries",
      title: t.forwarding.entries,
      render: (c) =>
        c.entries
          .slice(0, 3)
          .map((e) => entryWords(t, e))
          .join("; ") + (c.entries.length > 3 ? " …" : ""),
    },
    {
      id: "state",
      title: t.forwarding.region,
      sortable: true,
      render: (c) => t.forwarding.regions[c.state as keyof typeof t.forwarding.regions] ?? t.forwarding.noRegion,
    },
    { id: "zone", title: t.forwarding.zone, sortable: true, hidden: true, render: (c) => c.zone },
  ];
  return (
    <Page
      title={t.forwarding.calendars}
      subtitle={t.forwarding.calendarsHint}
      actions={
        <Button component={Link} href="/calendars/new" leftSection={<IconPlus size={16} aria-hidden />}>
          {t.forwarding.newCalendar}
        </Button>
      }
    >
      <DataTable
        name="calendars"
        queryKey={["config", "calendars", "list"]}
        fetch={(asked, signal) => ask(api.GET("/api/calendars", { params: { query: asked as never }, signal }))}
        columns={columns}
        rowKey={(c) => c.id}
        rowName={(c) => c.name}
        onRow={(c) => navigate(to(c))}
        empty={<Empty title={t.forwarding.noCalendarsYet}>{t.forwarding.calendarsHint}</Empty>}
      />
    </Page>
  );
}
