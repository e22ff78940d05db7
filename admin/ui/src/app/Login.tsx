import { Alert, Button, Center, Group, Image, Paper, PasswordInput, Stack, TextInput, Title } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, ask } from "../api/client";
import { Problem } from "../api/problem";
import { useText } from "../i18n";
import { useProblemText } from "../parts/problems";
import { LanguageSwitch, SchemeSwitch } from "./Switches";
import type { Session } from "./session";

export function LoginPage({ onEntered }: { onEntered: (s: Session) => void }) {
  const t = useText();
  return (
    <Center mih="100vh" p="md">
      <Paper component="main" p="xl" w={380} shadow="sm">
        <Stack>
          <Group justify="space-between">
            <Group gap="sm">
              <Image src="/icon.svg" alt="" w={34} h={34} />
              <Title order={1}>{t.common.product}</Title>
            </Group>
            <Group gap={2}>
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

/** Asks for user name and password; with a user name given, for the password of that user. */
export function LoginForm({ username, onEntered }: { username?: string; onEntered: (s: Session) => void }) {
  const t = useText();
  const say = useProblemText();
  const [name, setName] = useState(username ?? "");
  const [password, setPassword] = useState("");
  const login = useMutation({
    mutationFn: () => ask(api.POST("/api/session", { body: { username: name.trim(), password } })),
    onSuccess: onEntered,
  });
  const submit = (e: FormEvent) => {
    e.preventDefault();
    login.mutate();
  };
  const message = () => {
    const err = login.error;
    if (err instanceof Problem && err.is("credentials")) return t.login.wrong;
    return say(err);
  };
  return (
    <form onSubmit={submit}>
      <Stack>
        {login.isError && (
          <Alert color="red" role="alert">
            {message()}
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
      </Stack>
    </form>
  );
}
