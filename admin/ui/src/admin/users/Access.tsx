import { Button, Checkbox, Group, PasswordInput, Stack, Table, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, ask } from "../../api/client";
import { Problem } from "../../api/problem";
import { useText } from "../../i18n";
import { useTextOf } from "../../i18n/room";
import { personRoom } from "../../i18n/rooms/person";
import { useConfirm } from "../../parts/confirm";
import { Dialog } from "../../parts/matrix/Dialog";
import { useProblemText } from "../../parts/problems";
import { Failed } from "../../parts/States";
import { randomSecret } from "./secret";
import type { UserBody } from "./UserPage";

/** Password and PIN: whether there is one, and setting another. Neither can be read. */
export function Access({ user }: { user: UserBody }) {
  const t = useTextOf(personRoom);
  const say = useProblemText();
  const client = useQueryClient();
  const confirm = useConfirm();
  const [setting, setSetting] = useState<"password" | "pin">();
  const removePin = useMutation({
    mutationFn: () => ask(api.DELETE("/api/users/{username}/pin", { params: { path: { username: user.username } } })),
    onSuccess: () => void client.invalidateQueries({ queryKey: ["config"] }),
    onError: (err) => notifications.show({ message: say(err), color: "red" }),
  });
  const state = !user.has_password ? t.person.passwordNone : user.must_change_password ? t.person.passwordFirst : t.person.passwordSet;
  return (
    <>
      <Table highlightOnHover={false} withRowBorders={false}>
        <Table.Tbody>
          <Table.Tr>
            <Table.Th w={110}>{t.person.password}</Table.Th>
            <Table.Td>{state}</Table.Td>
            <Table.Td ta="right">
              <Button size="compact-sm" variant="default" onClick={() => setSetting("password")}>
                {t.person.setPassword}
              </Button>
            </Table.Td>
          </Table.Tr>
          <Table.Tr>
            <Table.Th>{t.person.pin}</Table.Th>
            <Table.Td>{user.has_pin ? t.person.pinSet : t.person.pinNone}</Table.Td>
            <Table.Td ta="right">
              <Group gap="xs" justify="flex-end">
                {user.has_pin && (
                  <Button
                    size="compact-sm"
                    variant="subtle"
                    color="red"
                    onClick={() =>
                      confirm({
                        title: t.person.removePinSure,
                        text: t.person.removePinHint,
                        action: t.person.removePin,
                        onConfirm: () => removePin.mutate(),
                      })
                    }
                  >
                    {t.person.removePin}
                  </Button>
                )}
                <Button size="compact-sm" variant="default" onClick={() => setSetting("pin")}>
                  {t.person.setPin}
                </Button>
              </Group>
            </Table.Td>
          </Table.Tr>
        </Table.Tbody>
      </Table>
      {setting === "password" && <SetPassword username={user.username} onClose={() => setSetting(undefined)} />}
      {setting === "pin" && <SetPin username={user.username} onClose={() => setSetting(undefined)} />}
    </>
  );
}

interface SetProps {
  username: string;
  onClose: () => void;
}

function useDone(onClose: () => void) {
  const t = useText();
  const client = useQueryClient();
  return () => {
    notifications.show({ message: t.common.saved, color: "teal" });
    void client.invalidateQueries({ queryKey: ["config"] });
    onClose();
  };
}

function SetPassword({ username, onClose }: SetProps) {
  const t = useTextOf(personRoom);
  const say = useProblemText();
  const [password, setPassword] = useState("");
  const [mustChange, setMustChange] = useState(true);
  const done = useDone(onClose);
  const set = useMutation({
    mutationFn: () =>
      ask(
        api.PUT("/api/users/{username}/password", {
          params: { path: { username } },
          body: { password, must_change_password: mustChange },
        }),
      ),
    onSuccess: done,
  });
  const fields = set.error instanceof Problem ? set.error.fields : {};
  return (
    <Dialog title={t.person.setPassword} onClose={onClose} size="md">
      <form
        onSubmit={(e: FormEvent) => {
          e.preventDefault();
          set.mutate();
        }}
      >
        <Stack>
          <Group align="flex-end" wrap="nowrap">
            <PasswordInput
              data-autofocus
              style={{ flex: 1 }}
              label={t.person.newPassword}
              description={t.person.passwordHint}
              autoComplete="new-password"
              value={password}
              onChange={(e) => setPassword(e.currentTarget.value)}
              error={say(fields.password)}
            />
            <Button variant="default" onClick={() => setPassword(randomSecret(16))}>
              {t.person.suggest}
            </Button>
          </Group>
          <Checkbox label={t.person.mustChange} checked={mustChange} onChange={(e) => setMustChange(e.currentTarget.checked)} />
          {set.isError && !fields.password && <Failed error={set.error} />}
          <Foot onClose={onClose} busy={set.isPending} ready={password !== ""} />
        </Stack>
      </form>
    </Dialog>
  );
}

function SetPin({ username, onClose }: SetProps) {
  const t = useTextOf(personRoom);
  const say = useProblemText();
  const [pin, setPin] = useState("");
  const done = useDone(onClose);
  const set = useMutation({
    mutationFn: () => ask(api.PUT("/api/users/{username}/pin", { params: { path: { username } }, body: { pin } })),
    onSuccess: done,
  });
  const fields = set.error instanceof Problem ? set.error.fields : {};
  return (
    <Dialog title={t.person.setPin} onClose={onClose} size="md">
      <form
        onSubmit={(e: FormEvent) => {
          e.preventDefault();
          set.mutate();
        }}
      >
        <Stack>
          <TextInput
            data-autofocus
            label={t.person.newPin}
            description={t.person.pinHint}
            inputMode="numeric"
            autoComplete="off"
            value={pin}
            maxLength={12}
            onChange={(e) => setPin(e.currentTarget.value.replace(/\D/g, ""))}
            error={say(fields.pin)}
          />
          {set.isError && !fields.pin && <Failed error={set.error} />}
          <Foot onClose={onClose} busy={set.isPending} ready={pin !== ""} />
        </Stack>
      </form>
    </Dialog>
  );
}

function Foot(p: { onClose: () => void; busy: boolean; ready: boolean }) {
  const t = useText();
  return (
    <Group justify="flex-end">
      <Button variant="default" onClick={p.onClose}>
        {t.common.cancel}
      </Button>
      <Button type="submit" loading={p.busy} disabled={!p.ready}>
        {t.common.save}
      </Button>
    </Group>
  );
}
