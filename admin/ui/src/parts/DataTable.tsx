import {
  ActionIcon,
  Box,
  Checkbox,
  CloseButton,
  Group,
  Paper,
  ScrollArea,
  Select,
  Skeleton,
  Table,
  Text,
  TextInput,
  Tooltip,
} from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { createContext, memo, type ReactNode, useContext, useDeferredValue, useEffect, useMemo, useState } from "react";
import { useSearchParams } from "wouter";
import { useText } from "../i18n";
import { ColumnMenu, useColumns } from "./columns";
import { IconArrowDown, IconArrowUp, IconChevronLeft, IconChevronRight, IconDownload, IconSearch } from "./icons";
import { remembered } from "./remembered";
import { Empty, Failed } from "./States";

/** How a page of a list is asked for; these names are those of the API's query. */
export interface Asked {
  filter?: string;
  sort?: string;
  limit: number;
  offset: number;
}

export interface Column<T> {
  /** Name of the column; where sortable, the name by which the API sorts. */
  id: string;
  title: string;
  render: (row: T) => ReactNode;
  sortable?: boolean;
  /** Not shown until the viewer chooses it. */
  hidden?: boolean;
  align?: "right";
}

export interface DataTableProps<T> {
  /** Name under which columns and page size are remembered. */
  name: string;
  queryKey: unknown[];
  fetch: (asked: Asked, signal: AbortSignal) => Promise<{ items: T[]; total: number }>;
  columns: Column<T>[];
  rowKey: (row: T) => string;
  /** Name of a row for screen readers. */
  rowName?: (row: T) => string;
  onRow?: (row: T) => void;
  /** What can be done with ticked rows; without it rows cannot be ticked. */
  bulk?: (ticked: T[], clear: () => void) => ReactNode;
  /** Address of the CSV file, without the query. */
  csv?: string;
  /** More filters, beside the text. They belong to queryKey and fetch. */
  filters?: ReactNode;
  /** What those filters say, for the CSV file, and to tell an empty list from one where nothing fits. */
  more?: Record<string, string | undefined>;
  empty?: ReactNode;
  defaultSort?: string;
  noFilter?: boolean;
}

const sizes = ["25", "50", "100", "250"];

/**
 * A list that the server filters, sorts and pages. What is asked stands in the
 * address, so that it can be sent to a colleague and survives "back".
 */
