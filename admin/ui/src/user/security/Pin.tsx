import { Button, Group, PasswordInput, Stack, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, ask } from "../../api/client";
import { Problem } from "../../api/problem";
import { useSession } from "../../app/session";
import { useTextOf } from "../../i18n/room";
import { meRoom } from "../../i18n/rooms/me";
import { useProblemText } from "../../parts/problems";
import { Loading } from "../../parts/States";
import { useMe } from "../me";

/** Sets and removes the own PIN; it is never shown. */
export function Pin() {
  const t = useTextOf(meRoom);
  const say = useProblemText();
  const client = useQueryClient();
  const { username } = useSession();
  const me = useMe();
  const [pin, setPin] = useState("");
  const set = useMutation({
    mutationFn: (value: string) => {
      const path = { params: { path: { username } } };
      return value
        ? ask(api.PUT("/api/users/{username}/pin", { ...path, body: { pin: value } }))
        : ask(api.DELETE("/api/users/{username}/pin", path));
    },
    onSuccess: () => {
      setPin("");
      notifications.show({ message: t.common.saved, color: "teal" });
      void client.invalidateQueries({ queryKey: ["config"] });
    },
  });
  if (!me.data) return <Loading />;
  const submit = (e: FormEvent) => {
    e.preventDefault();
    set.mutate(pin);
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="xs" align="flex-start">
        <Text size="sm">{me.data.body.has_pin ? t.me.pinIs : t.me.pinNone}</Text>
        <Group align="flex-end">
          <PasswordInput
            label={t.me.pinNew}
            inputMode="numeric"
            autoComplete="off"
            maxLength={12}
            value={pin}
            onChange={(e) => setPin(e.currentTarget.value.replace(/\D/g, ""))}
            error={set.isError ? say(set.error instanceof Problem ? (set.error.fields.pin ?? set.error) : set.error) : undefined}
            w={200}
          />
          <Button type="submit" disabled={pin.length < 4} loading={set.isPending}>
            {t.me.pinSet}
          </Button>
          {me.data.body.has_pin && (
            <Button variant="light" color="red" onClick={() => set.mutate("")}>
              {t.me.pinRemove}
            </Button>
          )}
        </Group>
      </Stack>
    </form>
  );
}
