import { useSession } from "../../app/session";
import { useText } from "../../i18n";
import { ProfileList } from "../../parts/forwarding/ProfileList";
import { Page } from "../../parts/Page";

export default function Profiles() {
  const t = useText();
  const { username } = useSession();
  return (
    <Page title={t.me.profiles}>
      <ProfileList username={username} link={(id) => `/profiles/${id}`} />
    </Page>
  );
}
