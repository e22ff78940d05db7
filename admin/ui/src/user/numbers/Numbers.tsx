import { useSession } from "../../app/session";
import { useText } from "../../i18n";
import { Matrix } from "../../parts/matrix/Matrix";
import { Page } from "../../parts/Page";

/** The own matrix: which number rings on which device. */
export default function Numbers() {
  const t = useText();
  const { username } = useSession();
  return (
    <Page title={t.me.numbers}>
      <Matrix username={username} manage={false} />
    </Page>
  );
}
