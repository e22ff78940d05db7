import { Alert, Button, Group, Menu, Stack, Text } from "@mantine/core";
import { useHotkeys } from "@mantine/hooks";
import { notifications } from "@mantine/notifications";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo, useReducer, useState } from "react";
import { useSearchParams } from "wouter";
import { api, ask, askTagged, ifMatch, type Schemas, type Tagged } from "../../api/client";
import { Problem } from "../../api/problem";
import { useUnsaved } from "../../app/guard";
import { useTextOf } from "../../i18n/room";
import { matrixRoom } from "../../i18n/rooms/matrix";
import { IconEye, IconPlus } from "../icons";
import { SlotIcon, type SlotTypeName } from "../SlotType";
import { Empty, Failed, Loading } from "../States";
import { AddNumber } from "./AddNumber";
import { AddSlot } from "./AddSlot";
import { Grid, heads } from "./Grid";
import { NumberDialog } from "./NumberDialog";
import { Preview } from "./Preview";
import { SlotDialog } from "./SlotDialog";
import { stateOf } from "./SlotState";
import {
  columnsMoved,
  dirty,
  type MatrixState,
  matrix,
  moved,
  reordered,
  rowsMoved,
  start,
  type Ticks,
  ticksChanged,
  toTicks,
} from "./ticks";

const slotTypes: SlotTypeName[] = ["desk", "dect", "mobile", "softphone", "ucc"];

/**
 * The matrix of a user: which numbers ring on which slots. With `manage` numbers and
 * slots can be added and removed, which is for administrators; ticks are for both.
 */
export function Matrix({ username, manage }: { username: string; manage: boolean }) {
  const path = { username };
  const user = useQuery({
    queryKey: ["config", "users", username],
    queryFn: ({ signal }) => askTagged(api.GET("/api/users/{username}", { params: { path }, signal })),
  });
  const ticks = useQuery({
    queryKey: ["config", "matrix", username],
    queryFn: ({ signal }) => askTagged(api.GET("/api/users/{username}/matrix", { params: { path }, signal })),
  });
  if (user.isError || ticks.isError) {
    return (
      <Failed
        error={user.error ?? ticks.error}
        retry={() => {
          void user.refetch();
          void ticks.refetch();
        }}
      />
    );
  }
  if (!user.data || !ticks.data) return <Loading />;
  return (
    <Editor
      username={username}
      manage={manage}
      numbers={user.data.body.numbers}
      slots={user.data.body.slots}
      ticks={ticks.data.body}
      tag={ticks.data.tag}
    />
  );
}

interface EditorProps {
  username: string;
  manage: boolean;
  numbers: string[];
  slots: { id: string; type: string; name: string }[];
  ticks: Ticks;
  tag: string;
}

/** What registers, talks and is forwarded now; read again with every event. */
function useLive(username: string) {
  const numbers = useQuery({
    queryKey: ["live", "numbers", username],
    queryFn: ({ signal }) => ask(api.GET("/api/numbers", { params: { query: { username, limit: 1000 } }, signal })),
  });
  const slots = useQuery({
    queryKey: ["live", "slots", username],
    queryFn: ({ signal }) => ask(api.GET("/api/slots", { params: { query: { username, limit: 1000 } }, signal })),
  });
  return {
    numbers: numbers.data?.items,
    slots: slots.data?.items.filter((s) => s.username === username).map((item) => ({ item, state: stateOf(item) })),
  };
}

