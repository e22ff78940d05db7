import { Badge, Button, Card, Center, Group, Modal, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, type Schemas } from "../../api/client";
import { useSession } from "../../app/session";
import { useTextOf } from "../../i18n/room";
import { matrixRoom } from "../../i18n/rooms/matrix";
import { meRoom } from "../../i18n/rooms/me";
import { Account } from "../../parts/Account";
import { IconQrcode } from "../../parts/icons";
import { Page } from "../../parts/Page";
import QR from "../../parts/QR";
import { Empty, Failed, Loading } from "../../parts/States";

type Slot = Schemas["SlotItem"];

/** The own devices, whether they are registered, and with what they register. */
export default function Devices() {
  const t = useTextOf(meRoom);
  const { username } = useSession();
  const [shown, setShown] = useState<Slot>();
  const slots = useQuery({
    queryKey: ["live", "slots", username],
    queryFn: ({ signal }) => ask(api.GET("/api/slots", { params: { query: { username, limit: 1000 } }, signal })),
  });
  return (
    <Page title={t.me.devices}>
      {slots.isPending && <Loading />}
      {slots.isError && <Failed error={slots.error} retry={() => void slots.refetch()} />}
      {slots.data?.items.length === 0 && <Empty>{t.me.devicesEmpty}</Empty>}
      <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>
        {slots.data?.items.map((s) => (
          <Card key={s.id} withBorder component="section">
            <Group justify="space-between" mb="xs">
              <Title order={2} fz="md">
                {s.name || t.common.types[s.type]}
              </Title>
              {s.type !== "mobile" && (
                <Badge variant="light" tt="none" color={s.registered ? "teal" : "gray"}>
                  {s.registered ? t.me.registered : t.me.notRegistered}
                </Badge>
              )}
            </Group>
            <Stack gap={2} mb="sm">
              <Text size="sm" c="dimmed">
                {[s.name && s.name !== t.common.types[s.type] && t.common.types[s.type], s.numbers.join(", ")].filter(Boolean).join(" · ")}
              </Text>
              {s.agent && (
                <Text size="sm" c="dimmed" truncate>
                  {s.agent}
                </Text>
              )}
              {s.mobile_number && (
                <Text size="sm">
                  {t.me.mobileNumber}: {s.mobile_number}
                </Text>
              )}
            </Stack>
            {s.sip && (
              <Button variant="light" size="xs" leftSection={<IconQrcode size={16} aria-hidden />} onClick={() => setShown(s)}>
                {t.me.showAccount}
              </Button>
            )}
          </Card>
        ))}
      </SimpleGrid>
      <Modal opened={!!shown} onClose={() => setShown(undefined)} title={shown && t.me.accountOf(shown.name || t.common.types[shown.type])}>
        {shown && <Credentials id={shown.id} />}
      </Modal>
    </Page>
  );
}

function Credentials({ id }: { id: string }) {
  const t = useTextOf(matrixRoom, meRoom);
  const account = useQuery({
    queryKey: ["credentials", id],
    queryFn: () => ask(api.GET("/api/slots/{id}/credentials", { params: { path: { id } } })),
    // Each look is written down, so that none is had but on purpose.
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  });
  if (account.isError) return <Failed error={account.error} retry={() => void account.refetch()} />;
  if (!account.data) return <Loading />;
  return (
    <Stack>
      <Text size="sm">{t.me.accountHint}</Text>
      <Account account={account.data} />
      <Center>
        <QR text={account.data.uri} label={t.matrix.qr} />
      </Center>
      <Text size="xs" c="dimmed" ta="center">
        {t.matrix.qr}
      </Text>
    </Stack>
  );
}
