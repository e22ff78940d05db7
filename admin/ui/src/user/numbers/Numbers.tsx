import { useSession } from "../../app/session";
import { useTextOf } from "../../i18n/room";
import { meRoom } from "../../i18n/rooms/me";
import { Matrix } from "../../parts/matrix/Matrix";
import { Page } from "../../parts/Page";

/** The own matrix: which number rings on which device. */
export default function Numbers() {
  const t = useTextOf(meRoom);
  const { username } = useSession();
  return (
    <Page title={t.me.numbers}>
      <Matrix username={username} manage={false} />
    </Page>
  );
}
