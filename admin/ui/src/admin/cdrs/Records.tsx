import { Select, Stack, Text, TextInput } from "@mantine/core";
import { Link, useLocation } from "wouter";
import { api, ask, type Schemas } from "../../api/client";
import { useText } from "../../i18n";
import { useFormat } from "../../i18n/format";
import type { Column } from "../../parts/DataTable";
import { useFilter } from "../../parts/filters";
import { csvAddress, LogTable } from "../../parts/LogTable";
import { Page } from "../../parts/Page";
import { SettledInput } from "../../parts/SettledInput";
import { Empty } from "../../parts/States";
import { ResultBadge } from "./ResultBadge";

type Record = Schemas["Record"];

const results = ["answered", "cancelled", "busy", "no_answer", "declined", "unreachable", "rejected", "failed", "interrupted"] as const;
type Result = (typeof results)[number];

/** The beginning of a day of the person who looks, so many days later. */
function momentOf(day: string | undefined, later = 0): string | undefined {
  const [y, m, d] = (day ?? "").split("-").map(Number);
  return y && m && d ? new Date(y, m - 1, d + later).toISOString() : undefined;
}

/** All calls that have been, the newest first. */
export default function Records() {
  const t = useText();
  const f = useFormat();
  const w = t.records.cdr;
  const [, navigate] = useLocation();
  const [number, setNumber] = useFilter("number");
  const [user, setUser] = useFilter("user");
  const [text, setText] = useFilter("text");
  const [result, setResult] = useFilter("result");
  const [klass, setClass] = useFilter("class");
  const [from, setFrom] = useFilter("from");
  const [to, setTo] = useFilter("to");
  const asked = {
    number,
    user,
    text,
    result: result as Result | undefined,
    class: klass as Record["class"] | undefined,
    from: momentOf(from),
    to: momentOf(to, 1),
  };
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
      render: (r) => <ResultBadge result={r.result} />,
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
        queryKey={["records", "cdrs", asked]}
        fetch={(cursor, signal) => ask(api.GET("/api/cdrs", { params: { query: { cursor, ...asked, limit: 100 } }, signal }))}
        columns={columns}
        rowKey={(r) => r.id}
        onRow={(r) => navigate(open(r))}
        narrowed={Object.values(asked).some(Boolean)}
        csv={csvAddress("cdrs", asked)}
        empty={<Empty title={w.none}>{w.noneHint}</Empty>}
        filters={
          <>
            <SettledInput label={w.number} value={number} onChange={setNumber} />
            <SettledInput label={w.user} value={user} onChange={setUser} />
            <SettledInput label={w.text} value={text} onChange={setText} />
            <Select
              label={w.result}
              data={results.map((r) => ({ value: r, label: t.record.results[r] ?? r }))}
              value={result ?? null}
              onChange={setResult}
              clearable
              w={160}
            />
            <Select
              label={w.class}
              data={(["inside", "outside"] as const).map((c) => ({ value: c, label: t.common[c] }))}
              value={klass ?? null}
              onChange={setClass}
              clearable
              w={120}
            />
            <TextInput type="date" label={w.since} value={from ?? ""} onChange={(e) => setFrom(e.currentTarget.value)} />
            <TextInput type="date" label={w.until} value={to ?? ""} onChange={(e) => setTo(e.currentTarget.value)} />
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
