import { Anchor, Badge, Button, Group, List, Select, Stack, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useLocation } from "wouter";
import { api, ask, ifMatch, type Schemas } from "../../api/client";
import { useFormat } from "../../i18n/format";
import { useTextOf } from "../../i18n/room";
import { mergeRoom } from "../../i18n/rooms/merge";
import { useConfirm } from "../../parts/confirm";
import { type Column, DataTable } from "../../parts/DataTable";
import { useFilter } from "../../parts/filters";
import { IconGitMerge } from "../../parts/icons";
import { Page } from "../../parts/Page";
import { useProblemText } from "../../parts/problems";
import { Empty, Failed } from "../../parts/States";
import { Widget } from "../../parts/Widget";
import { Certainty, Reason } from "./Reasons";
import { Undo } from "./Undo";

type Proposal = Schemas["Proposal"];
type Merged = Schemas["Merged"];

/** As many as one request takes. */
const atOnce = 100;

/** Accounts that are one person's: proposals to merge them, one by one or all that are certain. */
export default function Merges() {
  const t = useTextOf(mergeRoom);
  const w = t.merge;
  const [, navigate] = useLocation();
  const client = useQueryClient();
  const confirm = useConfirm();
  const say = useProblemText();
  const [certainty, setCertainty] = useFilter("certainty");
  const [progress, setProgress] = useState<[number, number]>();
  const [results, setResults] = useState<Merged[]>([]);
  const certain = useQuery({
    queryKey: ["config", "merges", "certain"],
    queryFn: ({ signal }) => ask(api.GET("/api/merges", { params: { query: { certainty: "certain", limit: 1 } }, signal })),
  });
  const accept = useMutation({
    mutationFn: async (shown: { id: string; fingerprint: string }[]) => {
      const all: Merged[] = [];
      for (let i = 0; i < shown.length; i += atOnce) {
        setProgress([i, shown.length]);
        const answer = await ask(api.POST("/api/merges/accept", { body: { proposals: shown.slice(i, i + atOnce) } }));
        all.push(...answer.items);
      }
      return all;
    },
    onSuccess: setResults,
    onSettled: () => {
      setProgress(undefined);
      void client.invalidateQueries({ queryKey: ["config"] });
    },
  });
  const reject = useMutation({
    mutationFn: async (list: Proposal[]) => {
      for (const p of list) {
        await ask(api.POST("/api/merges/{id}/reject", { params: { path: { id: p.id }, header: ifMatch(`"${p.fingerprint}"`) as never } }));
      }
    },
    onSuccess: () => notifications.show({ message: w.rejected, color: "teal" }),
    onSettled: () => void client.invalidateQueries({ queryKey: ["config"] }),
  });
  const sure = (n: number, shown: () => Promise<Proposal[]>) =>
    confirm({
      title: w.acceptSure(n),
      text: w.acceptText,
      action: w.accept,
      onConfirm: () => void shown().then((list) => accept.mutate(list.map(({ id, fingerprint }) => ({ id, fingerprint })))),
    });
  const allCertain = async () => {
    const list: Proposal[] = [];
    for (let cursor: string | undefined; ; ) {
      const page = await ask(api.GET("/api/merges", { params: { query: { certainty: "certain", limit: 1000, cursor } } }));
      list.push(...page.items);
      if (!page.next) return list;
      cursor = page.next;
    }
  };
  const columns: Column<Proposal>[] = [
    {
      id: "kept",
      title: w.kept,
      sortable: true,
      render: (p) => (
        <Link className="kf-link" href={`/merge/${p.id}`}>
          {p.kept}
        </Link>
      ),
    },
    {
      id: "accounts",
      title: w.accounts,
      sortable: true,
      render: (p) => p.accounts.slice(1).map((a) => <div key={a.user_id}>{a.username}</div>),
    },
    {
      id: "numbers",
      title: w.numbers,
      render: (p) => <span className="kf-tabular">{p.numbers.map((n) => n.number).join(", ")}</span>,
    },
    {
      id: "reasons",
      title: w.reasons,
      render: (p) => (
        <Group gap={4}>
          {[
            ...new Map(
              p.accounts
                .flatMap((a) => a.reasons)
                .map((r) => [r.kind === "person" || r.kind === "email" ? r.kind : `${r.kind} ${r.value} ${r.other}`, r]),
            ).values(),
          ]
            .slice(0, 5)
            .map((r) => (
              <Badge key={`${r.kind} ${r.value} ${r.other}`} variant="light" color="gray" tt="none" fw={500}>
                <Reason reason={r} />
              </Badge>
            ))}
        </Group>
      ),
    },
    { id: "certainty", title: w.certainty, sortable: true, render: (p) => <Certainty value={p.certainty} /> },
  ];
  const count = certain.data?.total ?? 0;
  return (
    <Page
      title={t.frame.merge}
      subtitle={<Text maw={760}>{w.intro}</Text>}
      actions={
        count > 0 && (
          <Button leftSection={<IconGitMerge size={16} aria-hidden />} loading={accept.isPending} onClick={() => sure(count, allCertain)}>
            {w.acceptAll(count)}
          </Button>
        )
      }
    >
      {progress && progress[1] > atOnce && <Text role="status">{w.working(...progress)}</Text>}
      {accept.isError && <Failed error={accept.error} />}
      {reject.isError && <Failed error={reject.error} />}
      {results.length > 0 && (
        <Widget name="merge.results" title={w.done}>
          <Stack gap={6} component="ul" m={0} p={0} style={{ listStyle: "none" }}>
            {results.map((r) => (
              <Group key={r.id} component="li" gap="xs">
                {r.audit ? (
                  <>
                    <Anchor component={Link} href={`/users/${encodeURIComponent(r.kept)}`} size="sm">
                      {r.kept}
                    </Anchor>
                    <Undo audit={r.audit} name={r.kept} onDone={() => setResults(results.filter((x) => x !== r))} />
                  </>
                ) : (
                  <Text size="sm" c="red">
                    {w.failed}: {say(r.fault)}
                  </Text>
                )}
              </Group>
            ))}
          </Stack>
        </Widget>
      )}
      <DataTable
        name="merges"
        queryKey={["config", "merges", certainty]}
        fetch={(asked, signal) => ask(api.GET("/api/merges", { params: { query: { ...asked, certainty } as never }, signal }))}
        columns={columns}
        rowKey={(p) => p.id}
        rowName={(p) => p.kept}
        onRow={(p) => navigate(`/merge/${p.id}`)}
        defaultSort="kept"
        more={{ certainty }}
        filters={
          <Select
            aria-label={w.certainty}
            placeholder={w.certainty}
            data={Object.entries(w.certainties).map(([value, label]) => ({ value, label }))}
            value={certainty ?? null}
            onChange={setCertainty}
            clearable
            w={{ base: "100%", sm: 200 }}
          />
        }
        bulk={(ticked, clear) => (
          <>
            <Button
              size="xs"
              loading={accept.isPending}
              onClick={() => {
                sure(ticked.length, async () => ticked);
                clear();
              }}
            >
              {w.acceptTicked(ticked.length)}
            </Button>
            <Button
              size="xs"
              variant="default"
              loading={reject.isPending}
              onClick={() => {
                reject.mutate(ticked);
                clear();
              }}
            >
              {w.rejectTicked}
            </Button>
          </>
        )}
        empty={<Empty title={w.none}>{w.noneHint}</Empty>}
      />
      <Rejected />
    </Page>
  );
}

