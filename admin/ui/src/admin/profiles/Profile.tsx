import { useParams } from "wouter";
import { useTextOf } from "../../i18n/room";
import { forwardingRoom } from "../../i18n/rooms/forwarding";
import { ProfileEditor } from "../../parts/forwarding/ProfileEditor";

const part = encodeURIComponent;

/** One profile of a user. */
export default function Profile() {
  const t = useTextOf(forwardingRoom);
  const { username = "", id = "" } = useParams();
  const user = `/users/${part(username)}`;
  return (
    <ProfileEditor
      username={username}
      id={id}
      list={`${user}/profiles`}
      crumbs={[
        { title: t.frame.users, to: "/users" },
        { title: username, to: user },
        { title: t.forwarding.profiles, to: `${user}/profiles` },
      ]}
    />
  );
}
