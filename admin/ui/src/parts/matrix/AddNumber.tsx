import { Button, Group, Stack, Text, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, ask } from "../../api/client";
import { Problem } from "../../api/problem";
import { useTextOf } from "../../i18n/room";
import { matrixRoom } from "../../i18n/rooms/matrix";
import { tidyNumber } from "../forwarding/numbers";
import { useProblemText } from "../problems";
import { Failed } from "../States";
import { Dialog } from "./Dialog";

/** Numbers are pasted in any form: "0661 / 41-6" is what its digits say. */
export const digits = (text: string) => text.replace(/\D/g, "").slice(0, 15);

/** Gives a number to a user; says at once who has it already. */
export function AddNumber({ username, near, onClose }: { username: string; near?: string; onClose: () => void }) {
  const t = useTextOf(matrixRoom);
  const say = useProblemText();
  const client = useQueryClient();
  const [number, setNumber] = useState("");
  const [settled] = useDebouncedValue(number, 250);
  const owner = useQuery({
    queryKey: ["config", "numbers", settled, "owner"],
    queryFn: async ({ signal }) => {
      try {
        return await ask(api.GET("/api/numbers/{number}", { params: { path: { number: settled } }, signal }));
      } catch (err) {
        if (err instanceof Problem && err.status === 404) return null;
        throw err;
      }
    },
    enabled: settled !== "",
  });
  const add = useMutation({
    mutationFn: (n: string) => ask(api.POST("/api/users/{username}/numbers", { params: { path: { username } }, body: { number: n } })),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ["config"] });
      onClose();
    },
  });
  const problem = add.error instanceof Problem ? add.error : undefined;
  // A number that the routing refuses is told with the path of the setting: here it can only be this one.
  const refused = problem?.fields.number ?? (problem?.is("configuration") ? Object.values(problem.fields)[0] : undefined);
  const taken = settled === number && owner.data ? owner.data : undefined;
  const submit = (e: FormEvent) => {
    e.preventDefault();
    if (number) add.mutate(number);
  };
  return (
    <Dialog title={t.matrix.addNumber} onClose={onClose} size="md">
      <form onSubmit={submit}>
        <Stack>
          <TextInput
            data-autofocus
            label={t.matrix.number}
            description={settled === number && owner.data === null ? t.matrix.isFree : t.matrix.numberHint}
            inputMode="numeric"
            autoComplete="off"
            value={number}
            onChange={(e) => {
              add.reset();
              setNumber(digits(tidyNumber(e.currentTarget.value)));
            }}
            error={
              taken ? t.matrix.belongsTo(`${taken.owner} (${t.matrix.ownerTypes[taken.owner_type] ?? taken.owner_type})`) : say(refused)
            }
          />
          <Free near={settled || near} onPick={setNumber} />
          {add.isError && !refused && <Failed error={add.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {t.common.cancel}
            </Button>
            <Button type="submit" disabled={!number || !!taken} loading={add.isPending}>
              {t.common.add}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}

// Free numbers near what was typed, or near what the user has.
function Free({ near, onPick }: { near?: string; onPick: (n: string) => void }) {
  const t = useTextOf(matrixRoom);
  const free = useQuery({
    queryKey: ["config", "numbers", "free", near ?? ""],
    queryFn: ({ signal }) => ask(api.GET("/api/numbers/free", { params: { query: { near, count: 8 } }, signal })),
    placeholderData: keepPreviousData,
  });
  if (!free.data?.items.length) return null;
  return (
    <Group gap={6} role="group" aria-label={t.matrix.freeNear}>
      <Text size="xs" c="dimmed">
        {t.matrix.freeNear}
      </Text>
      {free.data.items.map((n) => (
        <Button key={n} size="compact-xs" variant="default" className="kf-tabular" onClick={() => onPick(n)}>
          {n}
        </Button>
      ))}
    </Group>
  );
}
