import { Text } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import type { Schemas } from "../../api/client";
import { useTextOf } from "../../i18n/room";
import { mergeRoom } from "../../i18n/rooms/merge";
import { IconCheck, IconPhoneOutgoing } from "../../parts/icons";
import "../../parts/matrix/matrix.css";
import "./merge.css";
import { SlotIcon } from "../../parts/SlotType";

/** The matrix of the user who comes of it, as the matrix page has it: what is ticked now, what is new, what goes. */
export function Picture({ p, onTick }: { p: Schemas["Proposal"]; onTick: (number: string, slot: string, on: boolean) => void }) {
  const t = useTextOf(mergeRoom);
  const w = t.merge;
  const small = useMediaQuery("(max-width: 48em)");
  return (
    <div className="kf-matrix" data-dense={p.slots.length > 6 || (small && p.slots.length > 1) || undefined}>
      <table aria-label={w.picture}>
        <thead>
          <tr>
            <th />
            {p.slots.map((s) => (
              <th key={s.id} scope="col">
                <div className="kf-head kf-still">
                  <SlotIcon type={s.type} />
                  <span className="kf-name">{s.name}</span>
                  {s.shows && (
                    <Text size="xs" c="dimmed" className="kf-state" title={w.shows(s.shows)}>
                      <IconPhoneOutgoing size={12} aria-hidden /> <span>{s.shows}</span>
                    </Text>
                  )}
                </div>
              </th>
            ))}
            <th aria-hidden />
          </tr>
        </thead>
        <tbody>
          {p.numbers.map((n) => (
            <tr key={n.number}>
              <th scope="row">
                <div className="kf-head kf-still">
                  <span className="kf-name">{n.number}</span>
                  <Text size="xs" c="dimmed">
                    {w.from(n.from)}
                  </Text>
                </div>
              </th>
              {p.slots.map((s) => {
                const was = n.before.includes(s.id);
                const is = n.ticks.includes(s.id);
                const change = is && !was ? "fresh" : was && !is ? "gone" : undefined;
                return (
                  <td key={s.id}>
                    {/* biome-ignore lint/a11y/useSemanticElements: it looks and acts like those of the matrix */}
                    <button
                      type="button"
                      role="checkbox"
                      className="kf-cell"
                      aria-checked={is}
                      aria-label={[w.tick(n.number, s.name), change === "fresh" && w.fresh, change === "gone" && w.removed]
                        .filter(Boolean)
                        .join(", ")}
                      data-merge={change}
                      onClick={() => onTick(n.number, s.id, !is)}
                    >
                      <span className="kf-box">
                        <IconCheck size={16} aria-hidden />
                      </span>
                      {change && <span className="kf-mark">{change === "fresh" ? w.fresh : w.removed}</span>}
                    </button>
                  </td>
                );
              })}
              <td aria-hidden />
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
