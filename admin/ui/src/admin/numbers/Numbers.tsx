import { Select, Stack, Text } from "@mantine/core";
import { Link, useLocation } from "wouter";
import { api, ask, type Schemas } from "../../api/client";
import { useFormat } from "../../i18n/format";
import { useTextOf } from "../../i18n/room";
import { listsRoom } from "../../i18n/rooms/lists";
import { type Column, DataTable } from "../../parts/DataTable";
import { useFilter } from "../../parts/filters";
import { LiveState } from "../../parts/LiveState";
import { Page } from "../../parts/Page";
import { Empty } from "../../parts/States";

type NumberItem = Schemas["NumberItem"];

export default function Numbers() {
  const t = useTextOf(listsRoom);
  const [, navigate] = useLocation();
  const [ownerType, setOwnerType] = useFilter("owner_type");
  const w = t.lists.number;
  const open = (n: NumberItem) => `/numbers/${encodeURIComponent(n.number)}`;
  const columns: Column<NumberItem>[] = [
    {
      id: "number",
      title: w.number,
      sortable: true,
      render: (n) => (
        <Link className="kf-link kf-tabular" href={open(n)}>
          {n.number}
        </Link>
      ),
    },
    { id: "owner", title: w.owner, sortable: true, render: (n) => n.owner_name || n.owner },
    { id: "owner_type", title: w.ownerType, sortable: true, render: (n) => w.ownerTypes[n.owner_type] ?? n.owner_type },
    { id: "state", title: w.state, sortable: true, render: (n) => <LiveState state={n.state} /> },
    { id: "forwarding", title: w.forwarding, sortable: true, render: (n) => <Forwarding number={n} /> },
    { id: "slots", title: w.slots, sortable: true, align: "right", render: (n) => (n.owner_type === "user" ? n.slots : "") },
    { id: "display_name", title: w.name, sortable: true, hidden: true, render: (n) => n.display_name },
    { id: "call_waiting", title: w.waiting, hidden: true, render: (n) => (n.call_waiting ? t.common.on : t.common.off) },
    { id: "busy_on_any", title: w.busyOnAny, hidden: true, render: (n) => (n.busy_on_any ? t.common.on : t.common.off) },
    { id: "max_calls", title: w.maxCalls, hidden: true, render: (n) => (n.max_calls ? w.calls(n.max_calls) : "") },
  ];
  return (
    <Page title={t.frame.numbers}>
      <DataTable
        csv="/api/export/numbers.csv"
        name="numbers"
        queryKey={["live", "numbers", ownerType]}
        fetch={(asked, signal) => ask(api.GET("/api/numbers", { params: { query: { ...asked, owner_type: ownerType } as never }, signal }))}
        columns={columns}
        rowKey={(n) => n.number}
        onRow={(n) => navigate(open(n))}
        defaultSort="number"
        more={{ owner_type: ownerType }}
        filters={
          <Select
            aria-label={w.ownerType}
            placeholder={w.allTypes}
            data={(["user", "hunt_group", "fax_line"] as const).map((v) => ({ value: v, label: w.ownerTypes[v] ?? v }))}
            value={ownerType ?? null}
            onChange={setOwnerType}
            clearable
            w={{ base: "100%", sm: 180 }}
          />
        }
        empty={<Empty title={w.none}>{w.noneHint}</Empty>}
      />
    </Page>
  );
}

/** The profile that is active now, and how long when a schedule says so. */
function Forwarding({ number }: { number: NumberItem }) {
  const t = useTextOf(listsRoom);
  const f = useFormat();
  const active = number.forwarding_active;
  if (!active?.profile) return null;
  return (
    <Stack gap={0}>
      <Text size="sm">{active.name}</Text>
      {active.until && (
        <Text size="xs" c="dimmed">
          {t.lists.number.until(f.short(active.until))}
        </Text>
      )}
    </Stack>
  );
}
