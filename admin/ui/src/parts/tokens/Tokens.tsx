import { Badge, Button, ScrollArea, Stack, Table, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, type Schemas } from "../../api/client";
import { useSession } from "../../app/session";
import { useFormat } from "../../i18n/format";
import { useTextOf } from "../../i18n/room";
import { tokensRoom } from "../../i18n/rooms/tokens";
import { useConfirm } from "../confirm";
import { IconPlus } from "../icons";
import { useProblemText } from "../problems";
import { Failed, Loading } from "../States";
import { NewToken } from "./NewToken";

type Token = Schemas["Token"];

const over = (k: Token) => !!k.expires && Date.parse(k.expires) < Date.now();

/** The API tokens of a user. Everybody makes tokens for themselves only; administrators see and delete those of others. */
export function Tokens({ username }: { username: string }) {
  const t = useTextOf(tokensRoom);
  const f = useFormat();
  const say = useProblemText();
  const confirm = useConfirm();
  const client = useQueryClient();
  const session = useSession();
  const [adding, setAdding] = useState(false);
  const own = session.username === username;
  // What is done in the name of another leaves no key behind.
  const mayChange = !session.impersonator;
  const list = useQuery({
    queryKey: ["tokens", username],
    queryFn: ({ signal }) => ask(api.GET("/api/users/{username}/tokens", { params: { path: { username } }, signal })),
  });
  const again = () => client.invalidateQueries({ queryKey: ["tokens"] });
  const remove = useMutation({
    mutationFn: (id: string) => ask(api.DELETE("/api/users/{username}/tokens/{id}", { params: { path: { username, id } } })),
    onSettled: again,
    onError: (err) => notifications.show({ message: say(err), color: "red" }),
  });
  if (list.isError) return <Failed error={list.error} retry={() => void list.refetch()} />;
  if (!list.data) return <Loading />;
  const tokens = list.data.items;
  return (
    <Stack align="flex-start" gap="sm">
      {tokens.length === 0 ? (
        <Text size="sm" c="dimmed">
          {own ? t.tokens.none : t.tokens.noneOf}
        </Text>
      ) : (
        <ScrollArea w="100%">
          <Table>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t.tokens.name}</Table.Th>
                <Table.Th>{t.tokens.scope}</Table.Th>
                <Table.Th>{t.tokens.created}</Table.Th>
                <Table.Th>{t.tokens.used}</Table.Th>
                <Table.Th>{t.tokens.expires}</Table.Th>
                {mayChange && <Table.Th aria-label={t.common.remove} />}
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {tokens.map((k) => (
                <Table.Tr key={k.id}>
                  <Table.Td fw={500} style={{ overflowWrap: "anywhere", minWidth: 120 }}>
                    {k.name}
                  </Table.Td>
                  <Table.Td>{k.scopes.includes("write") ? t.tokens.scopes.write : t.tokens.scopes.read}</Table.Td>
                  <Table.Td title={f.moment(k.created)}>{f.day(k.created)}</Table.Td>
                  <Table.Td title={f.moment(k.used)}>{k.used ? f.ago(k.used) : t.tokens.neverUsed}</Table.Td>
                  <Table.Td title={f.moment(k.expires)}>
                    {over(k) ? (
                      <Badge variant="light" color="red" tt="none">
                        {t.tokens.expired}
                      </Badge>
                    ) : (
                      f.day(k.expires) || t.tokens.never
                    )}
                  </Table.Td>
                  {mayChange && (
                    <Table.Td ta="right">
                      <Button
                        size="compact-sm"
                        variant="light"
                        color="red"
                        aria-label={t.tokens.removeOf(k.name)}
                        onClick={() =>
                          confirm({ title: t.tokens.removeSure(k.name), text: t.tokens.removeHint, onConfirm: () => remove.mutate(k.id) })
                        }
                      >
                        {t.common.remove}
                      </Button>
                    </Table.Td>
                  )}
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </ScrollArea>
      )}
      {own && mayChange && (
        <Button size="xs" variant="light" leftSection={<IconPlus size={14} aria-hidden />} onClick={() => setAdding(true)}>
          {t.tokens.add}
        </Button>
      )}
      {adding && <NewToken username={username} onMade={again} onClose={() => setAdding(false)} />}
    </Stack>
  );
}
