import { useParams } from "wouter";
import { useText } from "../../i18n";
import { NumberForwarding } from "../../parts/forwarding/NumberForwarding";
import { Page } from "../../parts/Page";

/** The forwarding of one number. */
export default function OfNumber() {
  const t = useText();
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
