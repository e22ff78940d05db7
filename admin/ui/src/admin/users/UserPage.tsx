import { Badge, Button, Group } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useLocation, useParams } from "wouter";
import { api, askTagged, ifMatch, type Schemas, type Tagged } from "../../api/client";
import { useSession } from "../../app/session";
import { useText } from "../../i18n";
import { useTextOf } from "../../i18n/room";
import { matrixRoom } from "../../i18n/rooms/matrix";
import { personRoom } from "../../i18n/rooms/person";
import { tokensRoom } from "../../i18n/rooms/tokens";
import { useDraft } from "../../parts/draft";
import { IconTrash } from "../../parts/icons";
import { Matrix } from "../../parts/matrix/Matrix";
import { Page } from "../../parts/Page";
import { withGiven } from "../../parts/parameters/layers";
import { SaveBar } from "../../parts/SaveBar";
import { Failed, Loading } from "../../parts/States";
import { Tokens } from "../../parts/tokens/Tokens";
import { Widget } from "../../parts/Widget";
import { Access } from "./Access";
import { Blocking } from "./Blocking";
import { DeleteUser } from "./DeleteUser";
import { Impersonate } from "./Impersonate";
import { MasterData } from "./MasterData";
import { Pickup, UserGroups } from "./Memberships";
import { Profiles } from "./Profiles";
import { ShownNumbers } from "./ShownNumbers";

export type UserBody = Schemas["User"];

const fields = [
  "username",
  "first_name",
  "last_name",
  "email",
  "url",
  "language",
  "time_zone",
  "status_private",
  "dnd",
  "shown_numbers_inside",
  "shown_numbers_outside",
  "hide_number_inside",
  "hide_number_outside",
  "call_blocking",
] as const;

/** Settings that groups can give; null while they do. */
const givable = ["language", "time_zone", "hide_number_inside", "hide_number_outside"] as const;
type Givable = (typeof givable)[number];

/** What of a user is edited on the page and saved together. */
export type UserSettings = Omit<Pick<UserBody, (typeof fields)[number]>, Givable> & { [F in Givable]: UserBody[F] | null };

const settings = ({ body, tag }: Tagged<UserBody>): Tagged<UserSettings> => ({
  tag,
  body: withGiven(
    Object.fromEntries(fields.map((f) => [f, body[f]])) as unknown as Pick<UserBody, (typeof fields)[number]>,
    givable,
    body.inherited,
  ),
});

export default function UserPage() {
  const t = useText();
  const { username = "" } = useParams<{ username: string }>();
  const user = useQuery({
    queryKey: ["config", "users", username],
    queryFn: ({ signal }) => askTagged(api.GET("/api/users/{username}", { params: { path: { username } }, signal })),
  });
  const crumbs = [{ title: t.frame.users, to: "/users" }];
  if (!user.data) {
    return (
      <Page title={username} crumbs={crumbs}>
        {user.isError ? <Failed error={user.error} retry={() => void user.refetch()} /> : <Loading />}
      </Page>
    );
  }
  // Another user is another draft.
  return <Loaded key={user.data.body.id} server={user.data} />;
}

function Loaded({ server }: { server: Tagged<UserBody> }) {
  const t = useTextOf(matrixRoom, personRoom, tokensRoom);
  const client = useQueryClient();
  const [, navigate] = useLocation();
  const [deleting, setDeleting] = useState(false);
  const user = server.body;
  const own = useSession().username === user.username;
  const draft = useDraft<UserSettings>({
    server: settings(server),
    send: async (change, tag) => {
      const saved = await askTagged(
        api.PATCH("/api/users/{username}", { params: { path: { username: user.username }, header: ifMatch(tag) }, body: change }),
      );
      client.setQueryData(["config", "users", saved.body.username], saved);
      return settings(saved);
    },
    onSaved: (saved) => {
      if (saved.body.username !== user.username) navigate(`/users/${encodeURIComponent(saved.body.username)}`, { replace: true });
    },
  });
  const name = [user.first_name, user.last_name].filter(Boolean).join(" ");
  return (
    <Page
      title={name || user.username}
      crumbs={[{ title: t.frame.users, to: "/users" }]}
      subtitle={
        <Group gap="xs">
          {user.username}
          {user.admin && (
            <Badge size="sm" variant="light" title={t.person.admin}>
              {t.person.administrator}
            </Badge>
          )}
        </Group>
      }
      actions={
        <>
          <Impersonate username={user.username} />
          <Button variant="light" color="red" leftSection={<IconTrash size={16} aria-hidden />} onClick={() => setDeleting(true)}>
            {t.common.remove}
          </Button>
        </>
      }
    >
      <Widget name="user.matrix" title={t.matrix.title} hint={t.matrix.hint}>
        <Matrix username={user.username} manage />
      </Widget>
      <Widget name="user.master" title={t.person.masterData}>
        <MasterData draft={draft} user={user} />
      </Widget>
      <Widget name="user.access" title={t.person.access}>
        <Access user={user} />
      </Widget>
      <Widget name="user.tokens" title={t.tokens.title} hint={own ? t.tokens.hint : t.tokens.hintOf} closed>
        <Tokens username={user.username} />
      </Widget>
      <Widget name="user.groups" title={t.person.groups} hint={t.person.groupsHint}>
        <UserGroups username={user.username} />
      </Widget>
      <Widget name="user.pickup" title={t.person.pickup} hint={t.person.groupsHint}>
        <Pickup username={user.username} />
      </Widget>
      <Widget name="user.shown" title={t.person.shown} hint={t.person.shownHint}>
        <ShownNumbers draft={draft} user={user} />
      </Widget>
      <Widget name="user.blocking" title={t.person.blocking} hint={t.person.blockingHint}>
        <Blocking draft={draft} hasPin={user.has_pin} />
      </Widget>
      <Widget name="user.profiles" title={t.person.profiles}>
        <Profiles username={user.username} />
      </Widget>
      <SaveBar draft={draft} />
      {deleting && <DeleteUser username={user.username} onClose={() => setDeleting(false)} />}
    </Page>
  );
}
