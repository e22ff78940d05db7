import { useTextOf } from "../../i18n/room";
import { meRoom } from "../../i18n/rooms/me";
import { NumberForwarding } from "../../parts/forwarding/NumberForwarding";
import { Page } from "../../parts/Page";

/** One number: which profile holds, and when it changes. */
export default function NumberPage({ number }: { number: string }) {
  const t = useTextOf(meRoom);
  return (
    <Page title={number} crumbs={[{ title: t.me.numbers, to: "/numbers" }]}>
      <NumberForwarding number={number} />
    </Page>
  );
}
