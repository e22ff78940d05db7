/** For each number the IDs of its ticked slots: as the API has it. */
export type Ticks = Record<string, string[]>;

/** A place in the grid. Row -1 is the head of a column, column -1 the head of a row. */
export interface Place {
  row: number;
  column: number;
}

/**
 * What the server has, and what was ticked on top. The edits are kept by cell,
 * so that a change of somebody else slides under them: nothing of either side
 * is lost, and `theirs` says which cells have moved since the editing began.
 */
export interface MatrixState {
  /** In the order in which they are shown, which may be one that is not saved yet. */
  rows: string[];
  columns: string[];
  /** The order that the server has. */
  order: { rows: string[]; columns: string[] };
  /** Somebody else has changed the order since it was changed here. */
  theirOrder: boolean;
  server: Record<string, true>;
  edits: Record<string, boolean>;
  /** What somebody else has changed since the first edit, and how it was before. */
  theirs: Record<string, boolean>;
  at: Place;
  /** Where a range begins. */
  anchor: Place;
}

export type MatrixAction =
  | { do: "server"; rows: string[]; columns: string[]; ticks: Ticks }
  | { do: "tick"; at: Place }
  | { do: "range"; to: Place }
  | { do: "row"; row: number }
  | { do: "column"; column: number }
  | { do: "move"; to: Place; extend?: boolean }
  | { do: "toggleRange" }
  | { do: "choose"; side: "mine" | "theirs" | "both" }
  | { do: "moveRow"; from: number; to: number }
  | { do: "moveColumn"; from: number; to: number }
  | { do: "saved"; ticks: Ticks }
  | { do: "reset" };

export const cell = (number: string, slot: string) => `${number} ${slot}`;

const without = <V>(all: Record<string, V>, keep: (key: string, v: V) => boolean) =>
  Object.fromEntries(Object.entries(all).filter(([k, v]) => keep(k, v)));

function cells(ticks: Ticks): Record<string, true> {
  const all: Record<string, true> = {};
  for (const [number, slots] of Object.entries(ticks)) for (const s of slots) all[cell(number, s)] = true;
  return all;
}

export function start(rows: string[], columns: string[], ticks: Ticks): MatrixState {
  const origin = { row: 0, column: 0 };
  return {
    rows,
    columns,
    order: { rows, columns },
    theirOrder: false,
    server: cells(ticks),
    edits: {},
    theirs: {},
    at: origin,
    anchor: origin,
  };
}

export const ticked = (s: MatrixState, key: string) => s.edits[key] ?? !!s.server[key];
const equal = (a: string[], b: string[]) => a.length === b.length && a.every((x, i) => x === b[i]);
export const rowsMoved = (s: MatrixState) => !equal(s.rows, s.order.rows);
export const columnsMoved = (s: MatrixState) => !equal(s.columns, s.order.columns);
export const reordered = (s: MatrixState) => rowsMoved(s) || columnsMoved(s);
export const ticksChanged = (s: MatrixState) => Object.keys(s.edits).length > 0;
export const dirty = (s: MatrixState) => ticksChanged(s) || reordered(s);
/** Somebody else has changed something under unsaved edits. */
export const moved = (s: MatrixState) => (ticksChanged(s) && Object.keys(s.theirs).length > 0) || (reordered(s) && s.theirOrder);

const keyAt = (s: MatrixState, p: Place) => cell(s.rows[p.row] ?? "", s.columns[p.column] ?? "");
const inside = (s: MatrixState, p: Place) => p.row >= 0 && p.row < s.rows.length && p.column >= 0 && p.column < s.columns.length;

/** The whole matrix as it would be saved: every row, slots in the order of the columns. */
export function toTicks(s: MatrixState): Ticks {
  return Object.fromEntries(s.rows.map((n) => [n, s.columns.filter((c) => ticked(s, cell(n, c)))]));
}

/** Whether a cell lies between the anchor and the cursor. */
export function inRange(s: MatrixState, p: Place): boolean {
  const between = (x: number, a: number, b: number) => x >= Math.min(a, b) && x <= Math.max(a, b);
  return between(p.row, s.at.row, s.anchor.row) && between(p.column, s.at.column, s.anchor.column);
}

export const hasRange = (s: MatrixState) => s.at.row !== s.anchor.row || s.at.column !== s.anchor.column;

// put sets cells and forgets edits that wish what is there already.
function put(s: MatrixState, keys: string[], on: boolean): MatrixState {
  const edits = { ...s.edits };
  for (const k of keys) {
    if (!!s.server[k] === on) delete edits[k];
    else edits[k] = on;
  }
  return { ...s, edits, theirs: Object.keys(edits).length ? s.theirs : {} };
}

function rectangle(s: MatrixState, a: Place, b: Place): string[] {
  const keys: string[] = [];
  for (let row = Math.max(0, Math.min(a.row, b.row)); row <= Math.max(a.row, b.row); row++) {
    for (let column = Math.max(0, Math.min(a.column, b.column)); column <= Math.max(a.column, b.column); column++) {
      if (inside(s, { row, column })) keys.push(keyAt(s, { row, column }));
    }
  }
  return keys;
}

// A line is ticked whole, unless it is whole already.
const flip = (s: MatrixState, keys: string[]) => put(s, keys, !keys.every((k) => ticked(s, k)));

