import { Button, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useLocation, useParams } from "wouter";
import { api, ask, askTagged, ifMatch, type Schemas, type Tagged } from "../../api/client";
import { useTextOf } from "../../i18n/room";
import { groupsRoom } from "../../i18n/rooms/groups";
import { useConfirm } from "../../parts/confirm";
import { useDraft } from "../../parts/draft";
import { IconTrash } from "../../parts/icons";
import { Members } from "../../parts/Members";
import { Page } from "../../parts/Page";
import { PickUser } from "../../parts/PickUser";
import { useProblemText } from "../../parts/problems";
import { SaveBar } from "../../parts/SaveBar";
import { Failed, Loading } from "../../parts/States";
import { Widget } from "../../parts/Widget";

type PickupGroup = Schemas["PickupGroup"];

export default function PickupGroupPage() {
  const { id = "" } = useParams<{ id: string }>();
  const group = useQuery({
    queryKey: ["config", "pickupgroups", "one", id],
    queryFn: () => askTagged(api.GET("/api/pickupgroups/{id}", { params: { path: { id } } })),
  });
  if (group.isPending) return <Loading />;
  if (group.isError) return <Failed error={group.error} retry={() => void group.refetch()} />;
  return <Loaded key={id} server={group.data} />;
}

function Loaded({ server }: { server: Tagged<PickupGroup> }) {
  const t = useTextOf(groupsRoom);
  const w = t.groups.pickup;
  const say = useProblemText();
  const confirm = useConfirm();
  const client = useQueryClient();
  const [, navigate] = useLocation();
  const path = { id: server.body.id };
  const draft = useDraft({
    server,
    send: async (change, tag) => {
      const saved = await askTagged(
        api.PATCH("/api/pickupgroups/{id}", { params: { path, header: ifMatch(tag) }, body: { name: change.name, users: change.users } }),
      );
      void client.invalidateQueries({ queryKey: ["config", "pickupgroups"] });
      return saved;
    },
  });
  const remove = useMutation({
    mutationFn: () => ask(api.DELETE("/api/pickupgroups/{id}", { params: { path } })),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ["config"] });
      navigate("/pickupgroups");
    },
    onError: (err) => notifications.show({ message: say(err), color: "red" }),
  });
  const users = draft.value.users;
  return (
    <Page
      title={server.body.name}
      crumbs={[{ title: t.frame.pickupgroups, to: "/pickupgroups" }]}
      actions={
        <Button
          variant="light"
          color="red"
          leftSection={<IconTrash size={16} aria-hidden />}
          loading={remove.isPending}
          onClick={() => confirm({ title: w.deleteTitle(server.body.name), text: w.deleteText, onConfirm: () => remove.mutate() })}
        >
          {t.common.remove}
        </Button>
      }
    >
      <Widget name="pickupgroup.general" title={t.groups.general}>
        <TextInput
          label={t.groups.name}
          value={draft.value.name}
          onChange={(e) => draft.set("name", e.currentTarget.value)}
          error={draft.error("name")}
          maw={400}
        />
      </Widget>
      <Widget name="pickupgroup.users" title={w.users} hint={w.usersHint}>
        <Members
          items={users.map((u) => ({ id: u, title: u, to: `/users/${encodeURIComponent(u)}` }))}
          empty={w.noUsers}
          onRemove={(u) =>
            draft.set(
              "users",
              users.filter((x) => x !== u),
            )
          }
        />
        <PickUser label={w.addUser} placeholder={t.groups.findMember} without={users} onPick={(u) => draft.set("users", [...users, u])} />
      </Widget>
      <SaveBar draft={draft} />
    </Page>
  );
}
