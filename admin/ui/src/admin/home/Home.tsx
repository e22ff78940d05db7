import { useText } from "../../i18n";
import { Page } from "../../parts/Page";

export default function Home() {
  const t = useText();
  return <Page title={t.home.title}>{null}</Page>;
}
