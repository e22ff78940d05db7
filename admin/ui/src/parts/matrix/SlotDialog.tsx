import { Alert, Button, Checkbox, Divider, Group, Select, Stack, Text, TextInput, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { api, ask, askTagged, ifMatch, type Schemas, type Tagged } from "../../api/client";
import { useFormat } from "../../i18n/format";
import { useTextOf } from "../../i18n/room";
import { matrixRoom } from "../../i18n/rooms/matrix";
import { Account } from "../Account";
import { useConfirm } from "../confirm";
import { useDraft } from "../draft";
import { tidyNumber } from "../forwarding/numbers";
import { IconEye, IconKey, IconTrash } from "../icons";
import { useProblemText } from "../problems";
import { Failed, Loading } from "../States";
import { Dialog, DialogFoot } from "./Dialog";

const QR = lazy(() => import("../QR"));

type Slot = Schemas["Slot"];
type Settings = Pick<Slot, "name" | "dnd" | "default_number" | "mobile_number">;

const settings = ({ body: s, tag }: Tagged<Slot>): Tagged<Settings> => ({
  tag,
  body: { name: s.name, dnd: s.dnd, default_number: s.default_number, mobile_number: s.mobile_number },
});

export const slotQuery = (id: string) => ({
  queryKey: ["config", "slots", id],
  queryFn: ({ signal }: { signal: AbortSignal }) => askTagged(api.GET("/api/slots/{id}", { params: { path: { id } }, signal })),
});

/** The dialog behind the head of a column. */
export function SlotDialog(p: { id: string; manage: boolean; onClose: () => void }) {
  const t = useTextOf(matrixRoom);
  const slot = useQuery(slotQuery(p.id));
  const ticks = useQuery({
    queryKey: ["config", "matrix", slot.data?.body.username],
    queryFn: ({ signal }) =>
      askTagged(api.GET("/api/users/{username}/matrix", { params: { path: { username: slot.data?.body.username ?? "" } }, signal })),
    enabled: !!slot.data,
  });
  if (!slot.data || !ticks.data) {
    const failed = slot.error ?? ticks.error;
    return (
      <Dialog title={t.matrix.slot("")} onClose={p.onClose}>
        {failed ? <Failed error={failed} retry={() => void slot.refetch()} /> : <Loading />}
      </Dialog>
    );
  }
  const numbers = Object.keys(ticks.data.body).filter((n) => ticks.data.body[n]?.includes(p.id));
  return <Loaded {...p} server={slot.data} numbers={numbers} />;
}

function Loaded(p: { server: Tagged<Slot>; numbers: string[]; manage: boolean; onClose: () => void }) {
  const t = useTextOf(matrixRoom);
  const say = useProblemText();
  const client = useQueryClient();
  const confirm = useConfirm();
  const slot = p.server.body;
  const params = { path: { id: slot.id } };
  const draft = useDraft<Settings>({
    server: settings(p.server),
    send: async (change, tag) =>
      settings(await askTagged(api.PATCH("/api/slots/{id}", { params: { ...params, header: ifMatch(tag) }, body: change }))),
    onSaved: () => {
      void client.invalidateQueries({ queryKey: ["config"] });
      p.onClose();
    },
  });
  const remove = useMutation({
    mutationFn: () => ask(api.DELETE("/api/slots/{id}", { params: { ...params, header: ifMatch(p.server.tag) } })),
    onSuccess: () => {
      p.onClose();
      void client.invalidateQueries({ queryKey: ["config"] });
    },
    onError: (err) => notifications.show({ message: say(err), color: "red" }),
  });
  const v = draft.value;
  return (
    <Dialog title={t.matrix.slot(slot.name)} onClose={p.onClose} dirty={draft.dirty}>
      <Stack gap="md">
        <TextInput
          label={t.matrix.slotName}
          description={t.common.types[slot.type]}
          value={v.name}
          maxLength={128}
          onChange={(e) => draft.set("name", e.currentTarget.value)}
          error={draft.error("name")}
        />
        {slot.type === "mobile" && (
          <TextInput
            label={t.matrix.mobileNumber}
            description={t.matrix.mobileNumberHint}
            value={v.mobile_number}
            inputMode="tel"
            readOnly={!p.manage}
            onChange={(e) => draft.set("mobile_number", e.currentTarget.value)}
            onBlur={() => draft.set("mobile_number", tidyNumber(v.mobile_number ?? ""))}
            error={draft.error("mobile_number")}
          />
        )}
        <Select
          label={t.matrix.defaultNumber}
          description={t.matrix.defaultNumberHint}
          data={[{ value: "", label: t.matrix.defaultFirst(p.numbers[0] ?? "") }, ...p.numbers.map((n) => ({ value: n, label: n }))]}
          value={v.default_number}
          allowDeselect={false}
          onChange={(x) => draft.set("default_number", x ?? "")}
          error={draft.error("default_number")}
        />
        <Checkbox
          label={t.matrix.dnd}
          description={t.matrix.dndHint}
          checked={v.dnd}
          onChange={(e) => draft.set("dnd", e.currentTarget.checked)}
          error={draft.error("dnd")}
        />
        {slot.sip && <Credentials server={p.server} manage={p.manage} />}
        {slot.type !== "mobile" && <Devices id={slot.id} />}
      </Stack>
      <DialogFoot
        draft={draft}
        left={
          p.manage && (
            <Button
              variant="subtle"
              color="red"
              leftSection={<IconTrash size={16} aria-hidden />}
              onClick={() =>
                confirm({
                  title: t.matrix.removeSlotSure(slot.name),
                  text: t.matrix.removeSlotHint,
                  onConfirm: () => remove.mutate(),
                })
              }
            >
              {t.matrix.removeSlot}
            </Button>
          )
        }
      />
    </Dialog>
  );
}

function Credentials({ server, manage }: { server: Tagged<Slot>; manage: boolean }) {
  const t = useTextOf(matrixRoom);
  const client = useQueryClient();
  const confirm = useConfirm();
  const [made, setMade] = useState<Schemas["SIPAccount"]>();
  const renew = useMutation({
    mutationFn: () => ask(api.POST("/api/slots/{id}/secret", { params: { path: { id: server.body.id } } })),
    onSuccess: (slot) => {
      setMade(slot.sip);
      show.reset();
      void client.invalidateQueries({ queryKey: ["config", "slots"] });
    },
  });
  const show = useMutation({
    mutationFn: () => ask(api.GET("/api/slots/{id}/credentials", { params: { path: { id: server.body.id } } })),
  });
  const account = made ?? show.data ?? server.body.sip;
  if (!account) return null;
  return (
    <Stack gap="xs">
      <Divider />
      <Group justify="space-between">
        <Title order={3} fz="sm">
          {t.matrix.account}
        </Title>
        <Group gap={4}>
          {!account.password && (
            <Button
              size="compact-xs"
              variant="subtle"
              leftSection={<IconEye size={14} aria-hidden />}
              title={t.matrix.showSecretHint}
              loading={show.isPending}
              onClick={() => show.mutate()}
            >
              {t.matrix.showSecret}
            </Button>
          )}
          {manage && (
            <Button
              size="compact-xs"
              variant="subtle"
              leftSection={<IconKey size={14} aria-hidden />}
              loading={renew.isPending}
              onClick={() =>
                confirm({
                  title: t.matrix.newSecretSure,
                  text: t.matrix.newSecretHint,
                  action: t.matrix.newSecret,
                  onConfirm: () => renew.mutate(),
                })
              }
            >
              {t.matrix.newSecret}
            </Button>
          )}
        </Group>
      </Group>
      {renew.isError && <Failed error={renew.error} />}
      {show.isError && <Failed error={show.error} />}
      {made && <Alert color="teal">{t.matrix.accountMade}</Alert>}
      <Account account={account} />
      {show.data && !made && (
        <Suspense>
          <QR text={show.data.uri} label={t.matrix.qr} />
        </Suspense>
      )}
    </Stack>
  );
}

function Devices({ id }: { id: string }) {
  const t = useTextOf(matrixRoom);
  const format = useFormat();
  const bindings = useQuery({
    queryKey: ["live", "bindings", id],
    queryFn: ({ signal }) => ask(api.GET("/api/slots/{id}/bindings", { params: { path: { id } }, signal })),
  });
  return (
    <Stack gap="xs">
      <Divider />
      <Title order={3} fz="sm">
        {t.matrix.devices}
      </Title>
      {bindings.isError && <Failed error={bindings.error} />}
      {bindings.data?.items.length === 0 && (
        <Text size="sm" c="dimmed">
          {t.matrix.noDevices}
        </Text>
      )}
      {bindings.data?.items.map((b) => (
        <Stack key={b.contact} gap={0}>
          <Text size="sm" fw={500}>
            {b.user_agent || b.contact}
          </Text>
          <Text size="xs" c="dimmed" className="kf-tabular">
            {t.matrix.address} {b.received} ({b.transport.toUpperCase()}), {t.matrix.until} {format.moment(b.expires)}
          </Text>
        </Stack>
      ))}
    </Stack>
  );
}
