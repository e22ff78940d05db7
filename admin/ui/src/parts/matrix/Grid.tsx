import { Text, VisuallyHidden } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { type Dispatch, type KeyboardEvent, memo, type ReactNode, useEffect, useRef, useState } from "react";
import type { Schemas } from "../../api/client";
import { useTextOf } from "../../i18n/room";
import { matrixRoom } from "../../i18n/rooms/matrix";
import { IconAlertTriangle, IconArrowForwardUp, IconCheck, IconPhoneOutgoing, IconPlus } from "../icons";
import "./matrix.css";
import { SlotIcon } from "../SlotType";
import { type Drag, useDrag } from "./drag";
import { Grip } from "./Grip";
import { type SlotState, SlotStateMark } from "./SlotState";
import { cell, hasRange, inRange, type MatrixAction, type MatrixState, type Place, ticked } from "./ticks";

/** What the head of a row says. */
export interface Row {
  number: string;
  name: string;
  /** Name of the forwarding profile that is active now. */
  forward?: string;
}

/** What the head of a column says. */
export interface Column {
  id: string;
  type: string;
  name: string;
  state?: SlotState;
  /** Number that was chosen to be shown; empty for the first ticked one. */
  shown: string;
}

// Beyond this the names of columns stand upright.
const roomy = 6;

