import { Box, Button, Group, Switch, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useParams } from "wouter";
import { api, ask, askTagged, ifMatch, type Schemas, type Tagged } from "../../api/client";
import { useTextOf } from "../../i18n/room";
import { forwardingRoom } from "../../i18n/rooms/forwarding";
import { useConfirm } from "../../parts/confirm";
import { useDraft } from "../../parts/draft";
import { ActionEditor } from "../../parts/forwarding/ActionEditor";
import { ConditionsEditor } from "../../parts/forwarding/ConditionsEditor";
import { TestsEditor } from "../../parts/forwarding/TestsEditor";
import { IconTrash, IconUserQuestion } from "../../parts/icons";
import { useLeaveTo } from "../../parts/leave";
import { Page } from "../../parts/Page";
import { SaveBar } from "../../parts/SaveBar";
import { Failed, Loading } from "../../parts/States";
import { Widget } from "../../parts/Widget";

type SystemRule = Schemas["Rule"];

const blank: Tagged<SystemRule> = {
  body: { id: "", name: "", position: 0, enabled: true, when: {}, action: { kind: "number", number: "" }, tests: [] },
  tag: "",
};

/** A system-wide rule, or a new one. */
export default function Rule() {
  const t = useTextOf(forwardingRoom);
  const { id = "" } = useParams();
  const fresh = id === "new";
  const rule = useQuery({
    queryKey: ["config", "rule", id],
    queryFn: ({ signal }) => askTagged(api.GET("/api/forwarding/rules/{id}", { params: { path: { id } }, signal })),
    enabled: !fresh,
  });
  if (fresh) return <Editor key="new" server={blank} />;
  if (rule.isError) {
    return (
      <Page title={t.forwarding.systemRule} crumbs={[{ title: t.forwarding.systemRules, to: "/rules" }]}>
        <Failed error={rule.error} retry={() => void rule.refetch()} />
      </Page>
    );
  }
  if (!rule.data) return <Loading />;
  return <Editor key={id} server={rule.data} />;
}

function Editor({ server }: { server: Tagged<SystemRule> }) {
  const t = useTextOf(forwardingRoom);
  const confirm = useConfirm();
  const client = useQueryClient();
  const id = server.body.id;
  const [left, setLeft] = useState<string>();
  const draft = useDraft<SystemRule>({
    server,
    fields: ["name", "enabled", "when", "action", "tests"],
    send: (change, tag) => {
      if (id) return askTagged(api.PATCH("/api/forwarding/rules/{id}", { params: { path: { id } }, headers: ifMatch(tag), body: change }));
      const { name, enabled, when, action, tests } = { ...blank.body, ...change };
      return askTagged(api.POST("/api/forwarding/rules", { body: { name, enabled, when, action, tests } }));
    },
    onSaved: (saved) => {
      client.setQueryData(["config", "rule", saved.body.id], saved);
      if (!id) setLeft(`/rules/${encodeURIComponent(saved.body.id)}`);
    },
  });
  useLeaveTo(left, draft.dirty);
  const remove = useMutation({
    mutationFn: () => ask(api.DELETE("/api/forwarding/rules/{id}", { params: { path: { id } } })),
    onSuccess: () => {
      draft.reset();
      setLeft("/rules");
    },
  });
  const v = draft.value;
  const called = v.when.called?.kind === "exact" ? (v.when.called.value ?? "") : "";
  return (
    <Page
      title={id ? server.body.name : t.forwarding.newRule}
      crumbs={[{ title: t.forwarding.systemRules, to: "/rules" }]}
      actions={
        id && (
          <>
            <Button
              component={Link}
              href={`/simulator?${new URLSearchParams({ to: called })}`}
              variant="default"
              leftSection={<IconUserQuestion size={16} aria-hidden />}
            >
              {t.forwarding.whereNext}
            </Button>
            <Button
              variant="light"
              color="red"
              leftSection={<IconTrash size={16} aria-hidden />}
              loading={remove.isPending}
              onClick={() =>
                confirm({
                  title: t.forwarding.removeSystemRule(server.body.name),
                  text: t.forwarding.removeSystemRuleText,
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
      <Group align="flex-start" gap="lg">
        <TextInput
          label={t.forwarding.ruleName}
          w={{ base: "100%", xs: 360 }}
          maxLength={128}
          value={v.name}
          onChange={(e) => draft.set("name", e.currentTarget.value)}
          error={draft.error("name")}
          required
        />
        <Switch
          mt={30}
          label={v.enabled ? t.forwarding.enabled : t.forwarding.disabled}
          checked={v.enabled}
          onChange={(e) => draft.set("enabled", e.currentTarget.checked)}
        />
      </Group>
      <Widget name="rule.when" title={t.forwarding.when} hint={t.forwarding.whenHint}>
        <ConditionsEditor value={v.when} onChange={(when) => draft.set("when", when)} system path="when" error={draft.error} />
      </Widget>
      <Widget name="rule.action" title={t.forwarding.action}>
        <Box maw={360}>
          <ActionEditor
            label={t.forwarding.action}
            value={v.action}
            onChange={(a) => a && draft.set("action", a)}
            kinds={["number", "reject", "allow"]}
            path="action"
            error={draft.error}
          />
        </Box>
      </Widget>
      <Widget name="rule.tests" title={t.forwarding.tests}>
        <TestsEditor
          value={v.tests}
          onChange={(tests) => draft.set("tests", tests)}
          system
          off={!v.enabled}
          path="tests"
          error={draft.error}
        />
      </Widget>
      <SaveBar draft={draft} />
    </Page>
  );
}
