import { ActionIcon, Button, Group, Select, TextInput, Tooltip } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, ask, type Schemas } from "../api/client";
import { useSession } from "../app/session";
import { useText } from "../i18n";
import { useTextOf } from "../i18n/room";
import { meRoom } from "../i18n/rooms/me";
import { tidyNumber } from "./forwarding/numbers";
import { IconPhone } from "./icons";
import { useProblemText } from "./problems";

const remembered = "koppelfeld.dial.slot";

/** The own phones that can ring now, and the one chosen last. */
export function useOwnPhones() {
  const t = useText();
  const { username } = useSession();
  const slots = useQuery({
    queryKey: ["live", "slots", username],
    queryFn: ({ signal }) => ask(api.GET("/api/slots", { params: { query: { username, limit: 1000 } }, signal })),
  });
  const phones = (slots.data?.items ?? []).filter((s) => s.registered);
  const [chosen, setChosen] = useState(() => localStorage.getItem(remembered) ?? "");
  const phone = phones.find((s) => s.id === chosen) ?? phones[0];
  return {
    phones,
    phone,
    pending: slots.isPending,
    name: (s: Schemas["SlotItem"]) => s.name || t.common.types[s.type],
    choose: (id: string) => {
      localStorage.setItem(remembered, id);
      setChosen(id);
    },
  };
}

/** Calls a number: the own phone rings first. */
export function useDial() {
  const t = useTextOf(meRoom);
  const say = useProblemText();
  const { phone, name } = useOwnPhones();
  const dial = useMutation({
    mutationFn: (to: string) => {
      if (!phone) return Promise.reject(new Error(t.me.noPhone));
      return ask(api.POST("/api/calls", { body: { slot_id: phone.id, to } }));
    },
    onSuccess: () => phone && notifications.show({ message: t.me.calling(name(phone)) }),
    onError: (err) => notifications.show({ message: say(err), color: "red" }),
  });
  return { dial: dial.mutate, dialling: dial.isPending, possible: !!phone };
}

/** A handset beside a number. */
export function DialButton({ number }: { number: string }) {
  const t = useTextOf(meRoom);
  const { dial, dialling, possible } = useDial();
  const label = possible ? t.me.call(number) : t.me.noPhone;
  return (
    <Tooltip label={label}>
      <ActionIcon aria-label={label} disabled={!possible} loading={dialling} onClick={() => dial(number)}>
        <IconPhone size={16} />
      </ActionIcon>
    </Tooltip>
  );
}

/** A field for a number, and with which phone. */
export function DialPad() {
  const t = useTextOf(meRoom);
  const { phones, phone, pending, name, choose } = useOwnPhones();
  const { dial, dialling, possible } = useDial();
  const [number, setNumber] = useState("");
  const submit = (e: FormEvent) => {
    e.preventDefault();
    dial(tidyNumber(number));
  };
  return (
    <form onSubmit={submit}>
      <Group align="flex-start" gap="xs">
        <TextInput
          label={t.me.dial}
          placeholder={t.me.dialHint}
          description={phone || pending ? undefined : t.me.noPhoneHint}
          inputWrapperOrder={["label", "input", "description", "error"]}
          value={number}
          maxLength={64}
          onChange={(e) => setNumber(e.currentTarget.value)}
          onBlur={() => setNumber(tidyNumber(number))}
          inputMode="tel"
          autoComplete="off"
          style={{ flex: 1, minWidth: 180 }}
        />
        {phones.length > 1 && (
          <Select
            label={t.me.from}
            data={phones.map((s) => ({ value: s.id, label: name(s) }))}
            value={phone?.id ?? null}
            allowDeselect={false}
            onChange={(v) => v && choose(v)}
            w={160}
          />
        )}
        <Button
          type="submit"
          mt={24}
          disabled={!possible || !number.trim()}
          loading={dialling}
          leftSection={<IconPhone size={16} aria-hidden />}
          aria-label={number.trim() ? t.me.call(number.trim()) : undefined}
        >
          {t.me.callIt}
        </Button>
      </Group>
    </form>
  );
}