export function DataTable<T>(p: DataTableProps<T>) {
  const t = useText();
  const [query, setQuery] = useSearchParams();
  const [limit, setLimit] = useState(() => remembered(`koppelfeld.rows.${p.name}`, 100));
  const chosen = useColumns(p.name, p.columns);
  const [ticked, setTicked] = useState<Map<string, T>>(new Map());

  const change = (edit: (q: URLSearchParams) => void) =>
    setQuery(
      (old) => {
        const q = new URLSearchParams(old);
        edit(q);
        return q;
      },
      { replace: true },
    );
  const filterBy = (text: string) =>
    change((q) => {
      text ? q.set("filter", text) : q.delete("filter");
      q.delete("offset");
    });

  const asked: Asked = {
    filter: query.get("filter") || undefined,
    sort: query.get("sort") || p.defaultSort,
    limit,
    offset: Math.max(0, Number(query.get("offset")) || 0),
  };
  const list = useQuery({
    queryKey: [...p.queryKey, asked],
    queryFn: ({ signal }) => p.fetch(asked, signal),
    placeholderData: keepPreviousData,
  });
  const columns = chosen.columns;
  const rows = list.data?.items ?? [];
  const total = list.data?.total ?? 0;
  const clear = () => setTicked(new Map());

  const sortBy = (c: Column<T>) =>
    change((q) => {
      q.set("sort", asked.sort === c.id ? `-${c.id}` : c.id);
      q.delete("offset");
    });
  const toPage = (offset: number) => change((q) => (offset > 0 ? q.set("offset", String(offset)) : q.delete("offset")));
  const ticking = useMemo(
    () => ({ ticked, tick: (key: string, row: unknown) => setTicked((old) => toggled(old, key, row as T)) }),
    [ticked],
  );
  // A hundred rows take longer to draw than a key may wait: they follow in pieces, whenever there is nothing more urgent.
  const shownRows = useDeferredValue(<Rows rows={rows} columns={columns} table={p} />);
  const allTicked = rows.length > 0 && rows.every((r) => ticked.has(p.rowKey(r)));
  const csvQuery = new URLSearchParams();
  if (asked.filter) csvQuery.set("filter", asked.filter);
  if (asked.sort) csvQuery.set("sort", asked.sort);
  for (const [k, v] of Object.entries(p.more ?? {})) if (v) csvQuery.set(k, v);
  const narrowed = csvQuery.size > (asked.sort ? 1 : 0);

  return (
    <Paper>
      <Group p="sm" justify="space-between" gap="sm">
        <Group gap="sm">
          {!p.noFilter && <FilterField value={query.get("filter") ?? ""} onChange={filterBy} />}
          {p.filters}
        </Group>
        <Group gap={4}>
          {p.bulk && ticked.size > 0 && (
            <Group gap="xs" role="toolbar" aria-label={t.common.selected(ticked.size)}>
              <Text size="sm">{t.common.selected(ticked.size)}</Text>
              {p.bulk([...ticked.values()], clear)}
            </Group>
          )}
          {p.csv && (
            <Tooltip label={t.common.exportCsv}>
              <ActionIcon component="a" href={`${p.csv}?${csvQuery}`} download aria-label={t.common.exportCsv}>
                <IconDownload size={18} />
              </ActionIcon>
            </Tooltip>
          )}
          <ColumnMenu all={p.columns} of={chosen} />
        </Group>
      </Group>
      {list.isError ? (
        <Box p="sm">
          <Failed error={list.error} retry={() => void list.refetch()} />
        </Box>
      ) : (
        <ScrollArea>
          <Table aria-busy={list.isFetching}>
            <Table.Thead>
              <Table.Tr>
                {p.bulk && (
                  <Table.Th w={40}>
                    <Checkbox
                      size="xs"
                      aria-label={t.common.selectAll}
                      checked={allTicked}
                      indeterminate={!allTicked && ticked.size > 0}
                      onChange={() => (allTicked ? clear() : setTicked(new Map(rows.map((r) => [p.rowKey(r), r]))))}
                    />
                  </Table.Th>
                )}
                {columns.map((c) => {
                  const up = asked.sort === c.id;
                  const down = asked.sort === `-${c.id}`;
                  return (
                    <Table.Th key={c.id} ta={c.align} aria-sort={up ? "ascending" : down ? "descending" : undefined}>
                      {c.sortable ? (
                        <button type="button" className="kf-sort" onClick={() => sortBy(c)} title={t.common.sortBy(c.title)}>
                          {c.title}
                          {up && <IconArrowUp size={14} aria-hidden />}
                          {down && <IconArrowDown size={14} aria-hidden />}
                        </button>
                      ) : (
                        c.title
                      )}
                    </Table.Th>
                  );
                })}
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {list.isPending &&
                Array.from({ length: 6 }, (_, i) => (
                  // biome-ignore lint/suspicious/noArrayIndexKey: placeholders have no key of their own
                  <Table.Tr key={i}>
                    <Table.Td colSpan={columns.length + 1}>
                      <Skeleton h={16} />
                    </Table.Td>
                  </Table.Tr>
                ))}
              <TickedRows.Provider value={ticking}>{shownRows}</TickedRows.Provider>
            </Table.Tbody>
          </Table>
          {!list.isPending && rows.length === 0 && (narrowed ? <Empty title={t.common.nothingFound} /> : (p.empty ?? <Empty />))}
        </ScrollArea>
      )}
      <Group p="sm" justify="space-between">
        <Select
          size="xs"
          w={80}
          aria-label={t.common.page(1, limit, total)}
          data={sizes}
          value={String(limit)}
          allowDeselect={false}
          onChange={(v) => {
            const n = Number(v) || 100;
            setLimit(n);
            localStorage.setItem(`koppelfeld.rows.${p.name}`, String(n));
            toPage(0);
          }}
        />
        <Group gap="xs">
          <Text size="sm" className="kf-tabular" role="status">
            {t.common.page(Math.min(total, asked.offset + 1), asked.offset + rows.length, total)}
          </Text>
          <ActionIcon
            aria-label={t.common.previousPage}
            disabled={asked.offset === 0}
            onClick={() => toPage(Math.max(0, asked.offset - limit))}
          >
            <IconChevronLeft size={18} />
          </ActionIcon>
          <ActionIcon
            aria-label={t.common.nextPage}
            disabled={asked.offset + rows.length >= total}
            onClick={() => toPage(asked.offset + limit)}
          >
            <IconChevronRight size={18} />
          </ActionIcon>
        </Group>
      </Group>
    </Paper>
  );
}

