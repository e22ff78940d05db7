import { Alert, Badge, Button, Code, CopyButton, Group, Modal, Stack, Table, Text, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, ask } from "../../api/client";
import { knowsPasskeys, makePasskey, wasDeclined } from "../../app/passkey";
import { useSession } from "../../app/session";
import { useFormat } from "../../i18n/format";
import { useTextOf } from "../../i18n/room";
import { meRoom } from "../../i18n/rooms/me";
import { useConfirm } from "../../parts/confirm";
import { useProblemText } from "../../parts/problems";
import QR from "../../parts/QR";
import { Failed, Loading } from "../../parts/States";

/** The second factor: an app that shows codes, passkeys, and recovery codes for when neither is at hand. */
export function Factors() {
  const t = useTextOf(meRoom);
  const f = useFormat();
  const confirm = useConfirm();
  const client = useQueryClient();
  const { username } = useSession();
  const path = { username };
  const [codes, setCodes] = useState<string[]>();
  const [setting, setSetting] = useState(false);
  const again = () => client.invalidateQueries({ queryKey: ["factors"] });
  const factors = useQuery({
    queryKey: ["factors", username],
    queryFn: ({ signal }) => ask(api.GET("/api/users/{username}/factors", { params: { path }, signal })),
  });
  const ways = useQuery({ queryKey: ["login"], queryFn: () => ask(api.GET("/api/login")), staleTime: Number.POSITIVE_INFINITY });
  const removeTOTP = useMutation({
    mutationFn: () => ask(api.DELETE("/api/users/{username}/factors/totp", { params: { path } })),
    onSuccess: again,
  });
  const removePasskey = useMutation({
    mutationFn: (id: string) => ask(api.DELETE("/api/users/{username}/factors/passkeys/{id}", { params: { path: { username, id } } })),
    onSuccess: again,
  });
  const recover = useMutation({
    mutationFn: () => ask(api.POST("/api/users/{username}/factors/recovery", { params: { path } })),
    onSuccess: (r) => {
      setCodes(r.recovery_codes ?? []);
      void again();
    },
  });
  if (factors.isError) return <Failed error={factors.error} retry={() => void factors.refetch()} />;
  if (!factors.data) return <Loading />;
  const { totp, passkeys, recovery_left } = factors.data;
  const failed = removeTOTP.error ?? removePasskey.error ?? recover.error;
  const used = (when?: string) => (when ? t.me.used(f.ago(when)) : t.me.neverUsed);
  return (
    <Stack>
      {failed && <Failed error={failed} />}
      <Group justify="space-between">
        <Stack gap={0}>
          <Group gap="xs">
            <Text fw={600} size="sm">
              {t.me.totp}
            </Text>
            <Badge variant="light" tt="none" color={totp ? "teal" : "gray"}>
              {totp ? t.me.totpOn : t.me.totpOff}
            </Badge>
          </Group>
          {totp && (
            <Text size="xs" c="dimmed">
              {used(totp.used)}
            </Text>
          )}
        </Stack>
        {totp ? (
          <Button
            size="xs"
            variant="light"
            color="red"
            onClick={() => confirm({ title: t.me.totp, text: t.common.sure, onConfirm: () => removeTOTP.mutate() })}
          >
            {t.common.remove}
          </Button>
        ) : (
          <Button size="xs" onClick={() => setSetting(true)}>
            {t.me.totpSet}
          </Button>
        )}
      </Group>
      <Stack gap={4}>
        <Text fw={600} size="sm">
          {t.me.passkeys}
        </Text>
        <Text size="sm" c="dimmed">
          {t.me.passkeysHint}
        </Text>
        <Table>
          <Table.Tbody>
            {passkeys?.map((k) => (
              <Table.Tr key={k.id}>
                <Table.Td>
                  <Text size="sm">{k.name || k.site}</Text>
                  <Text size="xs" c="dimmed">
                    {used(k.used)}
                  </Text>
                </Table.Td>
                <Table.Td ta="right">
                  <Button
                    size="compact-sm"
                    variant="light"
                    color="red"
                    aria-label={`${t.common.remove}: ${k.name || k.site}`}
                    onClick={() =>
                      confirm({ title: k.name || t.me.passkeys, text: t.common.sure, onConfirm: () => removePasskey.mutate(k.id) })
                    }
                  >
                    {t.common.remove}
                  </Button>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
        {ways.data?.passkey && knowsPasskeys() ? (
          <AddPasskey
            onMade={(c) => {
              if (c) setCodes(c);
              void again();
            }}
          />
        ) : (
          <Text size="sm">{t.me.passkeyNot}</Text>
        )}
      </Stack>
      {(totp || (passkeys?.length ?? 0) > 0) && (
        <Group justify="space-between">
          <Stack gap={0}>
            <Text fw={600} size="sm">
              {t.me.recovery}
            </Text>
            <Text size="xs" c="dimmed">
              {t.me.recoveryLeft(recovery_left)}
            </Text>
          </Stack>
          <Button size="xs" variant="light" loading={recover.isPending} onClick={() => recover.mutate()}>
            {t.me.recoveryNew}
          </Button>
        </Group>
      )}
      <Modal opened={setting} onClose={() => setSetting(false)} title={t.me.totp}>
        {setting && (
          <SetTOTP
            onDone={(c) => {
              setSetting(false);
              setCodes(c);
              void again();
            }}
          />
        )}
      </Modal>
      <Modal opened={!!codes?.length} onClose={() => setCodes(undefined)} title={t.me.recovery} closeOnClickOutside={false}>
        <Stack>
          <Alert color="yellow">{t.me.recoveryHint}</Alert>
          <Code block>{codes?.join("\n")}</Code>
          <CopyButton value={codes?.join("\n") ?? ""}>
            {({ copied, copy }) => (
              <Button variant="light" onClick={copy}>
                {copied ? t.common.copied : t.common.copy}
              </Button>
            )}
          </CopyButton>
        </Stack>
      </Modal>
    </Stack>
  );
}

function SetTOTP({ onDone }: { onDone: (codes: string[]) => void }) {
  const t = useTextOf(meRoom);
  const say = useProblemText();
  const { username } = useSession();
  const path = { username };
  const [code, setCode] = useState("");
  const made = useQuery({
    queryKey: ["factors", username, "new"],
    queryFn: () => ask(api.POST("/api/users/{username}/factors/totp", { params: { path } })),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
    refetchOnWindowFocus: false,
  });
  const confirm = useMutation({
    mutationFn: () => ask(api.PUT("/api/users/{username}/factors/totp", { params: { path }, body: { code: code.replace(/\s/g, "") } })),
    onSuccess: (r) => onDone(r.recovery_codes ?? []),
  });
  if (made.isError) return <Failed error={made.error} />;
  if (!made.data) return <Loading />;
  const submit = (e: FormEvent) => {
    e.preventDefault();
    confirm.mutate();
  };
  return (
    <form onSubmit={submit}>
      <Stack align="center">
        <Text size="sm">{t.me.totpScan}</Text>
        <QR text={made.data.uri} label={t.me.totp} />
        <Text size="sm">
          {t.me.totpKey}: <Code>{made.data.secret}</Code>
        </Text>
        <Group align="flex-start">
          <TextInput
            aria-label={t.me.totpCode}
            placeholder={t.me.totpCode}
            inputMode="numeric"
            autoComplete="one-time-code"
            required
            value={code}
            onChange={(e) => setCode(e.currentTarget.value)}
            error={confirm.isError ? say(confirm.error) : undefined}
          />
          <Button type="submit" loading={confirm.isPending}>
            {t.me.totpConfirm}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function AddPasskey({ onMade }: { onMade: (codes: string[] | undefined) => void }) {
  const t = useTextOf(meRoom);
  const say = useProblemText();
  const { username } = useSession();
  const path = { username };
  const [name, setName] = useState("");
  const add = useMutation({
    mutationFn: async () => {
      const q = await ask(api.POST("/api/users/{username}/factors/passkeys/options", { params: { path } }));
      const credential = await makePasskey(q.publicKey);
      return ask(api.POST("/api/users/{username}/factors/passkeys", { params: { path }, body: { name, question: q.id, credential } }));
    },
    onSuccess: (k) => {
      setName("");
      onMade(k.recovery_codes ?? undefined);
    },
  });
  const submit = (e: FormEvent) => {
    e.preventDefault();
    add.mutate();
  };
  return (
    <form onSubmit={submit}>
      <Group align="flex-start" gap="xs">
        <TextInput
          size="xs"
          aria-label={t.me.passkeyName}
          placeholder={t.me.passkeyName}
          maxLength={128}
          value={name}
          onChange={(e) => setName(e.currentTarget.value)}
          error={add.isError && !wasDeclined(add.error) ? say(add.error) : undefined}
        />
        <Button size="xs" type="submit" variant="light" loading={add.isPending}>
          {t.me.passkeyAdd}
        </Button>
      </Group>
    </form>
  );
}
