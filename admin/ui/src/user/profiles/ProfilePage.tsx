import { useSession } from "../../app/session";
import { useTextOf } from "../../i18n/room";
import { meRoom } from "../../i18n/rooms/me";
import { ProfileEditor } from "../../parts/forwarding/ProfileEditor";

export default function ProfilePage({ id }: { id: string }) {
  const t = useTextOf(meRoom);
  const { username } = useSession();
  return <ProfileEditor username={username} id={id} list="/profiles" crumbs={[{ title: t.me.profiles, to: "/profiles" }]} />;
}
