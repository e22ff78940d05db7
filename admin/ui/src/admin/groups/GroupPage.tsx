import { Badge, Button, Group, SimpleGrid, Stack, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useLocation, useParams } from "wouter";
import { api, ask, askTagged, ifMatch, type Schemas, type Tagged } from "../../api/client";
import { useTextOf } from "../../i18n/room";
import { groupsRoom } from "../../i18n/rooms/groups";
import { useConfirm } from "../../parts/confirm";
import { useDraft } from "../../parts/draft";
import { IconTrash } from "../../parts/icons";
import { Page } from "../../parts/Page";
import { givesJust } from "../../parts/parameters/layers";
import { useProblemText } from "../../parts/problems";
import { SaveBar } from "../../parts/SaveBar";
import { Failed, Loading } from "../../parts/States";
import { Widget } from "../../parts/Widget";
import { GroupMembers } from "./GroupMembers";
import { InnerGroups } from "./InnerGroups";
import { Parameters } from "./Parameters";
import { Permissions } from "./Permissions";

type GroupView = Schemas["Group"];

/** What of a group is edited on the page and saved together. */
const settings = ({ body, tag }: Tagged<GroupView>) => ({ tag, body: { title: body.title, parameters: body.parameters ?? {} } });

export default function GroupPage() {
  const { name = "" } = useParams<{ name: string }>();
  const group = useQuery({
    queryKey: ["config", "groups", "one", name],
    queryFn: () => askTagged(api.GET("/api/groups/{name}", { params: { path: { name } } })),
  });
  if (group.isPending) return <Loading />;
  if (group.isError) return <Failed error={group.error} retry={() => void group.refetch()} />;
  return <Loaded key={name} server={group.data} />;
}

function Loaded({ server }: { server: Tagged<GroupView> }) {
  const t = useTextOf(groupsRoom);
  const w = t.groups;
  const say = useProblemText();
  const confirm = useConfirm();
  const client = useQueryClient();
  const [, navigate] = useLocation();
  const group = server.body;
  const path = { name: group.name };
  const draft = useDraft({
    server: settings(server),
    send: async ({ parameters, ...change }, tag) => {
      const body = parameters ? { ...change, parameters: givesJust(parameters) } : change;
      const saved = await askTagged(api.PATCH("/api/groups/{name}", { params: { path, header: ifMatch(tag) }, body }));
      void client.invalidateQueries({ queryKey: ["config"] }); // what a group gives shows at users and numbers
      return settings(saved);
    },
  });
  const remove = useMutation({
    mutationFn: () => ask(api.DELETE("/api/groups/{name}", { params: { path } })),
    onSuccess: () => {
      notifications.show({ message: w.deleted });
      void client.invalidateQueries({ queryKey: ["config"] });
      navigate("/groups");
    },
    onError: (err) => notifications.show({ message: say(err), color: "red" }),
  });
  return (
    <Page
      title={group.title}
      crumbs={[{ title: t.frame.groups, to: "/groups" }]}
      subtitle={
        <Group gap="xs">
          <span>
            {group.name} · {t.common.groupTypes[group.type]}
          </span>
          {group.built_in && (
            <Badge size="sm" variant="light" color="gray">
              {w.builtIn}
            </Badge>
          )}
        </Group>
      }
      actions={
        !group.built_in && (
          <Button
            variant="light"
            color="red"
            leftSection={<IconTrash size={16} aria-hidden />}
            loading={remove.isPending}
            onClick={() => confirm({ title: w.deleteTitle(group.title), text: w.deleteText, onConfirm: () => remove.mutate() })}
          >
            {t.common.remove}
          </Button>
        )
      }
    >
      <Stack gap="md">
        <Widget name="group.general" title={w.general}>
          <SimpleGrid cols={{ base: 1, sm: 3 }}>
            <TextInput
              label={w.title}
              value={draft.value.title}
              onChange={(e) => draft.set("title", e.currentTarget.value)}
              error={draft.error("title")}
            />
            <TextInput label={w.name} value={group.name} readOnly variant="filled" />
            <TextInput label={w.type} value={t.common.groupTypes[group.type]} readOnly variant="filled" />
          </SimpleGrid>
        </Widget>
        <GroupMembers group={group} />
        <InnerGroups group={group} />
        {group.type === "user" && (
          <Parameters value={draft.value.parameters} onChange={(v) => draft.set("parameters", v)} error={draft.error} />
        )}
        <Permissions group={group} />
      </Stack>
      <SaveBar draft={draft} />
    </Page>
  );
}
