import { Select } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../api/client";
import { useText } from "../i18n";

interface Choice {
  value: string;
  label: string;
}

/** A box in which to find one of many; the server searches, so it may be thousands. What is picked goes to onPick and the box is empty again. */
function Pick(p: {
  label: string;
  placeholder: string;
  queryKey: unknown[];
  find: (text: string) => Promise<Choice[]>;
  without: string[];
  onPick: (value: string) => void;
  disabled?: boolean;
  /** The label is to be seen, too. */
  labelled?: boolean;
}) {
  const t = useText();
  const [text, setText] = useState("");
  const [settled] = useDebouncedValue(text, 200);
  const found = useQuery({
    queryKey: [...p.queryKey, "pick", settled],
    queryFn: () => p.find(settled),
    placeholderData: keepPreviousData,
  });
  return (
    <Select
      aria-label={p.label}
      label={p.labelled ? p.label : undefined}
      placeholder={p.placeholder}
      searchable
      searchValue={text}
      onSearchChange={setText}
      filter={({ options }) => options}
      data={(found.data ?? []).filter((c) => !p.without.includes(c.value))}
      nothingFoundMessage={found.isFetching ? t.common.loading : t.common.nothingFound}
      value={null}
      onChange={(v) => {
        if (v) p.onPick(v);
        setText("");
      }}
      disabled={p.disabled}
      w={{ base: "100%", sm: p.labelled ? 220 : 340 }}
    />
  );
}

interface PickProps {
  label: string;
  placeholder: string;
  without: string[];
  onPick: (value: string) => void;
  disabled?: boolean;
  labelled?: boolean;
}

/** Finds a user by name, user name or number; picks the user name. */
export function PickUser(p: PickProps) {
  return (
    <Pick
      {...p}
      queryKey={["config", "users"]}
      find={async (filter) => {
        const list = await ask(api.GET("/api/users", { params: { query: { filter: filter || undefined, limit: 50, sort: "name" } } }));
        return list.items.map((u) => ({
          value: u.username,
          label: [`${u.first_name} ${u.last_name}`.trim() || u.username, u.username, u.numbers[0]].filter(Boolean).join(" · "),
        }));
      }}
    />
  );
}

/** Finds a slot by its user, name or number; picks the ID. */
export function PickSlot(p: PickProps) {
  const t = useText();
  return (
    <Pick
      {...p}
      queryKey={["config", "slots"]}
      find={async (filter) => {
        const list = await ask(api.GET("/api/slots", { params: { query: { filter: filter || undefined, limit: 50 } } }));
        return list.items.map((s) => ({
          value: s.id,
          label: `${s.full_name || s.username} · ${s.name || t.common.types[s.type]}`,
        }));
      }}
    />
  );
}
