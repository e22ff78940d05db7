import { Badge, Stack, Text } from "@mantine/core";
import { Link, useLocation } from "wouter";
import { api, ask, type Schemas } from "../../api/client";
import { useText } from "../../i18n";
import { useFormat } from "../../i18n/format";
import type { Column } from "../../parts/DataTable";
import { useFilter } from "../../parts/filters";
import { LogTable } from "../../parts/LogTable";
import { Page } from "../../parts/Page";
import { SettledInput } from "../../parts/SettledInput";
import { Empty } from "../../parts/States";

type Record = Schemas["Record"];

const colours: { [result: string]: string } = {
  answered: "teal",
  failed: "red",
  rejected: "red",
  unreachable: "red",
  interrupted: "red",
};

/** All calls that have been, the newest first. */
export default function Records() {
  const t = useText();
  const f = useFormat();
  const w = t.records.cdr;
  const [, navigate] = useLocation();
  const [number, setNumber] = useFilter("number");
  const [user, setUser] = useFilter("user");
  const open = (r: Record) => `/cdrs/${encodeURIComponent(r.id)}`;
  const columns: Column<Record>[] = [
    {
      id: "start",
      title: w.start,
      render: (r) => (
        <Link className="kf-link kf-tabular" href={open(r)} style={{ whiteSpace: "nowrap" }}>
          {f.moment(r.start)}
        </Link>
      ),
    },
    {
      id: "from",
      title: w.from,
      render: (r) => (
        <Party number={r.from || w.hidden} name={r.from_name || r.from_user} note={r.from_hidden && r.from ? w.hidden : undefined} />
      ),
    },
    { id: "to", title: w.to, render: (r) => <span className="kf-tabular">{r.to}</span> },
    {
      id: "took",
      title: w.took,
      render: (r) =>
        r.answer_at ? (
          <Party number={r.number ?? ""} name={r.to_user} note={r.forwards?.length ? w.forwarded : undefined} />
        ) : r.forwards?.length ? (
          <Text size="xs" c="dimmed">
            {w.forwarded}
          </Text>
        ) : null,
    },
    { id: "class", title: w.class, render: (r) => t.common[r.class] },
    {
      id: "result",
      title: w.result,
      render: (r) => (
        <Badge variant="light" tt="none" color={r.result ? (colours[r.result] ?? "yellow") : "gray"}>
          {r.result ? (t.record.results[r.result] ?? r.result) : w.running}
        </Badge>
      ),
    },
    {
      id: "talked",
      title: w.talked,
      align: "right",
      render: (r) =>
        r.answer_at && r.end ? <span className="kf-tabular">{f.span((Date.parse(r.end) - Date.parse(r.answer_at)) / 1000)}</span> : null,
    },
  ];
  return (
    <Page title={t.frame.cdrs}>
      <LogTable
        queryKey={["records", "cdrs", number, user]}
        fetch={(cursor, signal) => ask(api.GET("/api/cdrs", { params: { query: { cursor, number, user, limit: 100 } }, signal }))}
        columns={columns}
        rowKey={(r) => r.id}
        onRow={(r) => navigate(open(r))}
        narrowed={!!(number || user)}
        empty={<Empty title={w.none}>{w.noneHint}</Empty>}
        filters={
          <>
            <SettledInput label={w.number} value={number} onChange={setNumber} />
            <SettledInput label={w.user} value={user} onChange={setUser} />
          </>
        }
      />
    </Page>
  );
}

function Party(p: { number: string; name?: string; note?: string }) {
  return (
    <Stack gap={0}>
      <span className="kf-tabular">{p.number}</span>
      {(p.name || p.note) && (
        <Text size="xs" c="dimmed">
          {[p.name, p.note].filter(Boolean).join(" · ")}
        </Text>
      )}
    </Stack>
  );
}
