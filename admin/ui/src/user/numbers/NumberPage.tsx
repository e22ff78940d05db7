import { useText } from "../../i18n";
import { NumberForwarding } from "../../parts/forwarding/NumberForwarding";
import { Page } from "../../parts/Page";

/** One number: which profile holds, and when it changes. */
export default function NumberPage({ number }: { number: string }) {
  const t = useText();
  return (
    <Page title={number} crumbs={[{ title: t.me.numbers, to: "/numbers" }]}>
      <NumberForwarding number={number} />
    </Page>
  );
}
