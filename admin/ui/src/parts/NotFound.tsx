import { Anchor } from "@mantine/core";
import { Link } from "wouter";
import { useText } from "../i18n";
import { Page } from "./Page";
import { Empty } from "./States";

export function NotFound() {
  const t = useText();
  return (
    <Page title={t.common.nothingFound}>
      <Empty title={t.common.notFound}>
        <Anchor component={Link} href="/">
          {t.common.toStart}
        </Anchor>
      </Empty>
    </Page>
  );
}
