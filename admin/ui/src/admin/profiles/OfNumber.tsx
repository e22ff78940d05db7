import { useParams } from "wouter";
import { useTextOf } from "../../i18n/room";
import { forwardingRoom } from "../../i18n/rooms/forwarding";
import { NumberForwarding } from "../../parts/forwarding/NumberForwarding";
import { Page } from "../../parts/Page";

/** The forwarding of one number. */
export default function OfNumber() {
  const t = useTextOf(forwardingRoom);
  const { number = "" } = useParams();
  return (
    <Page
      title={t.forwarding.forwardingOf(number)}
      crumbs={[
        { title: t.frame.numbers, to: "/numbers" },
        { title: number, to: `/numbers/${encodeURIComponent(number)}` },
      ]}
    >
      <NumberForwarding number={number} />
    </Page>
  );
}
