import { Button, Center, Group, Paper, Stack, Text, Title } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { Link } from "wouter";
import { api, ask } from "../api/client";
import { Impersonated } from "../app/Impersonated";
import { LanguageSwitch, SchemeSwitch } from "../app/Switches";
import { useSession } from "../app/session";
import { useSpeech } from "../i18n";
import { useTextOf } from "../i18n/room";
import { licenceRoom } from "../i18n/rooms/licence";

/** What users see in the place of their pages where those are not licensed: why, what goes on all the same, and where else one can go. */
export default function Unlicensed() {
  const t = useTextOf(licenceRoom);
  const { language } = useSpeech();
  const session = useSession();
  const client = useQueryClient();
  const again = () => client.invalidateQueries({ queryKey: ["session"] });
  useEffect(() => {
    document.title = `${t.licence.userTitle} · ${t.common.product}`;
  }, [t]);
  useEffect(() => {
    const timer = window.setInterval(() => void client.invalidateQueries({ queryKey: ["session"] }), 60_000);
    return () => window.clearInterval(timer);
  }, [client]);
  return (
    <Center mih="100vh" p="md">
      <Paper component="main" p="xl" maw={520} shadow="sm">
        <Stack>
          <Impersonated />
          <Title order={1}>{t.licence.userTitle}</Title>
          <Text role="status">{session.unlicensed?.[language]}</Text>
          <Text size="sm" c="dimmed">
            {t.licence.userCalls}
          </Text>
          <Group>
            {session.admin && (
              <Button component={Link} href="~/admin/licence">
                {t.licence.toPage}
              </Button>
            )}
            <Button variant="default" onClick={() => void again()}>
              {t.licence.tryAgain}
            </Button>
            <Button
              variant="subtle"
              onClick={async () => {
                await ask(api.DELETE("/api/session"));
                location.assign("/");
              }}
            >
              {t.frame.logout}
            </Button>
          </Group>
          <Group gap={4}>
            <LanguageSwitch />
            <SchemeSwitch />
          </Group>
        </Stack>
      </Paper>
    </Center>
  );
}
