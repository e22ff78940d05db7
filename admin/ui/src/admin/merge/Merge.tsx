import { Alert, Anchor, Button, Checkbox, Group, List, Radio, Stack, Table, Text } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { notifications } from "@mantine/notifications";
import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useLocation, useParams } from "wouter";
import { api, ask, askTagged, ifMatch, type Schemas } from "../../api/client";
import { Problem } from "../../api/problem";
import { useSpeech } from "../../i18n";
import { useTextOf } from "../../i18n/room";
import { mergeRoom } from "../../i18n/rooms/merge";
import { Page } from "../../parts/Page";
import { Failed, Loading } from "../../parts/States";
import { Widget } from "../../parts/Widget";
import { type Choice, keep, leaveOut, setTick, shownAs } from "./choice";
import { Picture } from "./Picture";
import { Certainty, Reason } from "./Reasons";
import { Undo } from "./Undo";

type Proposal = Schemas["Proposal"];

/** One proposal: why, what it would be before and after, and what is to be different. */
export default function Merge() {
  const { id = "" } = useParams<{ id: string }>();
  const t = useTextOf(mergeRoom);
  const w = t.merge;
  const client = useQueryClient();
  const [, navigate] = useLocation();
  const [choice, setChoice] = useState<Choice>({});
  const [done, setDone] = useState<Schemas["Merged"]>();
  const params = { path: { id } };
  const shown = useQuery({
    queryKey: ["config", "merges", "one", id, choice],
    queryFn: ({ signal }) => askTagged(api.POST("/api/merges/{id}/preview", { params, body: choice, signal })),
    placeholderData: keepPreviousData,
    enabled: !done,
  });
  const header = () => ifMatch(shown.data?.tag ?? "") as never;
  const accept = useMutation({
    mutationFn: () => ask(api.POST("/api/merges/{id}/accept", { params: { ...params, header: header() }, body: choice })),
    onSuccess: (merged) => {
      setDone(merged);
      void client.invalidateQueries({ queryKey: ["config"] });
    },
  });
  const reject = useMutation({
    mutationFn: () => ask(api.POST("/api/merges/{id}/reject", { params: { ...params, header: header() } })),
    onSuccess: () => {
      notifications.show({ message: w.rejected, color: "teal" });
      navigate("/merge", { replace: true });
      void client.invalidateQueries({ queryKey: ["config"] });
    },
  });
  const crumbs = [{ title: t.frame.merge, to: "/merge" }];
  if (done) {
    return (
      <Page title={done.kept} crumbs={crumbs}>
        <Alert color="teal" title={w.done} role="status">
          <Stack gap="sm" align="flex-start">
            <Text size="sm">{w.doneOne(done.kept)}</Text>
            <Group>
              <Button component={Link} href={`/users/${encodeURIComponent(done.kept)}`} size="xs">
                {w.openUser}
              </Button>
              <Undo audit={done.audit} name={done.kept} onDone={() => setDone(undefined)} />
              <Anchor component={Link} href="/merge" size="sm">
                {w.toList}
              </Anchor>
            </Group>
          </Stack>
        </Alert>
      </Page>
    );
  }
  if (shown.isError && !shown.data) return <Failed error={shown.error} retry={() => void shown.refetch()} />;
  if (!shown.data) return <Loading />;
  const p = shownAs(shown.data.body, choice);
  const failure = accept.error ?? reject.error;
  const stale = failure instanceof Problem && failure.status === 412;
  return (
    <Page
      title={p.kept}
      crumbs={crumbs}
      subtitle={<Certainty value={p.certainty} />}
      actions={
        <>
          <Button variant="default" loading={reject.isPending} onClick={() => reject.mutate()}>
            {w.reject}
          </Button>
          <Button loading={accept.isPending} disabled={shown.isFetching || shown.isError} onClick={() => accept.mutate()}>
            {w.accept}
          </Button>
        </>
      }
    >
      {stale && (
        <Alert color="yellow" role="alert">
          <Group justify="space-between">
            <Text size="sm">{w.changedMeanwhile}</Text>
            <Button
              size="xs"
              variant="light"
              onClick={() => {
                accept.reset();
                reject.reset();
                setChoice({});
                void client.invalidateQueries({ queryKey: ["config"] });
              }}
            >
              {w.lookAgain}
            </Button>
          </Group>
        </Alert>
      )}
      {failure && !stale && <Failed error={failure} />}
      {shown.isError && <Failed error={shown.error} retry={() => void shown.refetch()} />}
      <Accounts p={p} onKeep={(name) => setChoice(keep(choice, name))} onLeave={(name, left) => setChoice(leaveOut(choice, name, left))} />
      <Widget
        name="merge.matrix"
        title={w.matrix}
        hint={w.matrixHint}
        actions={
          choice.ticks && (
            <Button size="xs" variant="default" onClick={() => setChoice({ ...choice, ticks: undefined })}>
              {w.proposedTicks}
            </Button>
          )
        }
      >
        <Picture p={p} onTick={(number, slot, on) => setChoice(setTick(choice, p, number, slot, on))} />
      </Widget>
      <Profiles p={p} />
      <Changes p={p} />
    </Page>
  );
}

