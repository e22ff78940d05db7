import { Alert, Anchor, Button, Stack, Text, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, ask } from "../api/client";
import { Problem } from "../api/problem";
import { useText } from "../i18n";
import { IconKey } from "../parts/icons";
import { useProblemText } from "../parts/problems";
import { knowsPasskeys, showPasskey, wasDeclined } from "./passkey";
import type { Session } from "./session";

/** The second question of a login: a code of an app, a passkey, or a recovery code. */
export function SecondFactor(p: { ticket: string; factors: string[]; onEntered: (s: Session) => void; onBack: () => void }) {
  const t = useText();
  const say = useProblemText();
  const [recovering, setRecovering] = useState(!p.factors.includes("totp") && !p.factors.includes("passkey"));
  const [code, setCode] = useState("");
  const send = useMutation({
    mutationFn: (body: { totp?: string; recovery?: string; passkey?: unknown; question?: string }) =>
      ask(api.POST("/api/session/second", { body: { ticket: p.ticket, ...body } })),
    onSuccess: p.onEntered,
  });
  const passkey = useMutation({
    mutationFn: async () => {
      const q = await ask(api.POST("/api/session/passkey/options", { body: { ticket: p.ticket } }));
      send.mutate({ passkey: await showPasskey(q.publicKey), question: q.id });
    },
  });
  const error = send.error ?? (wasDeclined(passkey.error) ? undefined : passkey.error);
  const wrong = error instanceof Problem && error.is("second-factor-wrong");
  const expired = error instanceof Problem && error.status === 401 && !wrong;
  const submit = (e: FormEvent) => {
    e.preventDefault();
    const digits = code.replace(/\s/g, "");
    send.mutate(recovering ? { recovery: code.trim() } : { totp: digits });
  };
  const typed = recovering || p.factors.includes("totp");
  return (
    <form onSubmit={submit}>
      <Stack>
        <Text size="sm">{recovering ? t.login.recoveryHint : p.factors.includes("totp") ? t.login.codeHint : t.login.passkeyHint}</Text>
        {error && (
          <Alert color="red" role="alert">
            {wrong ? t.login.codeWrong : expired ? t.login.ticketOver : say(error)}
          </Alert>
        )}
        {typed && (
          <TextInput
            label={recovering ? t.login.recovery : t.login.code}
            autoComplete="one-time-code"
            inputMode={recovering ? "text" : "numeric"}
            autoFocus
            required
            value={code}
            onChange={(e) => setCode(e.currentTarget.value)}
          />
        )}
        {typed && (
          <Button type="submit" loading={send.isPending}>
            {t.login.submit}
          </Button>
        )}
        {!recovering && p.factors.includes("passkey") && knowsPasskeys() && (
          <Button
            variant={typed ? "default" : "filled"}
            leftSection={<IconKey size={16} aria-hidden />}
            loading={passkey.isPending}
            onClick={() => passkey.mutate()}
          >
            {t.login.showPasskey}
          </Button>
        )}
        {p.factors.includes("recovery") && (
          <Anchor
            component="button"
            type="button"
            size="sm"
            onClick={() => {
              setRecovering(!recovering);
              setCode("");
              send.reset();
            }}
          >
            {recovering ? t.login.noRecovery : t.login.useRecovery}
          </Anchor>
        )}
        <Anchor component="button" type="button" size="sm" onClick={p.onBack}>
          {t.common.back}
        </Anchor>
      </Stack>
    </form>
  );
}
