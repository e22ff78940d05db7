import { useLocation } from "wouter";
import { useSession } from "../../app/session";
import { useText } from "../../i18n";
import { ProfileEditor } from "../../parts/forwarding/ProfileEditor";

export default function ProfilePage({ id }: { id: string }) {
  const t = useText();
  const { username } = useSession();
  const [, navigate] = useLocation();
  return (
    <ProfileEditor
      username={username}
      id={id}
      crumbs={[{ title: t.me.profiles, to: "/profiles" }]}
      onRemoved={() => navigate("/profiles")}
    />
  );
}
