import { Anchor, Badge, Box, Button, Group, Paper, Switch, Text } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "wouter";
import { api, ask, type Schemas } from "../../api/client";
import { useTextOf } from "../../i18n/room";
import { forwardingRoom } from "../../i18n/rooms/forwarding";
import { useCalendarNames } from "../../parts/forwarding/ExtendedEditor";
import { Ordered } from "../../parts/forwarding/Ordered";
import { actionWords, conditionWords } from "../../parts/forwarding/words";
import { IconPlus } from "../../parts/icons";
import { Page } from "../../parts/Page";
import { Empty, Failed, Loading } from "../../parts/States";

const key = ["config", "rules", "all"];

/** The system-wide forwarding rules in the order in which they are tried. */
export default function Rules() {
  const t = useTextOf(forwardingRoom);
  const client = useQueryClient();
  const calendars = useCalendarNames();
  const rules = useQuery({
    queryKey: key,
    queryFn: ({ signal }) => ask(api.GET("/api/forwarding/rules", { params: { query: { limit: 1000 } }, signal })),
  });
  const settled = { onSettled: () => client.invalidateQueries({ queryKey: key }) };
  const order = useMutation({
    mutationFn: (ids: string[]) => ask(api.PUT("/api/forwarding/rules/order", { body: { rules: ids } })),
    ...settled,
  });
  const enable = useMutation({
    mutationFn: (r: { id: string; enabled: boolean }) =>
      ask(api.PATCH("/api/forwarding/rules/{id}", { params: { path: { id: r.id } }, body: { enabled: r.enabled } })),
    ...settled,
  });
  const shown = (items: Schemas["Rule"][]) => {
    if (rules.data) client.setQueryData(key, { ...rules.data, items });
  };
  const items = rules.data?.items ?? [];
  return (
    <Page
      title={t.forwarding.systemRules}
      subtitle={t.forwarding.systemRulesHint}
      actions={
        <Button component={Link} href="/rules/new" leftSection={<IconPlus size={16} aria-hidden />}>
          {t.forwarding.newRule}
        </Button>
      }
    >
      {rules.isError && <Failed error={rules.error} retry={() => void rules.refetch()} />}
      {order.isError && <Failed error={order.error} />}
      {enable.isError && <Failed error={enable.error} />}
      {rules.isPending && <Loading />}
      {rules.data && items.length === 0 && (
        <Paper>
          <Empty title={t.forwarding.noSystemRules}>{t.forwarding.noSystemRulesHint}</Empty>
        </Paper>
      )}
      {items.length > 0 && (
        <Ordered
          items={items}
          id={(r) => r.id}
          name={(r) => r.name}
          onOrder={(next) => {
            shown(next);
            order.mutate(next.map((r) => r.id));
          }}
          render={(r, i) => (
            <Group flex={1} justify="space-between" wrap="nowrap" miw={0}>
              <Group gap="sm" wrap="nowrap" miw={0}>
                <Text size="sm" c="dimmed" className="kf-tabular" w={24} ta="right">
                  {i + 1}
                </Text>
                <Box miw={0}>
                  <Anchor component={Link} href={`/rules/${encodeURIComponent(r.id)}`} fw={600}>
                    {r.name}
                  </Anchor>
                  {!r.enabled && (
                    <Badge ml="xs" size="sm" color="gray" variant="light" tt="none">
                      {t.forwarding.disabled}
                    </Badge>
                  )}
                  <Text size="xs" c="dimmed">
                    {conditionWords(t, r.when, calendars)} → {actionWords(t, r.action)}
                  </Text>
                </Box>
              </Group>
              <Switch
                aria-label={t.forwarding.enable(r.name)}
                checked={r.enabled}
                onChange={(e) => {
                  const enabled = e.currentTarget.checked;
                  shown(items.map((x) => (x.id === r.id ? { ...x, enabled } : x)));
                  enable.mutate({ id: r.id, enabled });
                }}
              />
            </Group>
          )}
        />
      )}
    </Page>
  );
}
