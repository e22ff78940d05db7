import { Button, NumberInput, Select, Stack, Text, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useLocation } from "wouter";
import { api, ask, type Schemas } from "../../api/client";
import { useFormat } from "../../i18n/format";
import { useTextOf } from "../../i18n/room";
import { recordRoom } from "../../i18n/rooms/record";
import { recordsRoom } from "../../i18n/rooms/records";
import type { Column } from "../../parts/DataTable";
import { momentOf, useFilter } from "../../parts/filters";
import { IconX } from "../../parts/icons";
import { csvAddress, LogTable } from "../../parts/LogTable";
import { slotQuery } from "../../parts/matrix/SlotDialog";
import { Page } from "../../parts/Page";
import { PickSlot } from "../../parts/PickUser";
import { SettledInput } from "../../parts/SettledInput";
import { Empty } from "../../parts/States";
import { ResultBadge } from "./ResultBadge";

type Record = Schemas["Record"];

const results = ["answered", "cancelled", "busy", "no_answer", "declined", "unreachable", "rejected", "failed", "interrupted"] as const;
type Result = (typeof results)[number];

/** All calls that have been, the newest first. */
export default function Records() {
  const t = useTextOf(recordRoom, recordsRoom);
  const f = useFormat();
  const w = t.records.cdr;
  const [, navigate] = useLocation();
  const [number, setNumber] = useFilter("number");
  const [user, setUser] = useFilter("user");
  const [text, setText] = useFilter("text");
  const [result, setResult] = useFilter("result");
  const [klass, setClass] = useFilter("class");
  const [slot, setSlot] = useFilter("slot");
  const [seconds, setSeconds] = useFilter("min_seconds");
  const [order, setOrder] = useFilter("order");
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
    slot,
    min_seconds: Number(seconds) > 0 ? Math.min(1_000_000, Math.floor(Number(seconds))) : undefined,
  };
  const ordered = { ...asked, order: order === "asc" ? ("asc" as const) : undefined };
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
        name="cdrs"
        queryKey={["records", "cdrs", ordered]}
        fetch={(cursor, signal) => ask(api.GET("/api/cdrs", { params: { query: { cursor, ...ordered, limit: 100 } }, signal }))}
        columns={columns}
        rowKey={(r) => r.id}
        onRow={(r) => navigate(open(r))}
        narrowed={Object.values(asked).some(Boolean)}
        csv={csvAddress("cdrs", ordered)}
        empty={<Empty title={w.none}>{w.noneHint}</Empty>}
        filters={
          <>
            <SettledInput label={w.number} value={number} onChange={setNumber} />
            <SettledInput label={w.user} value={user} onChange={setUser} />
            <SettledInput label={w.text} value={text} onChange={setText} />
            {slot ? (
              <OneSlot id={slot} onClear={() => setSlot(null)} />
            ) : (
              <PickSlot label={w.slot} placeholder={w.anySlot} without={[]} onPick={setSlot} labelled />
            )}
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
            <NumberInput
              label={w.atLeast}
              suffix=" s"
              value={seconds ? Number(seconds) : ""}
              onChange={(v) => setSeconds(Number(v) > 0 ? String(v) : null)}
              min={0}
              max={1_000_000}
              allowDecimal={false}
              w={200}
            />
            <Select
              label={t.records.order}
              data={[
                { value: "desc", label: t.records.newest },
                { value: "asc", label: t.records.oldest },
              ]}
              value={order === "asc" ? "asc" : "desc"}
              onChange={(v) => setOrder(v === "asc" ? v : null)}
              allowDeselect={false}
              w={180}
            />
          </>
        }
      />
    </Page>
  );
}

/** The slot whose calls are listed, by the name it has. */
function OneSlot({ id, onClear }: { id: string; onClear: () => void }) {
  const t = useTextOf(recordsRoom);
  const slot = useQuery({ ...slotQuery(id), retry: false });
  const s = slot.data?.body;
  return (
    <Button variant="light" color="gray" rightSection={<IconX size={14} aria-hidden />} onClick={onClear}>
      {t.records.cdr.slot}: {s ? `${s.username} · ${s.name || t.common.types[s.type]}` : id}
    </Button>
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
