import { Badge, Paper, ScrollArea, SimpleGrid, Stack, Table, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { api, ask, type Schemas } from "../../api/client";
import { useText } from "../../i18n";
import { useFormat } from "../../i18n/format";
import { useTextOf } from "../../i18n/room";
import { systemRoom } from "../../i18n/rooms/system";
import { Page } from "../../parts/Page";
import { Pairs } from "../../parts/Pairs";
import { Failed, Loading } from "../../parts/States";
import { Widget } from "../../parts/Widget";
import { Alarms } from "../home/Alarms";
import { Room } from "../home/Machine";

type System = Schemas["SystemStatus"];

const colours = { ok: "teal", failed: "red", off: "gray" } as const;

/** Versions, load and the parts of the daemon. */
export default function Status() {
  const t = useText();
  // Load and memory change without an event.
  const system = useQuery({ queryKey: ["live", "system"], queryFn: () => ask(api.GET("/api/system")), refetchInterval: 20_000 });
  const alarms = useQuery({ queryKey: ["live", "alarms"], queryFn: () => ask(api.GET("/api/alarms")), refetchInterval: 20_000 });
  return (
    <Page title={t.frame.status}>
      {system.isPending ? (
        <Loading />
      ) : system.isError ? (
        <Failed error={system.error} retry={() => void system.refetch()} />
      ) : (
        <Stack gap="md">
          <Widget name="status.alarms" title={t.home.alarms}>
            {alarms.isError ? <Failed error={alarms.error} /> : <Alarms alarms={alarms.data?.items ?? []} />}
          </Widget>
          <Content s={system.data} />
        </Stack>
      )}
    </Page>
  );
}

function Content({ s }: { s: System }) {
  const t = useTextOf(systemRoom);
  const f = useFormat();
  const w = t.system;
  return (
    <>
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
        <Widget name="status.program" title={w.program}>
          <Pairs
            items={[
              [t.home.version, s.version],
              [t.home.uptime, `${f.moment(s.started)} (${f.ago(s.started)})`],
              [t.home.revision, s.revision],
              [w.memoryDaemon, f.bytes(s.machine.memory_daemon)],
            ]}
          />
        </Widget>
        <Widget name="status.machine" title={w.machine}>
          <Room machine={s.machine} />
          <Pairs
            items={[
              [w.host, s.host],
              [w.os, s.os],
              [w.kernel, s.kernel],
              [t.home.load, `${s.machine.load.map((l) => f.number(l)).join(" · ")} ${t.home.loadOf(s.machine.cpus)}`],
            ]}
          />
        </Widget>
      </SimpleGrid>
      <Paper>
        <ScrollArea>
          <Table>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{w.service}</Table.Th>
                <Table.Th>{w.state}</Table.Th>
                <Table.Th>{w.detail}</Table.Th>
                <Table.Th>{w.figures}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {s.services.map((x, i) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: a part may be there several times, in a fixed order
                <Table.Tr key={`${x.name} ${i}`}>
                  <Table.Td fw={600}>{w.names[x.name]}</Table.Td>
                  <Table.Td>
                    <Badge variant="light" tt="none" color={colours[x.state]}>
                      {w.states[x.state]}
                    </Badge>
                  </Table.Td>
                  <Table.Td>
                    {x.detail && <Text size="sm">{x.detail}</Text>}
                    {x.addresses?.map((a) => (
                      <Text size="sm" key={a} className="kf-tabular">
                        {a}
                      </Text>
                    ))}
                    {x.until && <Text size="sm">{w.until(f.moment(x.until))}</Text>}
                  </Table.Td>
                  <Table.Td>
                    <Text size="sm" c="dimmed">
                      {Object.entries(x.figures ?? {})
                        .map(([name, v]) => `${f.number(Number(v))} ${w.figure[name] ?? name.replaceAll("_", " ")}`)
                        .join(", ")}
                    </Text>
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </ScrollArea>
      </Paper>
    </>
  );
}
