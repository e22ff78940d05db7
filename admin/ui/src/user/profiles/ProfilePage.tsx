import { useSession } from "../../app/session";
import { useText } from "../../i18n";
import { ProfileEditor } from "../../parts/forwarding/ProfileEditor";

export default function ProfilePage({ id }: { id: string }) {
  const t = useText();
  const { username } = useSession();
  return <ProfileEditor username={username} id={id} list="/profiles" crumbs={[{ title: t.me.profiles, to: "/profiles" }]} />;
}
