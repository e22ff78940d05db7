import { Alert, Anchor, Button, Center, Divider, Group, Image, Paper, PasswordInput, Stack, Text, TextInput, Title } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, ask } from "../api/client";
import { Problem } from "../api/problem";
import { useText } from "../i18n";
import { IconKey } from "../parts/icons";
import { useProblemText } from "../parts/problems";
import { knowsPasskeys, showPasskey, wasDeclined } from "./passkey";
import { SecondFactor } from "./SecondFactor";
import { LanguageSwitch, SchemeSwitch } from "./Switches";
import type { Session } from "./session";

export function LoginPage({ onEntered }: { onEntered: (s: Session) => void }) {
  const t = useText();
  return (
    <Center mih="100vh" p="md">
      <Paper component="main" p="xl" w="100%" maw={400} shadow="sm">
        <Stack>
          <Group justify="space-between" wrap="nowrap">
            <Group gap="sm" wrap="nowrap">
              <Image src="/icon.svg" alt="" w={34} h={34} />
              <Title order={1}>{t.common.product}</Title>
            </Group>
            <Group gap={2} wrap="nowrap">
              <LanguageSwitch />
              <SchemeSwitch />
            </Group>
          </Group>
          <LoginForm onEntered={onEntered} />
        </Stack>
      </Paper>
    </Center>
  );
}

/** What stands in the address when a login elsewhere has failed. */
function failedElsewhere(): string | undefined {
  return new URLSearchParams(location.search).get("login_error") ?? undefined;
}

/** Asks who it is: user name and password and what comes after, a passkey, or another place; with a user name given, for that user. */
export function LoginForm({ username, onEntered }: { username?: string; onEntered: (s: Session) => void }) {
  const t = useText();
  const say = useProblemText();
  const [name, setName] = useState(username ?? "");
  const [password, setPassword] = useState("");
  const ways = useQuery({ queryKey: ["login"], queryFn: () => ask(api.GET("/api/login")), staleTime: Number.POSITIVE_INFINITY });
  const login = useMutation({
    mutationFn: () => ask(api.POST("/api/session", { body: { username: name.trim(), password } })),
    onSuccess: onEntered,
  });
  const passkey = useMutation({
    mutationFn: async () => {
      const q = await ask(api.POST("/api/session/passkey/options", { body: {} }));
      const credential = await showPasskey(q.publicKey);
      return ask(api.POST("/api/session/passkey", { body: { question: q.id, credential } }));
    },
    onSuccess: onEntered,
  });
  const needs = login.error instanceof Problem && login.error.is("second-factor") ? login.error.document : undefined;
  if (needs) {
    return (
      <SecondFactor
        ticket={String(needs.ticket ?? "")}
        factors={Array.isArray(needs.factors) ? needs.factors.map(String) : []}
        onEntered={onEntered}
        onBack={() => {
          setPassword("");
          login.reset();
        }}
      />
    );
  }
  const submit = (e: FormEvent) => {
    e.preventDefault();
    passkey.reset();
    login.mutate();
  };
  const message = () => {
    if (login.isError) return login.error instanceof Problem && login.error.is("credentials") ? t.login.wrong : say(login.error);
    if (passkey.error instanceof Problem && passkey.error.is("second-factor-wrong")) return t.login.passkeyWrong;
    if (passkey.isError && !wasDeclined(passkey.error)) return say(passkey.error);
    const code = login.isIdle && passkey.isIdle ? failedElsewhere() : undefined;
    return code ? (t.login.elsewhere[code as keyof typeof t.login.elsewhere] ?? t.login.elsewhere.denied) : undefined;
  };
  const text = message();
  const offered = ways.data?.oidc ?? [];
  const canPasskey = ways.data?.passkey && knowsPasskeys();
  return (
    <form onSubmit={submit}>
      <Stack>
        {text && (
          <Alert color="red" role="alert">
            {text}
          </Alert>
        )}
        <TextInput
          label={t.login.username}
          autoComplete="username"
          autoFocus={!username}
          required
          value={name}
          onChange={(e) => setName(e.currentTarget.value)}
        />
        <PasswordInput
          label={t.login.password}
          autoComplete="current-password"
          autoFocus={!!username}
          required
          value={password}
          onChange={(e) => setPassword(e.currentTarget.value)}
        />
        <Button type="submit" loading={login.isPending} fullWidth>
          {t.login.submit}
        </Button>
        {(canPasskey || offered.length > 0) && <Divider label={t.login.or} />}
        {canPasskey && (
          <Button
            variant="default"
            leftSection={<IconKey size={16} aria-hidden />}
            loading={passkey.isPending}
            onClick={() => passkey.mutate()}
          >
            {t.login.withPasskey}
          </Button>
        )}
        {offered.map((w) => (
          <Button key={w.name} variant="default" component="a" href={`${w.start}?to=${encodeURIComponent(location.pathname)}`}>
            {t.login.with(w.title || w.name)}
          </Button>
        ))}
        {ways.data && !ways.data.https && (
          <Text size="xs" c="dimmed">
            {t.login.plain}{" "}
            <Anchor size="xs" href={`https://${location.host}${location.pathname}`}>
              https://{location.host}
            </Anchor>
          </Text>
        )}
      </Stack>
    </form>
  );
}