function Accounts({ p, onKeep, onLeave }: { p: Proposal; onKeep: (name: string) => void; onLeave: (name: string, left: boolean) => void }) {
  const t = useTextOf(mergeRoom);
  const w = t.merge;
  const small = useMediaQuery("(max-width: 48em)");
  return (
    <Widget name="merge.accounts" title={w.who} hint={w.whoHint}>
      <Table.ScrollContainer minWidth={320}>
        <Table verticalSpacing="xs" layout="auto">
          <Table.Thead>
            <Table.Tr>
              <Table.Th w={70}>{w.kept}</Table.Th>
              <Table.Th>{w.goesIn}</Table.Th>
              {!small && <Table.Th>{w.because}</Table.Th>}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {p.accounts.map((a) => (
              <Table.Tr key={a.user_id}>
                <Table.Td>
                  <Radio
                    name="kept"
                    aria-label={w.stays(a.username)}
                    checked={a.username === p.kept}
                    disabled={a.left_out}
                    onChange={() => onKeep(a.username)}
                  />
                </Table.Td>
                <Table.Td>
                  <Group gap="xs" wrap="nowrap" align="flex-start">
                    <Checkbox
                      aria-label={w.takesPart(a.username)}
                      checked={!a.left_out}
                      disabled={a.username === p.kept || (!a.left_out && p.accounts.filter((x) => !x.left_out).length < 3)}
                      onChange={(e) => onLeave(a.username, !e.currentTarget.checked)}
                      style={a.username === p.kept ? { visibility: "hidden" } : undefined}
                    />
                    <div>
                      <Anchor component={Link} href={`/users/${encodeURIComponent(a.username)}`} size="sm" fw={600}>
                        {a.username}
                      </Anchor>
                      <Text size="sm">{[`${a.first_name} ${a.last_name}`.trim(), a.numbers.join(", ")].filter(Boolean).join(" · ")}</Text>
                      {a.email && (
                        <Text size="sm" c="dimmed">
                          {a.email}
                        </Text>
                      )}
                      {small && <Why account={a} />}
                    </div>
                  </Group>
                </Table.Td>
                {!small && (
                  <Table.Td>
                    <Why account={a} />
                  </Table.Td>
                )}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Widget>
  );
}

function Why({ account }: { account: Proposal["accounts"][number] }) {
  const t = useTextOf(mergeRoom);
  const w = t.merge;
  if (account.left_out || account.reasons.length === 0) {
    return (
      <Text size="sm" c="dimmed">
        {account.left_out ? w.left : w.mainAccount}
      </Text>
    );
  }
  return (
    <List size="sm">
      {account.reasons.map((r) => (
        <List.Item key={`${r.kind} ${r.value} ${r.other}`}>
          <Reason reason={r} />
        </List.Item>
      ))}
    </List>
  );
}

function Profiles({ p }: { p: Proposal }) {
  const t = useTextOf(mergeRoom);
  const w = t.merge;
  return (
    <Widget name="merge.profiles" title={w.profiles}>
      {p.profiles.length === 0 ? (
        <Text size="sm" c="dimmed">
          {w.noProfiles}
        </Text>
      ) : (
        <List size="sm" spacing={4}>
          {p.profiles.map((m) => (
            <List.Item key={m.id}>
              <Text size="sm" span fw={600} td={m.gone ? "line-through" : undefined}>
                {m.name}
              </Text>{" "}
              <Text size="sm" span c="dimmed">
                {[w.from(m.from), m.as !== m.name && w.renamed(m.as)].filter(Boolean).join(", ")}
              </Text>
              {m.dropped.length > 0 && <Text size="sm">{w.dropped(m.dropped.join(", "))}</Text>}
              {m.gone && <Text size="sm">{w.goneProfile}</Text>}
            </List.Item>
          ))}
        </List>
      )}
    </Widget>
  );
}

function Changes({ p }: { p: Proposal }) {
  const t = useTextOf(mergeRoom);
  const w = t.merge;
  const { language } = useSpeech();
  const words = useQuery({
    queryKey: ["config", "permissions"],
    queryFn: () => ask(api.GET("/api/permissions")),
    staleTime: Number.POSITIVE_INFINITY,
    enabled: p.permissions.length > 0,
  });
  const lines = [
    ...(p.groups.length > 0 ? [w.groups(p.groups.join(", "))] : []),
    ...p.permissions.map((g) =>
      w.permission(words.data?.items.find((x) => x.permission === g.permission)?.[language] ?? g.permission, g.objects),
    ),
    ...p.notes.map((n) => w.note[n.kind]?.(n.from ?? "", n.what ?? "", n.value ?? "") ?? `${n.kind} ${n.from ?? ""} ${n.what ?? ""}`),
  ];
  return (
    <Widget name="merge.changes" title={w.changes}>
      {lines.length === 0 ? (
        <Text size="sm" c="dimmed">
          {w.noChanges}
        </Text>
      ) : (
        <List size="sm" spacing={4}>
          {lines.map((line) => (
            <List.Item key={line}>{line}</List.Item>
          ))}
        </List>
      )}
    </Widget>
  );
}
