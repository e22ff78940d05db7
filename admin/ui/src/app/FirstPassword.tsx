import { Alert, Button, Center, Paper, PasswordInput, Stack, Text, Title } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, ask } from "../api/client";
import { Problem } from "../api/problem";
import { useText } from "../i18n";
import { useProblemText } from "../parts/problems";
import type { Session } from "./session";

/** The first password has to be changed before anything else. */
export function FirstPassword({ session, onChanged }: { session: Session; onChanged: (s: Session) => void }) {
  const t = useText();
  return (
    <Center mih="100vh" p="md">
      <Paper component="main" p="xl" w={400} shadow="sm">
        <Stack>
          <Title order={1}>{t.login.change}</Title>
          <Text size="sm">{t.login.mustChange}</Text>
          <PasswordForm username={session.username} onChanged={onChanged} />
        </Stack>
      </Paper>
    </Center>
  );
}

/** Changes one's own password. */
export function PasswordForm({ username, onChanged }: { username: string; onChanged: (s: Session) => void }) {
  const t = useText();
  const say = useProblemText();
  const [old, setOld] = useState("");
  const [fresh, setFresh] = useState("");
  const [again, setAgain] = useState("");
  const change = useMutation({
    mutationFn: () =>
      ask(api.PUT("/api/users/{username}/password", { params: { path: { username } }, body: { password: fresh, old_password: old } })),
    onSuccess: (d) => d.session && onChanged(d.session),
  });
  const fields = change.error instanceof Problem ? change.error.fields : {};
  const submit = (e: FormEvent) => {
    e.preventDefault();
    if (fresh === again) change.mutate();
  };
  return (
    <form onSubmit={submit}>
      <Stack>
        {change.isError && !fields.password && !fields.old_password && (
          <Alert color="red" role="alert">
            {say(change.error)}
          </Alert>
        )}
        <input type="hidden" autoComplete="username" value={username} readOnly />
        <PasswordInput
          label={t.login.oldPassword}
          autoComplete="current-password"
          required
          value={old}
          onChange={(e) => setOld(e.currentTarget.value)}
          error={say(fields.old_password)}
        />
        <PasswordInput
          label={t.login.newPassword}
          autoComplete="new-password"
          required
          value={fresh}
          onChange={(e) => setFresh(e.currentTarget.value)}
          error={say(fields.password)}
        />
        <PasswordInput
          label={t.login.repeat}
          autoComplete="new-password"
          required
          value={again}
          onChange={(e) => setAgain(e.currentTarget.value)}
          error={again && fresh !== again ? t.login.differ : undefined}
        />
        <Button type="submit" loading={change.isPending} disabled={fresh !== again}>
          {t.login.change}
        </Button>
      </Stack>
    </form>
  );
}