/** The grid itself: rows, columns and ticks, by mouse and by keyboard. What the heads open is for the caller. */
export function Grid(p: {
  state: MatrixState;
  dispatch: Dispatch<MatrixAction>;
  rows: Row[];
  columns: Column[];
  onRow: (number: string) => void;
  onColumn: (id: string) => void;
  /** "+" at the lower left. */
  addRow?: () => void;
  /** What stands at the upper right. */
  addColumn?: ReactNode;
}) {
  const t = useTextOf(matrixRoom);
  const { state, dispatch } = p;
  const small = useMediaQuery("(max-width: 48em)");
  const dense = p.columns.length > roomy || (small && p.columns.length > 1);
  const grid = useRef<HTMLTableElement>(null);
  const byKey = useRef(false);

  // Only keys move the focus; a click has done so already.
  useEffect(() => {
    if (!byKey.current) return;
    byKey.current = false;
    const to = grid.current?.querySelector<HTMLElement>(`[data-at="${state.at.row}:${state.at.column}"]`);
    to?.focus();
    to?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [state.at]);

  const move = (to: Place, extend: boolean) => {
    byKey.current = true;
    dispatch({ do: "move", to, extend });
  };
  const [said, setSaid] = useState("");
  const names = { row: p.rows.map((r) => r.number), column: p.columns.map((c) => c.name) };
  const shift = (axis: Drag["axis"], from: number, to: number) => {
    const of = names[axis];
    const name = of[from];
    if (name === undefined || to < 0 || to >= of.length || to === from) return;
    byKey.current = true;
    dispatch({ do: axis === "row" ? "moveRow" : "moveColumn", from, to });
    setSaid(t.matrix.isNow[axis](name, to + 1, of.length));
  };
  const { drag, take, dragged } = useDrag(grid, (d) => shift(d.axis, d.from, d.to));
  const drop = (axis: Drag["axis"], i: number) =>
    drag?.axis === axis && drag.to === i && drag.to !== drag.from ? (drag.to < drag.from ? "before" : "after") : undefined;
  const taken = (axis: Drag["axis"], i: number) => (drag?.axis === axis && drag.from === i) || undefined;
  const grip = (axis: Drag["axis"], i: number) =>
    names[axis].length > 1 && (
      <Grip
        axis={axis}
        name={names[axis][i] ?? ""}
        at={i}
        count={names[axis].length}
        onTake={take(axis, i)}
        dragged={dragged}
        onMove={(to) => shift(axis, i, to)}
        onClose={() => move(axis === "row" ? { row: i, column: -1 } : { row: -1, column: i }, false)}
      />
    );
  const key = (e: KeyboardEvent) => {
    if (!(e.target as HTMLElement).dataset.at) return;
    const { row, column } = state.at;
    if (e.altKey) {
      const by = { ArrowUp: -1, ArrowDown: 1, ArrowLeft: -1, ArrowRight: 1 }[e.key];
      if (by === undefined) return;
      const axis = e.key === "ArrowUp" || e.key === "ArrowDown" ? "row" : "column";
      if (axis === "row" && column === -1) shift("row", row, row + by);
      else if (axis === "column" && row === -1) shift("column", column, column + by);
      e.preventDefault(); // to go back in the browser's history is not what was meant
      return;
    }
    const all = e.ctrlKey || e.metaKey;
    const steps: Record<string, Place> = {
      ArrowUp: { row: all ? 0 : row - 1, column },
      ArrowDown: { row: all ? state.rows.length : row + 1, column },
      ArrowLeft: { row, column: all ? 0 : column - 1 },
      ArrowRight: { row, column: all ? state.columns.length : column + 1 },
      Home: { row: all ? 0 : row, column: 0 },
      End: { row: all ? state.rows.length : row, column: state.columns.length },
    };
    const to = steps[e.key];
    if (to) move(to, e.shiftKey);
    else if (e.key === " " && row === -1) dispatch({ do: "column", column });
    else if (e.key === " " && column === -1) dispatch({ do: "row", row });
    else if (e.key === " ") dispatch({ do: "toggleRange" });
    else return;
    e.preventDefault();
  };
  const tab = (row: number, column: number) => (state.at.row === row && state.at.column === column ? 0 : -1);
  // The number that a slot shows by itself: the chosen one if it is ticked, else the first.
  const shown = new Map(
    p.columns.map((c) => {
      const has = p.rows.filter((r) => ticked(state, cell(r.number, c.id)));
      return [c.id, (has.find((r) => r.number === c.shown) ?? has[0])?.number];
    }),
  );
  const many = p.rows.length > 1;

  return (
    <div className="kf-matrix" data-dense={dense || undefined} data-dragging={!!drag || undefined}>
      <VisuallyHidden role="status">{said}</VisuallyHidden>
      {/* biome-ignore lint/a11y/noNoninteractiveElementToInteractiveRole: a table is what a grid is made of (ARIA practices) */}
      <table ref={grid} role="grid" aria-label={t.matrix.title} aria-multiselectable onKeyDown={key}>
        <thead>
          <tr>
            <th scope="col">
              <Text size="xs" c="dimmed" px={10} py={8}>
                {t.matrix.numbersAndSlots}
              </Text>
            </th>
            {p.columns.map((c, i) => (
              <th key={c.id} scope="col" data-head="column" data-drop={drop("column", i)} data-taken={taken("column", i)}>
                {grip("column", i)}
                <button
                  type="button"
                  className="kf-head"
                  data-at={`-1:${i}`}
                  tabIndex={tab(-1, i)}
                  aria-keyshortcuts={p.columns.length > 1 ? "Alt+ArrowLeft Alt+ArrowRight" : undefined}
                  title={`${t.matrix.openSlot(c.name)} (${t.common.types[c.type as keyof typeof t.common.types] ?? c.type})`}
                  onFocus={() => dispatch({ do: "move", to: { row: -1, column: i } })}
                  onClick={() => p.onColumn(c.id)}
                >
                  <SlotIcon type={c.type} />
                  <span className="kf-name">{c.name}</span>
                  {c.state && <SlotStateMark state={c.state} />}
                </button>
              </th>
            ))}
            <th scope="col">{p.addColumn}</th>
          </tr>
        </thead>
        <tbody>
          {p.rows.map((r, i) => {
            const nowhere = !p.columns.some((c) => ticked(state, cell(r.number, c.id)));
            return (
              <tr key={r.number} data-drop={drop("row", i)} data-taken={taken("row", i)}>
                <th scope="row" data-head="row">
                  {grip("row", i)}
                  <button
                    type="button"
                    className="kf-head"
                    data-at={`${i}:-1`}
                    tabIndex={tab(i, -1)}
                    aria-keyshortcuts={many ? "Alt+ArrowUp Alt+ArrowDown" : undefined}
                    aria-label={[t.matrix.openNumber(r.number), r.name, nowhere ? t.matrix.nowhere : "", r.forward]
                      .filter(Boolean)
                      .join(", ")}
                    onFocus={() => dispatch({ do: "move", to: { row: i, column: -1 } })}
                    onClick={() => p.onRow(r.number)}
                  >
                    <span className="kf-name kf-tabular">{r.number}</span>
                    {r.name && (
                      <Text span size="xs" c="dimmed" truncate maw="100%">
                        {r.name}
                      </Text>
                    )}
                    {r.forward && <RowMark icon={<IconArrowForwardUp size={12} aria-hidden />} text={r.forward} color="blue" />}
                    {nowhere && <RowMark icon={<IconAlertTriangle size={12} aria-hidden />} text={t.matrix.nowhere} color="orange" />}
                  </button>
                </th>
                {p.columns.map((c, j) => {
                  const k = cell(r.number, c.id);
                  const at = { row: i, column: j };
                  return (
                    <Cell
                      key={c.id}
                      row={i}
                      column={j}
                      label={t.matrix.cell(r.number, c.name)}
                      on={ticked(state, k)}
                      changed={k in state.edits}
                      theirs={k in state.theirs && Object.keys(state.edits).length > 0}
                      selected={hasRange(state) && inRange(state, at)}
                      first={many && shown.get(c.id) === r.number}
                      tabIndex={tab(i, j)}
                      dispatch={dispatch}
                    />
                  );
                })}
                <td />
              </tr>
            );
          })}
          {p.addRow && (
            <tr>
              <th scope="row">
                <button type="button" className="kf-add" onClick={p.addRow}>
                  <IconPlus size={16} aria-hidden />
                  {t.matrix.number}
                </button>
              </th>
              <td colSpan={p.columns.length + 1} />
            </tr>
          )}
        </tbody>
      </table>
    </div>
  );
}

function RowMark({ icon, text, color }: { icon: ReactNode; text: string; color: string }) {
  return (
    <Text span size="xs" c={`var(--mantine-color-${color}-text)`} display="inline-flex" style={{ gap: 3, alignItems: "center" }}>
      {icon}
      {text}
    </Text>
  );
}

interface CellProps {
  row: number;
  column: number;
  label: string;
  on: boolean;
  changed: boolean;
  theirs: boolean;
  selected: boolean;
  first: boolean;
  tabIndex: number;
  dispatch: Dispatch<MatrixAction>;
}

// Four hundred of them are drawn anew only where something has changed.
const Cell = memo(function Cell(p: CellProps) {
  const t = useTextOf(matrixRoom);
  const at = { row: p.row, column: p.column };
  const marks = [p.changed && t.matrix.changed, p.theirs && t.matrix.changedByOther, p.first && t.matrix.shownFirst].filter(Boolean);
  return (
    // biome-ignore lint/a11y/useAriaPropsSupportedByRole: in a grid a td is a gridcell, which can be selected
    <td aria-selected={p.selected || undefined}>
      {/* biome-ignore lint/a11y/useSemanticElements: an input would be moved by its own keys */}
      <button
        type="button"
        role="checkbox"
        className="kf-cell"
        aria-checked={p.on}
        aria-label={[p.label, ...marks].join(", ")}
        title={marks.join(", ") || undefined}
        data-at={`${p.row}:${p.column}`}
        data-changed={p.changed || undefined}
        data-theirs={p.theirs || undefined}
        tabIndex={p.tabIndex}
        onKeyDown={(e) => {
          // Enter ticks as a click does; space is for the grid, which knows of ranges.
          if (e.key === " ") e.preventDefault();
        }}
        onKeyUp={(e) => {
          if (e.key === " ") e.preventDefault();
        }}
        onClick={(e) => dispatchClick(p.dispatch, at, e.shiftKey)}
      >
        <span className="kf-box">
          <IconCheck size={16} stroke={3} aria-hidden />
        </span>
        {p.first && <IconPhoneOutgoing size={11} className="kf-first" aria-hidden />}
      </button>
    </td>
  );
});

function dispatchClick(dispatch: Dispatch<MatrixAction>, at: Place, range: boolean) {
  dispatch(range ? { do: "range", to: at } : { do: "tick", at });
}

/** What the lists of the API say, put into heads. */
export function heads(
  numbers: string[],
  slots: Schemas["UserSlot"][],
  numberItems: Schemas["NumberItem"][] | undefined,
  slotItems: { item: Schemas["SlotItem"]; state: SlotState }[] | undefined,
): { rows: Row[]; columns: Column[] } {
  const byNumber = new Map(numberItems?.map((n) => [n.number, n]));
  const bySlot = new Map(slotItems?.map((s) => [s.item.id, s]));
  return {
    rows: numbers.map((number) => {
      const n = byNumber.get(number);
      return { number, name: n?.display_name ?? "", forward: n?.forwarding_active?.name || undefined };
    }),
    columns: slots.map((s) => {
      const live = bySlot.get(s.id);
      return { id: s.id, type: s.type, name: live?.item.name ?? s.name, state: live?.state, shown: live?.item.default_number ?? "" };
    }),
  };
}
