import type { Schemas } from "../../api/client";

export type Step = Schemas["CallCount"];

/** Puts steps together until there are no more than most; the last one may cover less. */
export function merged(steps: Step[], most: number): Step[] {
  const n = Math.max(1, Math.ceil(steps.length / Math.max(1, most)));
  if (n === 1) return steps;
  const out: Step[] = [];
  // From the end, so that the newest bar is always a whole one.
  for (let end = steps.length; end > 0; end -= n) {
    const part = steps.slice(Math.max(0, end - n), end);
    const first = part[0];
    if (!first) break;
    out.unshift({
      at: first.at,
      answered: part.reduce((s, x) => s + x.answered, 0),
      missed: part.reduce((s, x) => s + x.missed, 0),
      failed: part.reduce((s, x) => s + x.failed, 0),
    });
  }
  return out;
}

/** The lines of a scale from 0 to at least max: whole numbers, at most five. */
export function scale(max: number): number[] {
  const top = Math.max(1, Math.ceil(max));
  let step = 1;
  for (const factor = [2, 2.5, 2]; top / step > 4; ) {
    const f = factor.shift() ?? 2;
    factor.push(f);
    step *= f;
  }
  step = Math.ceil(step);
  const lines = [];
  for (let v = 0; ; v += step) {
    lines.push(v);
    if (v >= top) return lines;
  }
}