function toggled<T>(old: Map<string, T>, key: string, row: T): Map<string, T> {
  const next = new Map(old);
  if (!next.delete(key)) next.set(key, row);
  return next;
}

// Ticks are told past the rows, because they are to be seen at once.
const TickedRows = createContext<{ ticked: Map<string, unknown>; tick: (key: string, row: unknown) => void }>({
  ticked: new Map(),
  tick: () => undefined,
});

function TickBox(p: { id: string; row: unknown; name: string }) {
  const { ticked, tick } = useContext(TickedRows);
  return <Checkbox size="xs" aria-label={p.name} checked={ticked.has(p.id)} onChange={() => tick(p.id, p.row)} />;
}

// Typed letters stay in the field until the typing pauses, so that they cost nothing else.
function FilterField({ value, onChange }: { value: string; onChange: (v: string) => void }) {
  const t = useText();
  const [text, setText] = useState(value);
  const [settled] = useDebouncedValue(text, 200);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only what is typed moves the address
  useEffect(() => {
    if (value !== settled) onChange(settled);
  }, [settled]);
  return (
    <TextInput
      leftSection={<IconSearch size={16} aria-hidden />}
      placeholder={t.common.filter}
      aria-label={t.common.filter}
      value={text}
      onChange={(e) => setText(e.currentTarget.value)}
      rightSection={text ? <CloseButton size="sm" aria-label={t.common.reset} onClick={() => setText("")} /> : null}
      w={{ base: "100%", sm: 260 }}
    />
  );
}

// So many rows are drawn at once; the others follow, before the eye is there.
const atOnce = 10;

function Rows<T>({ rows, columns, table }: { rows: T[]; columns: Column<T>[]; table: DataTableProps<T> }) {
  const first = rows[0] === undefined ? undefined : table.rowKey(rows[0]);
  const [upTo, setUpTo] = useState(atOnce);
  const [was, setWas] = useState(first);
  if (first !== was) {
    setWas(first);
    setUpTo(atOnce);
  }
  useEffect(() => {
    if (upTo >= rows.length) return;
    const next = setTimeout(() => setUpTo(upTo + atOnce));
    return () => clearTimeout(next);
  }, [upTo, rows.length]);
  return rows.slice(0, upTo).map((row) => <Row key={table.rowKey(row)} row={row} columns={columns} table={table} />);
}

const Row = memo(function Row<T>({ row, columns, table: p }: { row: T; columns: Column<T>[]; table: DataTableProps<T> }) {
  const t = useText();
  const key = p.rowKey(row);
  return (
    <Table.Tr
      onClick={(e) => {
        if (p.onRow && !(e.target as HTMLElement).closest("a,button,input,label")) p.onRow(row);
      }}
      style={p.onRow ? { cursor: "pointer" } : undefined}
    >
      {p.bulk && (
        <Table.Td>
          <TickBox id={key} row={row} name={t.common.selectRow(p.rowName?.(row) ?? key)} />
        </Table.Td>
      )}
      {columns.map((c) => (
        <Table.Td key={c.id} ta={c.align}>
          {c.render(row)}
        </Table.Td>
      ))}
    </Table.Tr>
  );
}) as <T>(p: { row: T; columns: Column<T>[]; table: DataTableProps<T> }) => ReactNode;
