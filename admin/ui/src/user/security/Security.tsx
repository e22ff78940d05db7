import { Alert, Stack } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import { PasswordForm } from "../../app/FirstPassword";
import { useSession } from "../../app/session";
import { useTextOf } from "../../i18n/room";
import { meRoom } from "../../i18n/rooms/me";
import { tokensRoom } from "../../i18n/rooms/tokens";
import { Page } from "../../parts/Page";
import { Tokens } from "../../parts/tokens/Tokens";
import { Widget } from "../../parts/Widget";
import { Factors } from "./Factors";
import { Pin } from "./Pin";
import { Sessions } from "./Sessions";

/** How one logs in: password, second factor, sessions; and the PIN for telephones. */
export default function Security() {
  const t = useTextOf(meRoom, tokensRoom);
  const session = useSession();
  const client = useQueryClient();
  if (session.impersonator) {
    return (
      <Page title={t.me.security}>
        <Alert color="gray">{t.me.securityOther}</Alert>
      </Page>
    );
  }
  return (
    <Page title={t.me.security}>
      <Stack maw={760}>
        <Widget name="me.password" title={t.me.password} hint={t.me.passwordHint}>
          <PasswordForm
            username={session.username}
            onChanged={(s) => {
              client.setQueryData(["session"], s);
              notifications.show({ message: t.me.passwordChanged, color: "teal" });
              void client.invalidateQueries({ queryKey: ["sessions"] });
            }}
          />
        </Widget>
        <Widget name="me.factors" title={t.me.second} hint={t.me.secondHint}>
          <Factors />
        </Widget>
        <Widget name="me.pin" title={t.me.pin} hint={t.me.pinHint}>
          <Pin />
        </Widget>
        <Widget name="me.sessions" title={t.me.sessions}>
          <Sessions />
        </Widget>
        <Widget name="me.tokens" title={t.tokens.title} hint={t.tokens.hint}>
          <Tokens username={session.username} />
        </Widget>
      </Stack>
    </Page>
  );
}
