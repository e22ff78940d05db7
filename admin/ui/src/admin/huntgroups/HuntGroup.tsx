import { ActionIcon, Button, Group, NumberInput, Select, SimpleGrid, Text, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useParams } from "wouter";
import { api, ask, askTagged, ifMatch, type Schemas, type Tagged } from "../../api/client";
import { useTextOf } from "../../i18n/room";
import { explanationRoom } from "../../i18n/rooms/explanation";
import { forwardingRoom } from "../../i18n/rooms/forwarding";
import { useConfirm } from "../../parts/confirm";
import { useDraft } from "../../parts/draft";
import { NumberField } from "../../parts/forwarding/NumberField";
import { tidyNumber } from "../../parts/forwarding/numbers";
import { Ordered } from "../../parts/forwarding/Ordered";
import { TableEditor } from "../../parts/forwarding/TableEditor";
import { IconTrash } from "../../parts/icons";
import { useLeaveTo } from "../../parts/leave";
import { Page } from "../../parts/Page";
import { SaveBar } from "../../parts/SaveBar";
import { Failed, Loading } from "../../parts/States";
import { Widget } from "../../parts/Widget";

type Hunt = Schemas["HuntGroup"];

const blank: Tagged<Hunt> = {
  body: { id: "", name: "", number: "", strategy: "ring_all", members: [], member_seconds: 20, seconds: 60, overflow: [] },
  tag: "",
};

/** A hunt group, or a new one. */
export default function HuntGroup() {
  const t = useTextOf(forwardingRoom);
  const { id = "" } = useParams();
  const fresh = id === "new";
  const group = useQuery({
    queryKey: ["config", "huntgroup", id],
    queryFn: ({ signal }) => askTagged(api.GET("/api/huntgroups/{id}", { params: { path: { id } }, signal })),
    enabled: !fresh,
  });
  if (fresh) return <Editor key="new" server={blank} />;
  if (group.isError) {
    return (
      <Page title={t.forwarding.huntGroup} crumbs={[{ title: t.forwarding.huntGroups, to: "/huntgroups" }]}>
        <Failed error={group.error} retry={() => void group.refetch()} />
      </Page>
    );
  }
  if (!group.data) return <Loading />;
  return <Editor key={id} server={group.data} />;
}

function Editor({ server }: { server: Tagged<Hunt> }) {
  const t = useTextOf(explanationRoom, forwardingRoom);
  const confirm = useConfirm();
  const client = useQueryClient();
  const id = server.body.id;
  const [left, setLeft] = useState<string>();
  const draft = useDraft<Hunt>({
    server,
    fields: ["name", "number", "strategy", "members", "member_seconds", "seconds", "overflow"],
    send: (change, tag) => {
      if (id) return askTagged(api.PATCH("/api/huntgroups/{id}", { params: { path: { id } }, headers: ifMatch(tag), body: change }));
      const { id: _, ...body } = { ...blank.body, ...change };
      return askTagged(api.POST("/api/huntgroups", { body }));
    },
    onSaved: (saved) => {
      client.setQueryData(["config", "huntgroup", saved.body.id], saved);
      if (!id) setLeft(`/huntgroups/${encodeURIComponent(saved.body.id)}`);
    },
  });
  useLeaveTo(left, draft.dirty);
  const remove = useMutation({
    mutationFn: () => ask(api.DELETE("/api/huntgroups/{id}", { params: { path: { id } } })),
    onSuccess: () => {
      draft.reset();
      setLeft("/huntgroups");
    },
  });
  const v = draft.value;
  return (
    <Page
      title={id ? server.body.name : t.forwarding.newHuntGroup}
      crumbs={[{ title: t.forwarding.huntGroups, to: "/huntgroups" }]}
      actions={
        id && (
          <>
            <Button component={Link} href={`/simulator?${new URLSearchParams({ to: server.body.number })}`} variant="default">
              {t.explanation.title}
            </Button>
            <Button
              variant="light"
              color="red"
              leftSection={<IconTrash size={16} aria-hidden />}
              loading={remove.isPending}
              onClick={() =>
                confirm({
                  title: t.forwarding.removeHuntGroup(server.body.name),
                  text: t.forwarding.removeHuntGroupText(server.body.number),
                  onConfirm: () => remove.mutate(),
                })
              }
            >
              {t.common.remove}
            </Button>
          </>
        )
      }
    >
      {remove.isError && <Failed error={remove.error} />}
      <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }} spacing="md">
        <TextInput
          label={t.forwarding.huntName}
          maxLength={128}
          value={v.name}
          onChange={(e) => draft.set("name", e.currentTarget.value)}
          error={draft.error("name")}
          required
        />
        <TextInput
          label={t.forwarding.huntNumber}
          inputMode="numeric"
          maxLength={15}
          value={v.number}
          onChange={(e) => draft.set("number", tidyNumber(e.currentTarget.value))}
          error={draft.error("number")}
          required
        />
        <Select
          label={t.forwarding.strategy}
          description={t.forwarding.strategyHint[v.strategy]}
          inputWrapperOrder={["label", "input", "description", "error"]}
          data={(["ring_all", "linear", "round_robin"] as const).map((s) => ({ value: s, label: t.forwarding.strategies[s] }))}
          value={v.strategy}
          onChange={(s) => s && draft.set("strategy", s as Hunt["strategy"])}
          allowDeselect={false}
          error={draft.error("strategy")}
        />
        {v.strategy !== "ring_all" && (
          <NumberInput
            label={t.forwarding.memberSeconds}
            suffix={t.forwarding.secondsSuffix}
            min={5}
            max={180}
            allowDecimal={false}
            value={v.member_seconds}
            onChange={(n) => draft.set("member_seconds", Number(n) || 0)}
            error={draft.error("member_seconds")}
          />
        )}
        <NumberInput
          label={t.forwarding.groupSeconds}
          suffix={t.forwarding.secondsSuffix}
          min={5}
          max={600}
          allowDecimal={false}
          value={v.seconds}
          onChange={(n) => draft.set("seconds", Number(n) || 0)}
          error={draft.error("seconds")}
        />
      </SimpleGrid>
      <Widget name="huntgroup.members" title={t.forwarding.members} hint={t.forwarding.membersHint}>
        <Members value={v.members} onChange={(members) => draft.set("members", members)} error={draft.error} />
      </Widget>
      <Widget name="huntgroup.overflow" title={t.forwarding.overflow} hint={t.forwarding.overflowHint}>
        <TableEditor value={v.overflow} onChange={(overflow) => draft.set("overflow", overflow)} path="overflow" error={draft.error} />
      </Widget>
      <SaveBar draft={draft} />
    </Page>
  );
}

