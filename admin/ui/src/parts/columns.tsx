import { ActionIcon, Checkbox, Menu, VisuallyHidden } from "@mantine/core";
import { useState } from "react";
import { useText } from "../i18n";
import { IconColumns3, IconRefresh } from "./icons";
import { remembered } from "./remembered";

interface Named {
  id: string;
  title: string;
  hidden?: boolean;
}

/** Which columns of a list the viewer has chosen; remembered in the browser under the name of the list. */
export function useColumns<C extends Named>(name: string, all: C[]) {
  const key = `koppelfeld.columns.${name}`;
  const [chosen, setChosen] = useState<string[] | undefined>(() => remembered<string[] | undefined>(key, undefined));
  const usual = all.filter((c) => !c.hidden).map((c) => c.id);
  // What was chosen may be of an older page, whose columns have gone.
  const known = chosen?.filter((id) => all.some((c) => c.id === id));
  const shown = known?.length ? known : usual;
  return {
    columns: all.filter((c) => shown.includes(c.id)),
    shown,
    changed: !!known?.length && (known.length !== usual.length || !usual.every((id) => known.includes(id))),
    toggle: (id: string) => {
      const next = shown.includes(id) ? shown.filter((x) => x !== id) : [...shown, id];
      if (next.length === 0) return;
      setChosen(next);
      localStorage.setItem(key, JSON.stringify(next));
    },
    reset: () => {
      setChosen(undefined);
      localStorage.removeItem(key);
    },
  };
}

/** The menu in which columns are chosen, and put back to what is usual. */
export function ColumnMenu<C extends Named>({ all, of }: { all: C[]; of: ReturnType<typeof useColumns<C>> }) {
  const t = useText();
  return (
    <Menu closeOnItemClick={false} position="bottom-end">
      <Menu.Target>
        <ActionIcon aria-label={t.common.columns} title={t.common.columns}>
          <IconColumns3 size={18} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {all.map((c) => (
          <Menu.Item
            key={c.id}
            leftSection={<Checkbox.Indicator size="xs" checked={of.shown.includes(c.id)} />}
            onClick={() => of.toggle(c.id)}
          >
            {c.title}
            {/* the item has a role of its own, which cannot be checked */}
            <VisuallyHidden>: {of.shown.includes(c.id) ? t.common.yes : t.common.no}</VisuallyHidden>
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item leftSection={<IconRefresh size={16} aria-hidden />} disabled={!of.changed} onClick={of.reset}>
          {t.common.usualColumns}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