function Editor({ username, manage, numbers, slots, ticks, tag }: EditorProps) {
  const t = useTextOf(matrixRoom);
  const client = useQueryClient();
  const columnIds = useMemo(() => slots.map((s) => s.id), [slots]);
  const [state, dispatch] = useReducer(matrix, undefined, () => start(numbers, columnIds, ticks));
  useEffect(() => dispatch({ do: "server", rows: numbers, columns: columnIds, ticks }), [numbers, columnIds, ticks]);
  const live = useLive(username);
  const [number, setNumber] = useState<string>();
  // A link to a slot (…?slot=ID) opens its dialog.
  const [query] = useSearchParams();
  const [slot, setSlot] = useState(() => columnIds.find((id) => id === query.get("slot")));
  const [looking, setLooking] = useState(false);
  const [adding, setAdding] = useState<"number" | SlotTypeName>();
  const changed = dirty(state);
  useUnsaved(changed);

  const save = useMutation({
    mutationFn: () => put(username, state, tag),
    onSuccess: (saved) => {
      client.setQueryData(["config", "matrix", username], saved);
      client.setQueryData(["config", "users", username], (old: Tagged<Schemas["User"]> | undefined) => old && inOrder(old, state));
      dispatch({ do: "saved", ticks: saved.body });
      notifications.show({ message: t.common.saved, color: "teal" });
    },
    onError: (err) => {
      // What stands there now comes under what was ticked here, and both are marked.
      if (err instanceof Problem && err.status === 412) void client.invalidateQueries({ queryKey: ["config"] });
    },
  });
  useHotkeys([["mod+S", () => changed && save.mutate()]], []);
  const { rows, columns } = heads(
    state.rows,
    state.columns.flatMap((id) => slots.find((s) => s.id === id) ?? []),
    live.numbers,
    live.slots,
  );
  const failed = save.isError && !(save.error instanceof Problem && save.error.status === 412);
  const nothing = rows.length === 0 && columns.length === 0;

  const addColumn = manage && (
    <Menu position="bottom-end">
      <Menu.Target>
        <button type="button" className="kf-add" aria-label={t.matrix.addSlot} title={t.matrix.addSlot}>
          <IconPlus size={16} aria-hidden />
          Slot
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        {slotTypes.map((type) => (
          <Menu.Item key={type} leftSection={<SlotIcon type={type} size={16} />} onClick={() => setAdding(type)}>
            {t.common.types[type]}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );

  return (
    <Stack gap="sm">
      {moved(state) && (
        <Alert color="yellow" title={t.matrix.merge} role="alert">
          <Stack gap="xs">
            <Text size="sm">{t.matrix.mergeHint}</Text>
            <Group gap="xs">
              {(["both", "mine", "theirs"] as const).map((side) => (
                <Button key={side} size="xs" variant="default" onClick={() => dispatch({ do: "choose", side })}>
                  {{ both: t.matrix.mergeBoth, mine: t.matrix.mergeMine, theirs: t.matrix.mergeTheirs }[side]}
                </Button>
              ))}
            </Group>
          </Stack>
        </Alert>
      )}
      {failed && <Failed error={save.error} />}
      {nothing && !manage ? (
        <Empty title={t.matrix.empty}>{t.matrix.emptyUserHint}</Empty>
      ) : (
        <Grid
          state={state}
          dispatch={dispatch}
          rows={rows}
          columns={columns}
          onRow={setNumber}
          onColumn={setSlot}
          addRow={manage ? () => setAdding("number") : undefined}
          addColumn={addColumn}
        />
      )}
      {changed ? (
        <Group justify="flex-end" gap="xs" role="region" aria-label={t.common.unsaved}>
          <Text size="sm" c="dimmed" role="status">
            {[ticksChanged(state) && t.matrix.changes(Object.keys(state.edits).length), reordered(state) && t.matrix.orderChanged]
              .filter(Boolean)
              .join(", ")}
          </Text>
          <Button size="xs" variant="subtle" leftSection={<IconEye size={14} aria-hidden />} onClick={() => setLooking(true)}>
            {t.matrix.preview}
          </Button>
          <Button size="xs" variant="default" onClick={() => dispatch({ do: "reset" })} disabled={save.isPending}>
            {t.common.reset}
          </Button>
          <Button size="xs" onClick={() => save.mutate()} loading={save.isPending}>
            {t.common.save}
          </Button>
        </Group>
      ) : (
        <Text size="xs" c="dimmed" visibleFrom="sm">
          {nothing ? t.matrix.emptyHint : t.matrix.keys}
        </Text>
      )}
      {looking && (
        <Preview
          username={username}
          ticks={toTicks(state)}
          rows={rowsMoved(state) ? state.rows : undefined}
          reordered={reordered(state)}
          onClose={() => setLooking(false)}
          onSave={() => save.mutate()}
        />
      )}
      {number && <NumberDialog number={number} manage={manage} onClose={() => setNumber(undefined)} />}
      {slot && <SlotDialog id={slot} manage={manage} onClose={() => setSlot(undefined)} />}
      {adding === "number" && <AddNumber username={username} near={numbers.at(-1)} onClose={() => setAdding(undefined)} />}
      {adding && adding !== "number" && <AddSlot username={username} type={adding} onClose={() => setAdding(undefined)} />}
    </Stack>
  );
}

/** Saves the order, and then the ticks with the tag that it answers. */
async function put(username: string, state: MatrixState, tag: string): Promise<Tagged<Ticks>> {
  const path = { username };
  if (reordered(state)) {
    const body = { numbers: rowsMoved(state) ? state.rows : undefined, slots: columnsMoved(state) ? state.columns : undefined };
    const saved = await askTagged(api.PUT("/api/users/{username}/matrix/order", { params: { path, header: ifMatch(tag) }, body }));
    if (!ticksChanged(state)) return { body: toTicks(state), tag: saved.tag };
    tag = saved.tag;
  }
  return askTagged(api.PUT("/api/users/{username}/matrix", { params: { path, header: ifMatch(tag) }, body: toTicks(state) }));
}

const inOrder = (old: Tagged<Schemas["User"]>, { rows, columns }: MatrixState): Tagged<Schemas["User"]> => ({
  ...old,
  body: {
    ...old.body,
    numbers: rows.filter((n) => old.body.numbers.includes(n)),
    slots: columns.flatMap((id) => old.body.slots.find((s) => s.id === id) ?? []),
  },
});