/** What was rejected, and may be proposed again. */
function Rejected() {
  const t = useTextOf(mergeRoom);
  const w = t.merge;
  const f = useFormat();
  const client = useQueryClient();
  const list = useQuery({
    queryKey: ["config", "merges", "rejected"],
    queryFn: ({ signal }) => ask(api.GET("/api/merges/rejected", { signal })),
  });
  const again = useMutation({
    mutationFn: (fingerprint: string) => ask(api.DELETE("/api/merges/rejected/{fingerprint}", { params: { path: { fingerprint } } })),
    onSettled: () => void client.invalidateQueries({ queryKey: ["config"] }),
  });
  const items = list.data?.items ?? [];
  if (items.length === 0) return null;
  return (
    <Widget name="merge.rejected" title={w.rejectedTitle} hint={w.rejectedHint}>
      {again.isError && <Failed error={again.error} />}
      <List size="sm" spacing={6} listStyleType="none">
        {items.map((r) => (
          <List.Item key={r.fingerprint}>
            <Group gap="xs">
              <Text size="sm">{r.users.join(", ")}</Text>
              <Text size="sm" c="dimmed">
                {w.rejectedBy(r.actor, f.moment(r.at))}
              </Text>
              <Button
                size="compact-xs"
                variant="light"
                aria-label={w.againOf(r.users.join(", "))}
                onClick={() => again.mutate(r.fingerprint)}
              >
                {w.again}
              </Button>
            </Group>
          </List.Item>
        ))}
      </List>
    </Widget>
  );
}
