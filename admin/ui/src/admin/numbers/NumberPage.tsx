import { Anchor, Badge, Button, Group, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useLocation, useParams } from "wouter";
import { api, ask, type Schemas, type Tagged } from "../../api/client";
import { Problem } from "../../api/problem";
import { useTextOf } from "../../i18n/room";
import { listsRoom } from "../../i18n/rooms/lists";
import { matrixRoom } from "../../i18n/rooms/matrix";
import { IconArrowForwardUp, IconTrash } from "../../parts/icons";
import { useFreeNumber } from "../../parts/matrix/NumberDialog";
import { NumberForm, numberQuery, useNumberDraft } from "../../parts/matrix/NumberForm";
import { SlotStateMark, stateOf } from "../../parts/matrix/SlotState";
import { Page } from "../../parts/Page";
import { SaveBar } from "../../parts/SaveBar";
import { SlotIcon } from "../../parts/SlotType";
import { Empty, Failed, Loading } from "../../parts/States";
import { Widget } from "../../parts/Widget";

export default function NumberPage() {
  const t = useTextOf(listsRoom);
  const { number = "" } = useParams<{ number: string }>();
  const query = useQuery(numberQuery(number));
  if (!query.data) {
    return (
      <Page title={number} crumbs={[{ title: t.frame.numbers, to: "/numbers" }]}>
        {query.isPending && <Loading />}
        {query.isError &&
          (query.error instanceof Problem && query.error.status === 404 ? (
            <Empty title={t.lists.number.free(number)}>{t.lists.number.freeHint}</Empty>
          ) : (
            <Failed error={query.error} retry={() => void query.refetch()} />
          ))}
      </Page>
    );
  }
  return <Loaded key={number} server={query.data} />;
}

function Loaded({ server }: { server: Tagged<Schemas["Number"]> }) {
  const t = useTextOf(matrixRoom);
  const [, navigate] = useLocation();
  const n = server.body;
  const ofUser = n.owner_type === "user";
  const draft = useNumberDraft(server);
  const free = useFreeNumber(server, () => navigate("/numbers", { replace: true }));
  const places: Record<string, string> = {
    user: `/users/${encodeURIComponent(n.owner)}`,
    hunt_group: `/huntgroups?filter=${encodeURIComponent(n.number)}`,
  };
  const place = places[n.owner_type];
  return (
    <Page
      title={n.number}
      crumbs={[{ title: t.frame.numbers, to: "/numbers" }]}
      subtitle={
        <Group gap="xs">
          <Badge variant="light" size="sm">
            {t.matrix.ownerTypes[n.owner_type] ?? n.owner_type}
          </Badge>
          {place ? (
            <Anchor component={Link} href={place} size="sm">
              {n.owner}
            </Anchor>
          ) : (
            n.owner
          )}
        </Group>
      }
      actions={
        ofUser && (
          <>
            <Button
              component={Link}
              href={`/numbers/${encodeURIComponent(n.number)}/forwarding`}
              variant="default"
              leftSection={<IconArrowForwardUp size={16} aria-hidden />}
            >
              {t.frame.forwarding}
            </Button>
            <Button variant="default" color="red" leftSection={<IconTrash size={16} aria-hidden />} onClick={free}>
              {t.matrix.removeNumber}
            </Button>
          </>
        )
      }
    >
      <Widget name="number.settings" title={t.matrix.settings}>
        <NumberForm number={n} draft={draft} manage />
      </Widget>
      {ofUser && (
        <Widget name="number.ticks" title={t.matrix.ticks}>
          <Ticked number={n.number} username={n.owner} />
        </Widget>
      )}
      <SaveBar draft={draft} />
    </Page>
  );
}

/** Where a number rings, and what the slots there do now. */
function Ticked({ number, username }: { number: string; username: string }) {
  const t = useTextOf(matrixRoom);
  const slots = useQuery({
    queryKey: ["live", "slots", username],
    queryFn: ({ signal }) => ask(api.GET("/api/slots", { params: { query: { username, limit: 1000 } }, signal })),
  });
  if (slots.isError) return <Failed error={slots.error} retry={() => void slots.refetch()} />;
  if (!slots.data) return <Loading />;
  const ticked = slots.data.items.filter((s) => s.numbers.includes(number));
  return (
    <Stack gap="xs">
      {ticked.length === 0 && (
        <Text size="sm" c="dimmed">
          {t.matrix.nowhere}
        </Text>
      )}
      {ticked.map((s) => (
        <Group key={s.id} gap="sm">
          <SlotIcon type={s.type} />
          <Text size="sm">{s.name}</Text>
          <SlotStateMark state={stateOf(s)} />
        </Group>
      ))}
      <Anchor component={Link} href={`/users/${encodeURIComponent(username)}`} size="sm">
        {t.matrix.title}
      </Anchor>
    </Stack>
  );
}
