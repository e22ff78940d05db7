import type { Schemas } from "../../api/client";
import type { TextsWith } from "../../i18n/room";
import type { explanationRoom } from "../../i18n/rooms/explanation";

type Texts = TextsWith<typeof explanationRoom>;

type Stage = Schemas["Following"];

/** What a stage comes to, in one sentence. */
export function outcomeText(t: Texts, stage: Pick<Stage, "outcome" | "targets" | "hops" | "ring_seconds">): string {
  const said = t.explanation.outcome[stage.outcome];
  const seconds = stage.ring_seconds ? t.explanation.seconds(stage.ring_seconds) : "";
  const sentence =
    typeof said === "function"
      ? said(
          listed(
            t,
            stage.targets.map((x) => targetText(t, x)),
          ),
          seconds,
        )
      : (said ?? stage.outcome);
  if (stage.hops.length === 0) return sentence;
  return `${t.explanation.forwarded(wayText(t, stage.hops))} ${sentence}`;
}

/** 416 → 417 (busy) → +49661… (always). */
export function wayText(t: Texts, hops: { from: string; to: string; why: string }[]): string {
  const name = (why: string) => t.explanation.hop[why as keyof typeof t.explanation.hop] ?? why;
  return hops.map((h, i) => `${i === 0 ? `${h.from} ` : ""}→ ${h.to} (${name(h.why)})`).join(" ");
}

/** Desk phone of armin.artmann; a number outside stands for itself. */
export function targetText(t: Texts, target: Schemas["Target"]): string {
  const slot = target.name || t.common.types[target.type as keyof typeof t.common.types];
  if (!slot) return target.outside || (target.username ? t.explanation.ofUser(target.number, target.username) : target.number);
  return target.username ? t.explanation.ofUser(slot, target.username) : slot;
}

/** a, b and c. */
export function listed(t: Texts, items: string[]): string {
  if (items.length < 2) return items.join("");
  return `${items.slice(0, -1).join(", ")} ${t.explanation.and} ${items.at(-1)}`;
}
