import { ActionIcon, Box, Button, Center, Group, Paper, ScrollArea, Skeleton, Table, Tooltip } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Fragment, type ReactNode, useState } from "react";
import { useSearchParams } from "wouter";
import { useTextOf } from "../i18n/room";
import { recordsRoom } from "../i18n/rooms/records";
import { ColumnMenu, useColumns } from "./columns";
import type { Column } from "./DataTable";
import { IconDownload, IconX } from "./icons";
import { Empty, Failed } from "./States";

/** The address of a CSV file with the filters that are set. */
export function csvAddress(list: string, filters: { [name: string]: string | number | undefined }): string {
  const q = new URLSearchParams();
  for (const [k, v] of Object.entries(filters)) if (v) q.set(k, String(v));
  return `/api/export/${list}.csv?${q}`;
}

export interface LogTableProps<T> {
  /** Name under which chosen columns are remembered. */
  name: string;
  queryKey: unknown[];
  fetch: (cursor: string | undefined, signal: AbortSignal) => Promise<{ items: T[]; next: string }>;
  columns: Column<T>[];
  rowKey: (row: T) => string;
  onRow?: (row: T) => void;
  /** What unfolds below a row that is chosen; onRow is not used then. */
  details?: (row: T) => ReactNode;
  filters?: ReactNode;
  /** Address of the same as a CSV file, its query included. */
  csv?: string;
  /** Whether the filters leave something out. */
  narrowed?: boolean;
  empty?: ReactNode;
}

/** What is written down as it happens, the newest first: without an end, so it is read on instead of paged. */
export function LogTable<T>(p: LogTableProps<T>) {
  const t = useTextOf(recordsRoom);
  const chosen = useColumns(p.name, p.columns);
  const columns = chosen.columns;
  const [, setQuery] = useSearchParams();
  const [unfolded, setUnfolded] = useState<string>();
  const log = useInfiniteQuery({
    queryKey: p.queryKey,
    queryFn: ({ pageParam, signal }) => p.fetch(pageParam || undefined, signal),
    initialPageParam: "",
    getNextPageParam: (last) => last.next || undefined,
  });
  const rows = log.data?.pages.flatMap((page) => page.items) ?? [];
  const choose = (row: T) => {
    if (p.details) setUnfolded(unfolded === p.rowKey(row) ? undefined : p.rowKey(row));
    else p.onRow?.(row);
  };
  return (
    <Paper>
      {(p.filters || p.csv) && (
        <Group p="sm" justify="space-between" align="flex-end">
          <Group gap="sm" align="flex-end">
            {p.filters}
          </Group>
          <Group gap={4} ml="auto">
            {p.narrowed && (
              <Button
                size="compact-sm"
                variant="subtle"
                leftSection={<IconX size={14} aria-hidden />}
                onClick={() => setQuery({}, { replace: true })}
              >
                {t.common.resetFilters}
              </Button>
            )}
            {p.csv && (
              <Tooltip label={t.common.exportCsv}>
                <ActionIcon component="a" href={p.csv} download aria-label={t.common.exportCsv}>
                  <IconDownload size={18} />
                </ActionIcon>
              </Tooltip>
            )}
            <ColumnMenu all={p.columns} of={chosen} />
          </Group>
        </Group>
      )}
      {log.isError ? (
        <Box p="sm">
          <Failed error={log.error} retry={() => void log.refetch()} />
        </Box>
      ) : (
        <ScrollArea>
          <Table aria-busy={log.isFetching}>
            <Table.Thead>
              <Table.Tr>
                {columns.map((c) => (
                  <Table.Th key={c.id} ta={c.align}>
                    {c.title}
                  </Table.Th>
                ))}
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {log.isPending &&
                Array.from({ length: 6 }, (_, i) => (
                  // biome-ignore lint/suspicious/noArrayIndexKey: placeholders have no key of their own
                  <Table.Tr key={i}>
                    <Table.Td colSpan={columns.length}>
                      <Skeleton h={16} />
                    </Table.Td>
                  </Table.Tr>
                ))}
              {rows.map((row) => (
                <Fragment key={p.rowKey(row)}>
                  <Table.Tr
                    onClick={(e) => {
                      if (!(e.target as HTMLElement).closest("a,button,input,label")) choose(row);
                    }}
                    style={p.details || p.onRow ? { cursor: "pointer" } : undefined}
                  >
                    {columns.map((c, i) => (
                      <Table.Td key={c.id} ta={c.align}>
                        {p.details && i === 0 ? (
                          <button
                            type="button"
                            className="kf-unfold"
                            aria-expanded={unfolded === p.rowKey(row)}
                            onClick={() => choose(row)}
                          >
                            {c.render(row)}
                          </button>
                        ) : (
                          c.render(row)
                        )}
                      </Table.Td>
                    ))}
                  </Table.Tr>
                  {p.details && unfolded === p.rowKey(row) && (
                    <Table.Tr bg="var(--kf-page)">
                      <Table.Td colSpan={columns.length}>{p.details(row)}</Table.Td>
                    </Table.Tr>
                  )}
                </Fragment>
              ))}
            </Table.Tbody>
          </Table>
          {!log.isPending && rows.length === 0 && (p.narrowed ? <Empty title={t.common.nothingFound} /> : (p.empty ?? <Empty />))}
        </ScrollArea>
      )}
      {log.hasNextPage && (
        <Center p="sm">
          <Button variant="light" onClick={() => void log.fetchNextPage()} loading={log.isFetchingNextPage}>
            {t.records.older}
          </Button>
        </Center>
      )}
    </Paper>
  );
}