function Members(p: { value: string[]; onChange: (v: string[]) => void; error: (field: string) => string | undefined }) {
  const t = useTextOf(forwardingRoom);
  const [typed, setTyped] = useState("");
  const owners = useOwners(p.value);
  const add = (number: string) => {
    if (number && !p.value.includes(number)) p.onChange([...p.value, number]);
    // The field puts in what was picked after it has told us.
    queueMicrotask(() => setTyped(""));
  };
  return (
    <>
      {p.value.length === 0 ? (
        <Text size="sm" c="dimmed">
          {t.forwarding.noMembers}
        </Text>
      ) : (
        <Ordered
          items={p.value}
          id={(n) => n}
          name={(n) => n}
          onOrder={p.onChange}
          render={(n, i) => (
            <Group flex={1} justify="space-between" wrap="nowrap">
              <Group gap="sm">
                <Text size="sm" className="kf-tabular" fw={600}>
                  {n}
                </Text>
                <Text size="sm" c="dimmed">
                  {owners.get(n)}
                </Text>
                {p.error(`members[${i}]`) && (
                  <Text size="sm" c="red" role="alert">
                    {p.error(`members[${i}]`)}
                  </Text>
                )}
              </Group>
              <ActionIcon color="red" aria-label={t.forwarding.removeRule(n)} onClick={() => p.onChange(p.value.filter((x) => x !== n))}>
                <IconTrash size={16} />
              </ActionIcon>
            </Group>
          )}
        />
      )}
      <Group align="flex-end" gap="xs">
        <NumberField label={t.forwarding.addMember} value={typed} onChange={setTyped} onPick={add} tidy />
        <Button variant="light" disabled={!typed} onClick={() => add(tidyNumber(typed))}>
          {t.common.add}
        </Button>
      </Group>
    </>
  );
}

/** Who has the numbers; those that are gone are left out. */
function useOwners(numbers: string[]): Map<string, string> {
  const found = useQuery({
    queryKey: ["config", "numbers", "owners", numbers],
    enabled: numbers.length > 0,
    queryFn: async ({ signal }) => {
      const read = (number: string) =>
        ask(api.GET("/api/numbers/{number}", { params: { path: { number } }, signal })).catch(() => undefined);
      return (await Promise.all(numbers.map(read))).filter((n) => n !== undefined);
    },
  });
  return new Map(found.data?.map((n) => [n.number, n.owner]));
}
