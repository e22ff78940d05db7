import { useSession } from "../../app/session";
import { useTextOf } from "../../i18n/room";
import { meRoom } from "../../i18n/rooms/me";
import { ProfileList } from "../../parts/forwarding/ProfileList";
import { Page } from "../../parts/Page";

export default function Profiles() {
  const t = useTextOf(meRoom);
  const { username } = useSession();
  return (
    <Page title={t.me.profiles}>
      <ProfileList username={username} link={(id) => `/profiles/${id}`} />
    </Page>
  );
}
