import { Group, Select, Text } from "@mantine/core";
import { Link, useLocation } from "wouter";
import { api, ask, type Schemas } from "../../api/client";
import { useTextOf } from "../../i18n/room";
import { listsRoom } from "../../i18n/rooms/lists";
import { type Column, DataTable } from "../../parts/DataTable";
import { useFilter } from "../../parts/filters";
import { type Live, LiveState } from "../../parts/LiveState";
import { Page } from "../../parts/Page";
import { SlotSign, SlotType, type SlotTypeName } from "../../parts/SlotType";
import { Empty } from "../../parts/States";

type Slot = Schemas["SlotItem"];

// A mobile slot has no device of its own that could register.
const stateOf = (s: Slot): Live =>
  s.in_call ? "in_call" : s.silent ? "dnd" : s.registered || s.type === "mobile" ? "free" : "not_registered";

export default function Slots() {
  const t = useTextOf(listsRoom);
  const w = t.lists.slot;
  const [, navigate] = useLocation();
  const [type, setType] = useFilter("type");
  const [registered, setRegistered] = useFilter("registered");
  const open = (s: Slot) => `/users/${encodeURIComponent(s.username)}?slot=${s.id}`;
  const columns: Column<Slot>[] = [
    {
      id: "name",
      title: w.name,
      sortable: true,
      render: (s) => (
        <Group gap={6} wrap="nowrap">
          <SlotSign type={s.type} />
          <Link className="kf-link" href={open(s)}>
            {s.name || t.common.types[s.type]}
          </Link>
        </Group>
      ),
    },
    { id: "type", title: w.type, sortable: true, hidden: true, render: (s) => <SlotType type={s.type} /> },
    {
      id: "user",
      title: w.user,
      sortable: true,
      render: (s) => (
        <Link className="kf-link" href={`/users/${encodeURIComponent(s.username)}`}>
          {s.full_name || s.username}
        </Link>
      ),
    },
    {
      id: "number",
      title: w.numbers,
      sortable: true,
      render: (s) => <span className="kf-tabular">{s.numbers.join(", ")}</span>,
    },
    { id: "registered", title: w.state, sortable: true, render: (s) => <LiveState state={stateOf(s)} /> },
    {
      id: "agent",
      title: w.agent,
      sortable: true,
      render: (s) => (
        <Text size="sm" lineClamp={1} maw={260} title={s.agent}>
          {s.mobile_number || s.agent}
          {s.contacts > 1 && (
            <Text span size="xs" c="dimmed">
              {" "}
              ({w.contacts(s.contacts)})
            </Text>
          )}
        </Text>
      ),
    },
    {
      id: "address",
      title: w.address,
      sortable: true,
      render: (s) => <span className="kf-tabular">{s.address}</span>,
    },
    { id: "transport", title: w.transport, hidden: true, render: (s) => s.transport.toUpperCase() },
    { id: "account", title: w.account, hidden: true, render: (s) => s.sip?.username },
  ];
  const types: SlotTypeName[] = ["desk", "dect", "mobile", "softphone", "ucc"];
  return (
    <Page title={t.frame.slots}>
      <DataTable
        csv="/api/export/slots.csv"
        name="slots"
        queryKey={["live", "slots", type, registered]}
        fetch={(asked, signal) => ask(api.GET("/api/slots", { params: { query: { ...asked, type, registered } as never }, signal }))}
        columns={columns}
        rowKey={(s) => s.id}
        rowName={(s) => `${s.username} ${s.name}`}
        onRow={(s) => navigate(open(s))}
        defaultSort="user"
        more={{ type, registered }}
        filters={
          <>
            <Select
              aria-label={w.type}
              placeholder={w.allTypes}
              data={types.map((v) => ({ value: v, label: t.common.types[v] }))}
              value={type ?? null}
              onChange={setType}
              clearable
              w={{ base: "100%", sm: 170 }}
            />
            <Select
              aria-label={w.registered}
              placeholder={w.all}
              data={[
                { value: "true", label: w.onlyRegistered },
                { value: "false", label: w.onlyAbsent },
              ]}
              value={registered ?? null}
              onChange={setRegistered}
              clearable
              w={{ base: "100%", sm: 190 }}
            />
          </>
        }
        empty={<Empty title={w.none}>{w.noneHint}</Empty>}
      />
    </Page>
  );
}
