import { ActionIcon, Group, Paper } from "@mantine/core";
import { type KeyboardEvent, type ReactNode, useRef, useState } from "react";
import { useTextOf } from "../../i18n/room";
import { forwardingRoom } from "../../i18n/rooms/forwarding";
import { IconGripVertical } from "../icons";
import { moved } from "./types";

/** A list whose order counts. Items move by dragging their handle, or with the arrow keys on it. */
export function Ordered<T>(p: {
  items: T[];
  id: (item: T, i: number) => string;
  name: (item: T, i: number) => string;
  onOrder: (items: T[]) => void;
  render: (item: T, i: number) => ReactNode;
}) {
  const t = useTextOf(forwardingRoom);
  const [dragged, setDragged] = useState<number>();
  const [over, setOver] = useState<number>();
  const handles = useRef(new Map<number, HTMLButtonElement>());
  const move = (from: number, to: number) => {
    if (to < 0 || to >= p.items.length || from === to) return;
    p.onOrder(moved(p.items, from, to));
    requestAnimationFrame(() => handles.current.get(to)?.focus());
  };
  const key = (i: number) => (e: KeyboardEvent) => {
    const to = { ArrowUp: i - 1, ArrowDown: i + 1, Home: 0, End: p.items.length - 1 }[e.key];
    if (to === undefined) return;
    e.preventDefault();
    move(i, to);
  };
  return (
    <Paper component="ul" m={0} p={0} style={{ listStyle: "none", overflow: "hidden" }}>
      {p.items.map((item, i) => (
        <Group
          component="li"
          key={p.id(item, i)}
          wrap="nowrap"
          gap="xs"
          p="xs"
          align="center"
          style={{
            borderTop: i > 0 ? "1px solid var(--kf-line)" : undefined,
            opacity: dragged === i ? 0.4 : 1,
            boxShadow: over === i && dragged !== i ? "inset 0 2px 0 var(--mantine-primary-color-filled)" : undefined,
          }}
          onDragOver={(e) => {
            if (dragged === undefined) return;
            e.preventDefault();
            setOver(i);
          }}
          onDrop={(e) => {
            e.preventDefault();
            if (dragged !== undefined) move(dragged, i);
            setDragged(undefined);
            setOver(undefined);
          }}
        >
          <ActionIcon
            ref={(el) => {
              if (el) handles.current.set(i, el);
              else handles.current.delete(i);
            }}
            color="gray"
            aria-label={t.forwarding.drag(p.name(item, i))}
            draggable
            style={{ cursor: "grab" }}
            onDragStart={(e) => {
              e.dataTransfer.effectAllowed = "move";
              e.dataTransfer.setData("text/plain", p.name(item, i));
              setDragged(i);
            }}
            onDragEnd={() => {
              setDragged(undefined);
              setOver(undefined);
            }}
            onKeyDown={key(i)}
          >
            <IconGripVertical size={16} />
          </ActionIcon>
          {p.render(item, i)}
        </Group>
      ))}
    </Paper>
  );
}
