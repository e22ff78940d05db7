import { Route, Switch } from "wouter";
import { Frame, type Place } from "../app/Frame";
import { useText } from "../i18n";
import { IconHome } from "../parts/icons";
import { NotFound } from "../parts/NotFound";
import { Page } from "../parts/Page";

/** The user client. */
export default function User() {
  const t = useText();
  const places: Place[] = [{ title: t.frame.userClient, to: "/", icon: <IconHome size={18} aria-hidden /> }];
  return (
    <Frame title={t.frame.userClient} places={places} admin={false} calls="/">
      <Switch>
        <Route path="/">
          <Page title={t.frame.userClient}>{null}</Page>
        </Route>
        <Route component={NotFound} />
      </Switch>
    </Frame>
  );
}
