import { type PointerEvent as Pointer, type RefObject, useEffect, useRef, useState } from "react";

/** A row or column that is being moved: where it was taken, and where it would be put down. */
export interface Drag {
  axis: "row" | "column";
  from: number;
  to: number;
}

/** Where something taken from a place would lie when it is let go at a point between things with these centres. */
export function target(centres: number[], point: number, from: number): number {
  const before = centres.filter((c) => c < point).length;
  return before > from ? before - 1 : before;
}

// A finger trembles: what moves less is a click.
const threshold = 5;
// So close to an edge the grid scrolls, by so much a frame.
const edge = 36;
const step = 10;

/**
 * Moving the heads of a grid by mouse, pen and finger. Heads bear data-head with their axis.
 * `take` is for onPointerDown of a handle, whose touch-action must be none.
 */
export function useDrag(grid: RefObject<HTMLElement | null>, onDrop: (d: Drag) => void) {
  const [drag, setDrag] = useState<Drag>();
  const end = useRef<() => void>(undefined);
  const moved = useRef(false);
  useEffect(() => () => end.current?.(), []);

  const take = (axis: Drag["axis"], from: number) => (down: Pointer) => {
    moved.current = false;
    if (down.button !== 0 || !grid.current) return;
    end.current?.();
    const box = grid.current.parentElement;
    let now: Drag | undefined;
    let x = down.clientX;
    let y = down.clientY;
    let frame = 0;
    const look = () => {
      const heads = [...(grid.current?.querySelectorAll(`[data-head="${axis}"]`) ?? [])].map((h) => h.getBoundingClientRect());
      const centres = heads.map((r) => (axis === "row" ? r.top + r.height / 2 : r.left + r.width / 2));
      const to = target(centres, axis === "row" ? y : x, from);
      if (now?.to !== to) {
        now = { axis, from, to };
        setDrag(now);
      }
    };
    const scroll = () => {
      const r = box?.getBoundingClientRect();
      if (r && axis === "row") box?.scrollBy(0, y > r.bottom - edge ? step : y < r.top + edge ? -step : 0);
      else if (r) box?.scrollBy(x > r.right - edge ? step : x < r.left + edge ? -step : 0, 0);
      look();
      frame = requestAnimationFrame(scroll);
    };
    const onMove = (e: PointerEvent) => {
      if (e.pointerId !== down.pointerId) return;
      x = e.clientX;
      y = e.clientY;
      if (!now && Math.hypot(x - down.clientX, y - down.clientY) < threshold) return;
      moved.current = true;
      if (!frame) scroll();
    };
    const onUp = (e: PointerEvent) => {
      if (e.pointerId !== down.pointerId) return;
      const d = now;
      stop();
      if (d && d.to !== d.from) onDrop(d);
    };
    const onKey = (e: KeyboardEvent) => e.key === "Escape" && stop();
    const stop = () => {
      cancelAnimationFrame(frame);
      window.removeEventListener("pointermove", onMove);
      window.removeEventListener("pointerup", onUp);
      window.removeEventListener("pointercancel", stop);
      window.removeEventListener("keydown", onKey);
      end.current = undefined;
      setDrag(undefined);
    };
    end.current = stop;
    window.addEventListener("pointermove", onMove);
    window.addEventListener("pointerup", onUp);
    window.addEventListener("pointercancel", stop);
    window.addEventListener("keydown", onKey);
  };
  /** Whether what ends now was a drag and no click. */
  const dragged = () => moved.current;
  return { drag, take, dragged };
}
