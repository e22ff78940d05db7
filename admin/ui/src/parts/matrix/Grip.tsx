import { Menu } from "@mantine/core";
import { type PointerEvent, useState } from "react";
import { useTextOf } from "../../i18n/room";
import { matrixRoom } from "../../i18n/rooms/matrix";
import { IconGripHorizontal, IconGripVertical } from "../icons";

/**
 * The handle by which a row or column is dragged. A click on it offers the same as a menu, for who cannot drag;
 * by keys the head itself is moved.
 */
export function Grip(p: {
  axis: "row" | "column";
  name: string;
  at: number;
  count: number;
  onTake: (e: PointerEvent) => void;
  dragged: () => boolean;
  onMove: (to: number) => void;
  onClose: () => void;
}) {
  const t = useTextOf(matrixRoom);
  const [open, setOpen] = useState(false);
  const Icon = p.axis === "row" ? IconGripVertical : IconGripHorizontal;
  const button = (
    <button
      type="button"
      className="kf-grip"
      tabIndex={-1}
      aria-label={t.matrix.move(p.name)}
      title={t.matrix.moveHint}
      onPointerDown={p.onTake}
      onClick={() => !p.dragged() && setOpen(true)}
    >
      <Icon size={14} aria-hidden />
    </button>
  );
  if (!open) return button;
  const last = p.count - 1;
  const ways = [
    { say: t.matrix.toFirst[p.axis], to: 0, off: p.at === 0 },
    { say: t.matrix.toBefore[p.axis], to: p.at - 1, off: p.at === 0 },
    { say: t.matrix.toAfter[p.axis], to: p.at + 1, off: p.at === last },
    { say: t.matrix.toLast[p.axis], to: last, off: p.at === last },
  ];
  const close = () => {
    setOpen(false);
    p.onClose();
  };
  return (
    <Menu opened onChange={(o) => !o && close()} position="bottom-start" returnFocus={false}>
      <Menu.Target>{button}</Menu.Target>
      <Menu.Dropdown>
        {ways.map((w) => (
          <Menu.Item
            key={w.say}
            disabled={w.off}
            onClick={() => {
              setOpen(false);
              p.onMove(w.to);
            }}
          >
            {w.say}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
