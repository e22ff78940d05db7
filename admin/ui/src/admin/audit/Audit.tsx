import { Badge, Button, Code, Group, Select, Stack, Table, Text, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link } from "wouter";
import { api, ask, type Schemas } from "../../api/client";
import { useFormat } from "../../i18n/format";
import { useTextOf } from "../../i18n/room";
import { recordsRoom } from "../../i18n/rooms/records";
import { useConfirm } from "../../parts/confirm";
import type { Column } from "../../parts/DataTable";
import { momentOf, useFilter } from "../../parts/filters";
import { IconX } from "../../parts/icons";
import { csvAddress, LogTable } from "../../parts/LogTable";
import { Page } from "../../parts/Page";
import { useProblemText } from "../../parts/problems";
import { SettledInput } from "../../parts/SettledInput";
import { Empty } from "../../parts/States";
import { differences } from "./diff";

type Entry = Schemas["AuditItem"];

const colours: Record<string, string> = { create: "teal", delete: "red" };
const pages: Record<string, (e: Entry) => string> = {
  user: (e) => `/users/${encodeURIComponent(e.object_name)}`,
  number: (e) => `/numbers/${encodeURIComponent(e.object_id)}`,
  slot: (e) => `/slots/${encodeURIComponent(e.object_id)}`,
  group: (e) => `/groups/${encodeURIComponent(e.object_name)}`,
  pickup_group: (e) => `/pickupgroups/${encodeURIComponent(e.object_id)}`,
  hunt_group: (e) => `/huntgroups/${encodeURIComponent(e.object_id)}`,
  calendar: (e) => `/calendars/${encodeURIComponent(e.object_id)}`,
  forwarding_rule: (e) => `/rules/${encodeURIComponent(e.object_id)}`,
};

/** Who has changed what, and how it was before. */
export default function Audit() {
  const t = useTextOf(recordsRoom);
  const f = useFormat();
  const w = t.records.audit;
  const [actor, setActor] = useFilter("actor");
  const [type, setType] = useFilter("object_type");
  const [id, setID] = useFilter("object_id");
  const [action, setAction] = useFilter("action");
  const [text, setText] = useFilter("text");
  const [from, setFrom] = useFilter("from");
  const [to, setTo] = useFilter("to");
  const [order, setOrder] = useFilter("order");
  const asked = { actor, action, object_type: type, object_id: id, text, from: momentOf(from), to: momentOf(to, 1) };
  const ordered = { ...asked, order: order === "asc" ? ("asc" as const) : undefined };
  const columns: Column<Entry>[] = [
    { id: "at", title: w.when, render: (e) => <span className="kf-tabular">{f.moment(e.at)}</span> },
    { id: "actor", title: w.who, render: (e) => e.actor },
    {
      id: "action",
      title: w.what,
      render: (e) => (
        <Badge variant="light" tt="none" color={colours[e.action] ?? "gray"}>
          {w.actions[e.action] ?? e.action}
        </Badge>
      ),
    },
    {
      id: "object",
      title: w.object,
      render: (e) => (
        <Group gap={6}>
          <Text size="sm" c="dimmed">
            {w.types[e.object_type] ?? e.object_type}
          </Text>
          <Text size="sm">
            {e.object_type === "number" ? e.object_id : e.object_name || e.object_id}
            {e.object_type === "number" && e.object_name && ` · ${e.object_name}`}
          </Text>
        </Group>
      ),
    },
    { id: "source", title: w.source, render: (e) => e.source },
  ];
  return (
    <Page title={t.frame.audit}>
      <LogTable
        name="audit"
        queryKey={["config", "audit", ordered]}
        fetch={(cursor, signal) => ask(api.GET("/api/audit", { params: { query: { cursor, ...ordered, limit: 100 } }, signal }))}
        columns={columns}
        rowKey={(e) => e.id}
        details={(e) => <Details entry={e} />}
        narrowed={Object.values(asked).some(Boolean)}
        csv={csvAddress("audit", ordered)}
        empty={<Empty title={w.none} />}
        filters={
          <>
            <SettledInput label={w.actor} value={actor} onChange={setActor} />
            <Select
              label={w.objectType}
              placeholder={w.allTypes}
              data={Object.entries(w.types).map(([value, label]) => ({ value, label }))}
              value={type ?? null}
              onChange={setType}
              clearable
              w={{ base: "100%", sm: 220 }}
            />
            <Select
              label={w.what}
              placeholder={w.allActions}
              data={Object.entries(w.actions).map(([value, label]) => ({ value, label }))}
              value={action ?? null}
              onChange={setAction}
              clearable
              searchable
              w={{ base: "100%", sm: 220 }}
            />
            <SettledInput label={t.records.cdr.text} value={text} onChange={setText} />
            <TextInput type="date" label={t.records.cdr.since} value={from ?? ""} onChange={(e) => setFrom(e.currentTarget.value)} />
            <TextInput type="date" label={t.records.cdr.until} value={to ?? ""} onChange={(e) => setTo(e.currentTarget.value)} />
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
            {id && (
              <Button variant="light" color="gray" rightSection={<IconX size={14} aria-hidden />} onClick={() => setID(null)}>
                {w.only(id)}
              </Button>
            )}
          </>
        }
      />
    </Page>
  );
}

