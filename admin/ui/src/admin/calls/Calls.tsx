import { Badge, Button, Group, Select, Stack, Text } from "@mantine/core";
import { useInterval } from "@mantine/hooks";
import { notifications } from "@mantine/notifications";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { api, ask, type Schemas } from "../../api/client";
import { useText } from "../../i18n";
import { useFormat } from "../../i18n/format";
import { useTextOf } from "../../i18n/room";
import { listsRoom } from "../../i18n/rooms/lists";
import { useConfirm } from "../../parts/confirm";
import { type Column, DataTable } from "../../parts/DataTable";
import { useFilter } from "../../parts/filters";
import { IconPhoneEnd } from "../../parts/icons";
import { Page } from "../../parts/Page";
import { useProblemText } from "../../parts/problems";
import { Empty } from "../../parts/States";

type Call = Schemas["Call"];

const colours: Record<Call["state"], string> = { routing: "gray", ringing: "yellow", up: "teal", ended: "gray" };

/** Calls that run now, and a way to end them. */
export default function Calls() {
  const t = useTextOf(listsRoom);
  const f = useFormat();
  const w = t.lists.call;
  const [state, setState] = useFilter("state");
  const columns: Column<Call>[] = [
    {
      id: "state",
      title: w.state,
      sortable: true,
      render: (c) => (
        <Badge color={colours[c.state]} variant="light" tt="none">
          {w.states[c.state]}
        </Badge>
      ),
    },
    {
      id: "from",
      title: w.from,
      sortable: true,
      render: (c) => (
        <Party number={c.from || w.hidden} name={c.from_name} user={c.from_user} note={c.from_hidden && c.from ? w.hidden : undefined} />
      ),
    },
    { id: "to", title: w.to, sortable: true, render: (c) => <span className="kf-tabular">{c.to}</span> },
    { id: "takes", title: w.takes, render: (c) => <Party number={c.number ?? ""} user={c.to_user} /> },
    { id: "slots", title: w.slots, render: (c) => <Devices call={c} /> },
    { id: "class", title: w.class, render: (c) => t.common[c.class] },
    { id: "start", title: w.since, sortable: true, render: (c) => <span className="kf-tabular">{f.clock(c.start)}</span> },
    { id: "answer_at", title: w.duration, sortable: true, align: "right", render: (c) => <Duration since={c.answer_at} /> },
    { id: "hangup", title: w.hangUp, align: "right", render: (c) => <HangUp call={c} /> },
  ];
  return (
    <Page title={t.frame.calls}>
      <DataTable
        name="calls"
        queryKey={["live", "calls", state]}
        fetch={(asked, signal) => ask(api.GET("/api/calls", { params: { query: { ...asked, state } as never }, signal }))}
        columns={columns}
        rowKey={(c) => c.id}
        defaultSort="-start"
        more={{ state }}
        filters={
          <Select
            aria-label={w.state}
            placeholder={w.allStates}
            data={(["routing", "ringing", "up"] as const).map((v) => ({ value: v, label: w.states[v] }))}
            value={state ?? null}
            onChange={setState}
            clearable
            w={{ base: "100%", sm: 180 }}
          />
        }
        empty={<Empty title={w.none}>{w.noneHint}</Empty>}
      />
    </Page>
  );
}

function Party(p: { number: string; name?: string; user?: string; note?: string }) {
  return (
    <Stack gap={0}>
      <Group gap={6} wrap="nowrap">
        <span className="kf-tabular">{p.number}</span>
        {p.note && (
          <Text size="xs" c="dimmed">
            ({p.note})
          </Text>
        )}
      </Group>
      {p.user ? (
        <Link className="kf-link" href={`/users/${encodeURIComponent(p.user)}`}>
          <Text span size="xs">
            {p.name || p.user}
          </Text>
        </Link>
      ) : (
        p.name && (
          <Text size="xs" c="dimmed">
            {p.name}
          </Text>
        )
      )}
    </Stack>
  );
}

/** Names of the devices that ring or talk. */
function Devices({ call }: { call: Call }) {
  const t = useText();
  const slots = useQuery({
    queryKey: ["config", "slots", "names"],
    queryFn: () => ask(api.GET("/api/slots", { params: { query: { limit: 1000 } } })),
    staleTime: 60_000,
  });
  const ids = call.state === "up" ? [call.from_slot, call.to_slot] : (call.ringing ?? []);
  const names = ids.flatMap((id) => {
    const s = slots.data?.items.find((x) => x.id === id);
    return s ? [s.name || t.common.types[s.type]] : [];
  });
  return (
    <Text size="sm" lineClamp={2}>
      {names.join(call.state === "up" ? " – " : ", ")}
    </Text>
  );
}

function Duration({ since }: { since?: string }) {
  const f = useFormat();
  const [now, setNow] = useState(Date.now);
  useInterval(() => setNow(Date.now()), 1000, { autoInvoke: true });
  if (!since) return null;
  return <span className="kf-tabular">{f.span((now - Date.parse(since)) / 1000)}</span>;
}

function HangUp({ call }: { call: Call }) {
  const t = useTextOf(listsRoom);
  const w = t.lists.call;
  const say = useProblemText();
  const confirm = useConfirm();
  const client = useQueryClient();
  const end = useMutation({
    mutationFn: () => ask(api.DELETE("/api/calls/{id}", { params: { path: { id: call.id } } })),
    onSuccess: () => {
      notifications.show({ message: w.hungUp });
      void client.invalidateQueries({ queryKey: ["live"] });
    },
    onError: (err) => notifications.show({ message: say(err), color: "red" }),
  });
  return (
    <Button
      size="compact-xs"
      variant="light"
      color="red"
      leftSection={<IconPhoneEnd size={14} aria-hidden />}
      loading={end.isPending}
      onClick={() =>
        confirm({
          title: w.hangUpTitle,
          text: w.hangUpText(call.from_name || call.from || w.hidden, call.number || call.to),
          action: w.hangUp,
          onConfirm: () => end.mutate(),
        })
      }
    >
      {w.hangUp}
    </Button>
  );
}
