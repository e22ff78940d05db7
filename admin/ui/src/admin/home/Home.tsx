import { Anchor, Group, Paper, Progress, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useId } from "react";
import { Link } from "wouter";
import { api, ask, type Schemas } from "../../api/client";
import { useText } from "../../i18n";
import { useFormat } from "../../i18n/format";
import { Page } from "../../parts/Page";
import { Pairs } from "../../parts/Pairs";
import { SlotType } from "../../parts/SlotType";
import { Failed, Loading } from "../../parts/States";
import { TrunkState } from "../trunks/TrunkState";
import { Activity } from "./Activity";
import { Alarms } from "./Alarms";
import { Room } from "./Machine";

type Dashboard = Schemas["Dashboard"];

/** How everything is: what is configured, what runs now, what is wrong (SPEC A2). */
export default function Home() {
  const t = useText();
  // Memory and load change without an event.
  const all = useQuery({ queryKey: ["live", "dashboard"], queryFn: () => ask(api.GET("/api/dashboard")), refetchInterval: 20_000 });
  return (
    <Page title={t.home.title}>
      {all.isPending ? <Loading /> : all.isError ? <Failed error={all.error} retry={() => void all.refetch()} /> : <Content d={all.data} />}
    </Page>
  );
}

function Content({ d }: { d: Dashboard }) {
  const t = useText();
  const f = useFormat();
  const w = t.home;
  return (
    <Stack gap="md">
      <SimpleGrid cols={{ base: 2, xs: 3, md: 6 }} spacing="sm">
        <Count title={w.users} n={d.counts.users} to="/users" />
        <Count title={w.numbers} n={d.counts.numbers} to="/numbers" />
        <Count title={w.slots} n={d.counts.slots} to="/slots" />
        <Count title={w.groups} n={d.counts.groups} to="/groups" />
        <Count title={w.queues} n={d.counts.queues} />
        <Count title={w.faxes} n={d.counts.faxes} />
      </SimpleGrid>
      <SimpleGrid cols={{ base: 1, lg: 3 }} spacing="md">
        <Card title={w.now}>
          <Group align="baseline" gap="xs">
            <Anchor
              component={Link}
              href="/calls"
              fz={40}
              fw={650}
              lh={1}
              className="kf-tabular"
              aria-label={t.frame.callsNow(d.calls.all)}
            >
              {d.calls.all}
            </Anchor>
          </Group>
          <Pairs
            items={[
              [w.up, d.calls.up],
              [w.ringing, d.calls.ringing],
              [w.outside, d.calls.outside],
            ]}
          />
        </Card>
        <Card title={w.slotTypes}>
          <Stack gap={8}>
            {d.slot_types.map((s) => (
              <SlotLine key={s.type} s={s} />
            ))}
          </Stack>
        </Card>
        <Card title={w.alarms}>
          <Alarms alarms={d.alarms} />
        </Card>
      </SimpleGrid>
      <Card title={w.day}>
        <Activity steps={d.activity} />
      </Card>
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
        <Card title={w.trunks}>
          {d.trunks.length === 0 ? (
            <Text size="sm" c="dimmed">
              {w.noTrunks}
            </Text>
          ) : (
            d.trunks.map((x) => (
              <Group key={x.name} justify="space-between">
                <Anchor component={Link} href="/trunks" size="sm">
                  {x.name}
                </Anchor>
                <TrunkState state={x.state} />
              </Group>
            ))
          )}
        </Card>
        <Card title={w.machine}>
          <Room machine={d.machine} />
          <Pairs
            items={[
              [w.load, `${d.machine.load.map((l) => f.number(l)).join(" · ")} ${w.loadOf(d.machine.cpus)}`],
              [w.uptime, f.moment(d.started)],
              [w.version, d.version],
              [w.revision, d.revision],
            ]}
          />
        </Card>
      </SimpleGrid>
    </Stack>
  );
}

function Card(p: { title: string; children: ReactNode }) {
  const id = useId();
  return (
    <Paper component="section" p="md" aria-labelledby={id}>
      <Stack gap="sm">
        <Title order={2} fz="md" id={id}>
          {p.title}
        </Title>
        {p.children}
      </Stack>
    </Paper>
  );
}

function Count(p: { title: string; n: number; to?: string }) {
  const f = useFormat();
  const inner = (
    <>
      <Text fz={26} fw={650} lh={1.1} className="kf-tabular">
        {f.number(p.n)}
      </Text>
      <Text size="sm" c="dimmed">
        {p.title}
      </Text>
    </>
  );
  if (!p.to) return <Paper p="sm">{inner}</Paper>;
  return (
    <Paper p="sm" component={Link} href={p.to} className="kf-count">
      {inner}
    </Paper>
  );
}

function SlotLine({ s }: { s: Dashboard["slot_types"][number] }) {
  const t = useText();
  const mobile = s.type === "mobile";
  const said = [mobile ? t.home.mobiles(s.slots) : t.home.registered(s.registered, s.slots), s.in_call ? t.home.inCall(s.in_call) : ""]
    .filter(Boolean)
    .join(", ");
  return (
    <Stack gap={2}>
      <Group justify="space-between" gap="xs">
        <SlotType type={s.type} />
        <Text size="sm" c="dimmed">
          {said}
        </Text>
      </Group>
      {!mobile && <Progress size="xs" value={s.slots ? (100 * s.registered) / s.slots : 0} aria-label={said} />}
    </Stack>
  );
}