function Details({ entry }: { entry: Entry }) {
  const t = useTextOf(recordsRoom);
  const w = t.records.audit;
  const list = differences(entry.before, entry.after);
  const say = useProblemText();
  const confirm = useConfirm();
  const client = useQueryClient();
  const undo = useMutation({
    mutationFn: () => ask(api.POST("/api/audit/{id}/undo", { params: { path: { id: entry.id } } })),
    onSuccess: () => {
      notifications.show({ message: w.undone, color: "teal" });
      void client.invalidateQueries({ queryKey: ["config"] });
    },
    onError: (err) => notifications.show({ message: say(err), color: "red" }),
  });
  const name = (path: string[]) => path.map((p) => w.fields[p] ?? p).join(" › ");
  const page = entry.action === "delete" ? undefined : pages[entry.object_type]?.(entry);
  return (
    <Stack gap="xs" py="xs">
      {list.length === 0 ? (
        <Text size="sm" c="dimmed">
          {w.nothing}
        </Text>
      ) : (
        <Table withRowBorders={false} highlightOnHover={false} w="auto" verticalSpacing={4}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{w.field}</Table.Th>
              <Table.Th>{w.before}</Table.Th>
              <Table.Th>{w.after}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {list.map((d) => (
              <Table.Tr key={d.path.join(".")}>
                <Table.Td>{name(d.path)}</Table.Td>
                <Table.Td>
                  <Value v={d.before} gone />
                </Table.Td>
                <Table.Td>
                  <Value v={d.after} />
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
      <Group gap="md">
        {page && (
          <Link className="kf-link" href={page}>
            <Text span size="sm">
              {entry.object_type === "number" ? entry.object_id : entry.object_name}
            </Text>
          </Link>
        )}
        <Text size="xs" c="dimmed">
          {[entry.reason, entry.revision ? w.revision(entry.revision) : ""].filter(Boolean).join(" · ")}
        </Text>
        {entry.undoable && (
          <Button
            size="compact-sm"
            variant="light"
            loading={undo.isPending}
            onClick={() => confirm({ title: w.undo, text: w.undoHint, action: w.undo, onConfirm: () => undo.mutate() })}
          >
            {w.undo}
          </Button>
        )}
        {entry.revision > 0 && entry.obstacle && (
          <Text size="xs" c="dimmed">
            {w.obstacles[entry.obstacle]}
          </Text>
        )}
      </Group>
    </Stack>
  );
}

/** A value in words: lists by their parts, whatever is deeper as it is written. */
function Value({ v, gone }: { v: unknown; gone?: boolean }) {
  const t = useTextOf(recordsRoom);
  if (v === undefined || v === null || v === "" || (Array.isArray(v) && v.length === 0)) {
    return (
      <Text size="sm" c="dimmed">
        {v === undefined ? "–" : t.records.audit.empty}
      </Text>
    );
  }
  const said =
    typeof v === "boolean"
      ? v
        ? t.common.yes
        : t.common.no
      : typeof v === "string" || typeof v === "number"
        ? String(v)
        : Array.isArray(v) && v.every((x) => typeof x !== "object")
          ? v.join(", ")
          : undefined;
  if (said === undefined) {
    return (
      <Code block fz="xs" mah={220} style={{ overflow: "auto" }}>
        {JSON.stringify(v, null, 1)}
      </Code>
    );
  }
  return (
    <Text size="sm" td={gone ? "line-through" : undefined} style={{ overflowWrap: "anywhere" }}>
      {said}
    </Text>
  );
}
