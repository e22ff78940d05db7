import { Paper, ScrollArea, Table } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { api, ask } from "../../api/client";
import { useFormat } from "../../i18n/format";
import { useTextOf } from "../../i18n/room";
import { systemRoom } from "../../i18n/rooms/system";
import { Page } from "../../parts/Page";
import { Empty, Failed, Loading } from "../../parts/States";
import { TrunkState } from "./TrunkState";

/** The ways outside, as they are configured, and what calls have shown of them. */
export default function Trunks() {
  const t = useTextOf(systemRoom);
  const f = useFormat();
  const w = t.system.trunk;
  const list = useQuery({ queryKey: ["live", "trunks"], queryFn: () => ask(api.GET("/api/trunks")) });
  return (
    <Page title={t.frame.trunks} subtitle={list.data?.items.length ? w.hint : undefined}>
      {list.isPending ? (
        <Loading />
      ) : list.isError ? (
        <Failed error={list.error} retry={() => void list.refetch()} />
      ) : list.data.items.length === 0 ? (
        <Paper>
          <Empty title={w.none}>{w.noneHint}</Empty>
        </Paper>
      ) : (
        <Paper>
          <ScrollArea>
            <Table>
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>{w.name}</Table.Th>
                  <Table.Th>{w.state}</Table.Th>
                  <Table.Th>{w.proxy}</Table.Th>
                  <Table.Th>{w.from}</Table.Th>
                  <Table.Th>{w.base}</Table.Th>
                  <Table.Th ta="right">{w.out}</Table.Th>
                  <Table.Th ta="right">{w.answered}</Table.Th>
                  <Table.Th ta="right">{w.failed}</Table.Th>
                  <Table.Th ta="right">{w.in}</Table.Th>
                  <Table.Th>{w.lastUsed}</Table.Th>
                  <Table.Th ta="right">{w.lastStatus}</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {list.data.items.map((x) => (
                  <Table.Tr key={x.name}>
                    <Table.Td fw={600}>{x.name}</Table.Td>
                    <Table.Td>
                      <TrunkState state={x.state} />
                    </Table.Td>
                    <Table.Td>{x.proxy}</Table.Td>
                    <Table.Td>{x.from.join(", ")}</Table.Td>
                    <Table.Td className="kf-tabular">{x.base}</Table.Td>
                    <Table.Td ta="right">{f.number(x.out)}</Table.Td>
                    <Table.Td ta="right">{f.number(x.answered)}</Table.Td>
                    <Table.Td ta="right">{f.number(x.failed)}</Table.Td>
                    <Table.Td ta="right">{f.number(x.in)}</Table.Td>
                    <Table.Td>{f.short(x.last_used)}</Table.Td>
                    <Table.Td ta="right">{x.last_status || ""}</Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </ScrollArea>
        </Paper>
      )}
    </Page>
  );
}
