import { Alert, Button, Text, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { api, ask, askTagged, ifMatch, type Schemas, type Tagged } from "../../api/client";
import { useTextOf } from "../../i18n/room";
import { forwardingRoom } from "../../i18n/rooms/forwarding";
import { useConfirm } from "../confirm";
import { useDraft } from "../draft";
import { IconTrash } from "../icons";
import { useLeaveTo } from "../leave";
import { type Crumb, Page } from "../Page";
import { SaveBar } from "../SaveBar";
import { Failed, Loading } from "../States";
import { Widget } from "../Widget";
import { ExtendedEditor } from "./ExtendedEditor";
import { TableEditor } from "./TableEditor";

interface ProfileEditorProps {
  username: string;
  id: string;
  crumbs: Crumb[];
  /** Where the list of profiles is. */
  list: string;
  /** Beside the title. */
  subtitle?: ReactNode;
}

/** The page of a forwarding profile, for both clients. */
export function ProfileEditor(p: ProfileEditorProps) {
  const t = useTextOf(forwardingRoom);
  const path = { username: p.username, id: p.id };
  const profile = useQuery({
    queryKey: ["config", "profile", p.username, p.id],
    queryFn: ({ signal }) => askTagged(api.GET("/api/users/{username}/profiles/{id}", { params: { path }, signal })),
  });
  if (profile.isError) {
    return (
      <Page title={t.forwarding.profile} crumbs={p.crumbs}>
        <Failed error={profile.error} retry={() => void profile.refetch()} />
      </Page>
    );
  }
  if (!profile.data) return <Loading />;
  return <Editor key={p.id} {...p} server={profile.data} />;
}

type Editable = Pick<Schemas["Profile"], "name" | "table" | "extended">;

function Editor(p: ProfileEditorProps & { server: Tagged<Schemas["Profile"]> }) {
  const t = useTextOf(forwardingRoom);
  const confirm = useConfirm();
  const client = useQueryClient();
  const path = { username: p.username, id: p.id };
  const [left, setLeft] = useState<string>();
  const draft = useDraft<Schemas["Profile"]>({
    server: p.server,
    fields: ["name", "table", "extended"],
    onSaved: (saved) => client.setQueryData(["config", "profile", p.username, p.id], saved),
    send: (change, tag) =>
      askTagged(
        api.PATCH("/api/users/{username}/profiles/{id}", {
          params: { path },
          headers: ifMatch(tag),
          body: change as Partial<Editable>,
        }),
      ),
  });
  useLeaveTo(left, draft.dirty);
  const remove = useMutation({
    mutationFn: () => ask(api.DELETE("/api/users/{username}/profiles/{id}", { params: { path } })),
    onSuccess: () => {
      draft.reset();
      setLeft(p.list);
    },
  });
  const v = draft.value;
  return (
    <Page
      title={p.server.body.name}
      crumbs={p.crumbs}
      subtitle={p.subtitle ?? (v.numbers.length ? t.forwarding.usedFor(v.numbers.join(", ")) : t.forwarding.usedNowhere)}
      actions={
        <Button
          variant="light"
          color="red"
          leftSection={<IconTrash size={16} aria-hidden />}
          loading={remove.isPending}
          onClick={() =>
            confirm({
              title: t.forwarding.removeProfile(v.name),
              text: t.forwarding.removeProfileText,
              onConfirm: () => remove.mutate(),
            })
          }
        >
          {t.common.remove}
        </Button>
      }
    >
      {remove.isError && <Failed error={remove.error} />}
      <TextInput
        label={t.forwarding.profileName}
        maw={360}
        maxLength={128}
        value={v.name}
        onChange={(e) => draft.set("name", e.currentTarget.value)}
        error={draft.error("name")}
        required
      />
      <Widget name="profile.table" title={t.forwarding.table} hint={t.forwarding.tableHint}>
        <TableEditor value={v.table} onChange={(table) => draft.set("table", table)} path="table" error={draft.error} seconds />
      </Widget>
      <Widget name="profile.extended" title={t.forwarding.extended} hint={t.forwarding.extendedHint}>
        <ExtendedEditor value={v.extended} onChange={(extended) => draft.set("extended", extended)} path="extended" error={draft.error} />
      </Widget>
      {draft.error("table") && (
        <Alert color="red" role="alert">
          <Text size="sm">
            {t.forwarding.table}: {draft.error("table")}
          </Text>
        </Alert>
      )}
      <SaveBar draft={draft} />
    </Page>
  );
}
