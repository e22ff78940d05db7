import { Alert, Button, Group, Stack, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, ask } from "../../api/client";
import { Problem } from "../../api/problem";
import { useTextOf } from "../../i18n/room";
import { matrixRoom } from "../../i18n/rooms/matrix";
import { Account } from "../Account";
import { tidyNumber } from "../forwarding/numbers";
import { useProblemText } from "../problems";
import type { SlotTypeName } from "../SlotType";
import { Failed } from "../States";
import { Dialog } from "./Dialog";

/** Adds a slot of a type to a user and shows, once, what its device registers with. */
export function AddSlot({ username, type, onClose }: { username: string; type: SlotTypeName; onClose: () => void }) {
  const t = useTextOf(matrixRoom);
  const say = useProblemText();
  const client = useQueryClient();
  const [name, setName] = useState("");
  const [mobile, setMobile] = useState("");
  const add = useMutation({
    mutationFn: () =>
      ask(
        api.POST("/api/users/{username}/slots", {
          params: { path: { username } },
          body: { type, name: name || t.common.types[type], ...(type === "mobile" ? { mobile_number: tidyNumber(mobile) } : {}) },
        }),
      ),
    onSuccess: (slot) => {
      void client.invalidateQueries({ queryKey: ["config"] });
      if (!slot.sip) onClose();
    },
  });
  const fields = add.error instanceof Problem ? add.error.fields : {};
  const account = add.data?.sip;
  if (add.data && account) {
    return (
      <Dialog title={t.matrix.slot(add.data.name)} onClose={onClose} size="md">
        <Stack>
          <Alert color="teal" title={t.matrix.account}>
            {t.matrix.accountHint} {t.matrix.accountMade}
          </Alert>
          <Account account={account} />
          <Group justify="flex-end">
            <Button onClick={onClose}>{t.common.close}</Button>
          </Group>
        </Stack>
      </Dialog>
    );
  }
  const submit = (e: FormEvent) => {
    e.preventDefault();
    add.mutate();
  };
  return (
    <Dialog title={t.matrix.addSlotOf(t.common.types[type])} onClose={onClose} size="md">
      <form onSubmit={submit}>
        <Stack>
          <TextInput
            data-autofocus
            label={t.matrix.slotName}
            description={t.matrix.slotNameHint}
            placeholder={t.common.types[type]}
            value={name}
            maxLength={128}
            onChange={(e) => setName(e.currentTarget.value)}
            error={say(fields.name)}
          />
          {type === "mobile" && (
            <TextInput
              label={t.matrix.mobileNumber}
              description={t.matrix.mobileNumberHint}
              required
              inputMode="tel"
              value={mobile}
              onChange={(e) => setMobile(e.currentTarget.value)}
              error={say(fields.mobile_number)}
            />
          )}
          {add.isError && !fields.name && !fields.mobile_number && <Failed error={add.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {t.common.cancel}
            </Button>
            <Button type="submit" loading={add.isPending}>
              {t.common.add}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}
