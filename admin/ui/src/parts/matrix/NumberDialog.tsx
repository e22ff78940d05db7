import { Button } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, ask, ifMatch, type Schemas, type Tagged } from "../../api/client";
import { useTextOf } from "../../i18n/room";
import { matrixRoom } from "../../i18n/rooms/matrix";
import { useConfirm } from "../confirm";
import { IconTrash } from "../icons";
import { useProblemText } from "../problems";
import { Failed, Loading } from "../States";
import { Dialog, DialogFoot } from "./Dialog";
import { NumberForm, numberQuery, useNumberDraft } from "./NumberForm";

/** The dialog behind the head of a row. */
export function NumberDialog(p: { number: string; manage: boolean; onClose: () => void }) {
  const t = useTextOf(matrixRoom);
  const number = useQuery(numberQuery(p.number));
  if (!number.data) {
    return (
      <Dialog title={t.matrix.numberOf(p.number)} onClose={p.onClose}>
        {number.isError ? <Failed error={number.error} retry={() => void number.refetch()} /> : <Loading />}
      </Dialog>
    );
  }
  return <Loaded {...p} server={number.data} />;
}

function Loaded(p: { server: Tagged<Schemas["Number"]>; manage: boolean; onClose: () => void }) {
  const t = useTextOf(matrixRoom);
  const client = useQueryClient();
  const draft = useNumberDraft(p.server, () => {
    void client.invalidateQueries({ queryKey: ["config"] });
    p.onClose();
  });
  const free = useFreeNumber(p.server, p.onClose);
  return (
    <Dialog title={t.matrix.numberOf(p.server.body.number)} onClose={p.onClose} dirty={draft.dirty}>
      <NumberForm number={p.server.body} draft={draft} manage={p.manage} />
      <DialogFoot
        draft={draft}
        left={
          p.manage && (
            <Button variant="subtle" color="red" leftSection={<IconTrash size={16} aria-hidden />} onClick={free}>
              {t.matrix.removeNumber}
            </Button>
          )
        }
      />
    </Dialog>
  );
}

/** Frees a number, after a question. */
export function useFreeNumber(server: Tagged<Schemas["Number"]>, onFreed: () => void) {
  const t = useTextOf(matrixRoom);
  const say = useProblemText();
  const client = useQueryClient();
  const confirm = useConfirm();
  const { number } = server.body;
  const free = useMutation({
    mutationFn: () => ask(api.DELETE("/api/numbers/{number}", { params: { path: { number }, header: ifMatch(server.tag) } })),
    onSuccess: () => {
      onFreed();
      void client.invalidateQueries({ queryKey: ["config"] });
    },
    onError: (err) => notifications.show({ message: say(err), color: "red" }),
  });
  return () =>
    confirm({
      title: t.matrix.removeNumberSure(number),
      text: t.matrix.removeNumberHint,
      action: t.matrix.removeNumber,
      onConfirm: () => free.mutate(),
    });
}