/** The list with one item elsewhere; the same list when it stays where it is. */
function moveItem(list: string[], from: number, to: number): string[] {
  if (from === to || from < 0 || to < 0 || from >= list.length || to >= list.length) return list;
  const next = [...list];
  next.splice(to, 0, ...next.splice(from, 1));
  return next;
}

const clamp = (x: number, most: number) => Math.max(-1, Math.min(most, x));

function place(s: MatrixState, p: Place): Place {
  const to = { row: clamp(p.row, s.rows.length - 1), column: clamp(p.column, s.columns.length - 1) };
  // The corner is no place.
  if (to.row === -1 && to.column === -1)
    return s.at.row === -1 ? { row: -1, column: Math.min(0, s.columns.length - 1) } : { row: 0, column: -1 };
  return to;
}

/** The order that is shown, over one that has come from the server: what is new comes last. */
function lay(shown: string[], old: string[], now: string[]): string[] {
  if (equal(shown, old)) return now;
  const kept = shown.filter((x) => now.includes(x));
  return [...kept, ...now.filter((x) => !kept.includes(x))];
}

const sameOrder = (old: string[], now: string[]) =>
  equal(
    old.filter((x) => now.includes(x)),
    now.filter((x) => old.includes(x)),
  );

function fromServer(s: MatrixState, rows: string[], columns: string[], ticks: Ticks): MatrixState {
  const order = { rows, columns };
  const theirOrder =
    s.theirOrder || (rowsMoved(s) && !sameOrder(s.order.rows, rows)) || (columnsMoved(s) && !sameOrder(s.order.columns, columns));
  const server = cells(ticks);
  // Rows and columns that have gone take their edits with them.
  const there = new Set(rows.flatMap((n) => columns.map((c) => cell(n, c))));
  const edits = without(s.edits, (k, on) => there.has(k) && !!server[k] !== on);
  let theirs: Record<string, boolean> = {};
  if (Object.keys(edits).length) {
    theirs = without(s.theirs, (k) => there.has(k));
    for (const k of there) {
      if (!!s.server[k] === !!server[k]) continue;
      if (theirs[k] === !!server[k]) delete theirs[k];
      else theirs[k] ??= !!s.server[k];
    }
  }
  const shown = { rows: lay(s.rows, s.order.rows, rows), columns: lay(s.columns, s.order.columns, columns) };
  const next = { ...s, ...shown, order, server, edits, theirs };
  next.theirOrder = theirOrder && reordered(next);
  const origin = { row: 0, column: 0 };
  const stays = (p: Place) => p.row < rows.length && p.column < columns.length;
  return { ...next, at: stays(s.at) ? s.at : origin, anchor: stays(s.anchor) ? s.anchor : origin };
}

export function matrix(s: MatrixState, a: MatrixAction): MatrixState {
  switch (a.do) {
    case "server":
      return fromServer(s, a.rows, a.columns, a.ticks);
    case "saved":
      return { ...s, order: { rows: s.rows, columns: s.columns }, theirOrder: false, server: cells(a.ticks), edits: {}, theirs: {} };
    case "reset":
      return { ...s, ...s.order, theirOrder: false, edits: {}, theirs: {} };
    case "moveRow": {
      const rows = moveItem(s.rows, a.from, a.to);
      if (rows === s.rows) return s;
      const at = { row: a.to, column: -1 };
      const next = { ...s, rows, at, anchor: at };
      return { ...next, theirOrder: s.theirOrder && reordered(next) };
    }
    case "moveColumn": {
      const columns = moveItem(s.columns, a.from, a.to);
      if (columns === s.columns) return s;
      const at = { row: -1, column: a.to };
      const next = { ...s, columns, at, anchor: at };
      return { ...next, theirOrder: s.theirOrder && reordered(next) };
    }
    case "tick": {
      if (!inside(s, a.at)) return s;
      const key = keyAt(s, a.at);
      return { ...put(s, [key], !ticked(s, key)), at: a.at, anchor: a.at };
    }
    case "range":
      if (!inside(s, a.to) || !inside(s, s.anchor)) return matrix(s, { do: "tick", at: a.to });
      return { ...put(s, rectangle(s, s.anchor, a.to), ticked(s, keyAt(s, s.anchor))), at: a.to };
    case "toggleRange": {
      if (!hasRange(s)) return matrix(s, { do: "tick", at: s.at });
      return flip(s, rectangle(s, s.anchor, s.at));
    }
    case "row":
      return flip(
        s,
        s.columns.map((c) => cell(s.rows[a.row] ?? "", c)),
      );
    case "column":
      return flip(
        s,
        s.rows.map((n) => cell(n, s.columns[a.column] ?? "")),
      );
    case "move": {
      const at = place(s, a.to);
      return { ...s, at, anchor: a.extend && inside(s, at) && inside(s, s.anchor) ? s.anchor : at };
    }
    case "choose": {
      if (a.side === "theirs") return matrix(s, { do: "reset" });
      const edits = { ...s.edits };
      // Mine means the matrix as I saw it: what they have changed is put back.
      if (a.side === "mine") for (const [k, was] of Object.entries(s.theirs)) if (!(k in edits) && was !== !!s.server[k]) edits[k] = was;
      return { ...s, edits, theirs: {}, theirOrder: false };
    }
  }
}
