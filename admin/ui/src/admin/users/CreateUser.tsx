import { Button, Group, PasswordInput, Select, SimpleGrid, Stack, Text, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useLocation } from "wouter";
import { api, ask } from "../../api/client";
import { Problem } from "../../api/problem";
import { useTextOf } from "../../i18n/room";
import { parametersRoom } from "../../i18n/rooms/parameters";
import { personRoom } from "../../i18n/rooms/person";
import { Dialog } from "../../parts/matrix/Dialog";
import { useProblemText } from "../../parts/problems";
import { Failed } from "../../parts/States";
import { randomSecret } from "./secret";
import { usernameOf } from "./username";

/** Makes a user and goes to the page where numbers and slots follow. */
export function CreateUser({ onClose }: { onClose: () => void }) {
  const t = useTextOf(parametersRoom, personRoom);
  const say = useProblemText();
  const client = useQueryClient();
  const [, navigate] = useLocation();
  const [first, setFirst] = useState("");
  const [last, setLast] = useState("");
  const [chosen, setChosen] = useState<string>();
  const [email, setEmail] = useState("");
  const [language, setLanguage] = useState<"de" | "en" | "">("");
  const [password, setPassword] = useState("");
  const username = chosen ?? usernameOf(first, last);
  const create = useMutation({
    mutationFn: () =>
      ask(
        api.POST("/api/users", {
          body: {
            username,
            first_name: first.trim(),
            last_name: last.trim(),
            email: email.trim(),
            ...(language ? { language } : {}),
            ...(password ? { password, must_change_password: true } : {}),
          },
        }),
      ),
    onSuccess: (user) => {
      onClose();
      navigate(`/users/${encodeURIComponent(user.username)}`);
      void client.invalidateQueries({ queryKey: ["config"] });
    },
  });
  const fields = create.error instanceof Problem ? create.error.fields : {};
  const typed = first + last + email + password + (chosen ?? "") !== "";
  return (
    <Dialog title={t.person.create} onClose={onClose} dirty={typed && !create.isSuccess}>
      <form
        onSubmit={(e: FormEvent) => {
          e.preventDefault();
          create.mutate();
        }}
      >
        <Stack>
          <Text size="sm" c="dimmed">
            {t.person.createHint}
          </Text>
          <SimpleGrid cols={{ base: 1, xs: 2 }}>
            <TextInput
              data-autofocus
              label={t.person.firstName}
              autoComplete="off"
              value={first}
              onChange={(e) => setFirst(e.currentTarget.value)}
              error={say(fields.first_name)}
            />
            <TextInput
              label={t.person.lastName}
              autoComplete="off"
              value={last}
              onChange={(e) => setLast(e.currentTarget.value)}
              error={say(fields.last_name)}
            />
          </SimpleGrid>
          <TextInput
            label={t.person.username}
            description={t.person.usernameHint}
            required
            autoComplete="off"
            value={username}
            onChange={(e) => setChosen(e.currentTarget.value)}
            error={say(fields.username)}
          />
          <SimpleGrid cols={{ base: 1, xs: 2 }}>
            <TextInput
              label={t.person.email}
              type="email"
              autoComplete="off"
              value={email}
              onChange={(e) => setEmail(e.currentTarget.value)}
              error={say(fields.email)}
            />
            <Select
              label={t.person.language}
              data={[
                { value: "", label: t.parameters.asGiven },
                ...(["de", "en"] as const).map((l) => ({ value: l, label: t.person.languages[l] })),
              ]}
              value={language}
              allowDeselect={false}
              onChange={(x) => setLanguage(x === "en" || x === "de" ? x : "")}
            />
          </SimpleGrid>
          <Group align="flex-end" wrap="nowrap">
            <PasswordInput
              style={{ flex: 1 }}
              label={t.person.firstPassword}
              description={t.person.firstPasswordHint}
              autoComplete="new-password"
              value={password}
              onChange={(e) => setPassword(e.currentTarget.value)}
              error={say(fields.password)}
            />
            <Button variant="default" onClick={() => setPassword(randomSecret(16))}>
              {t.person.suggest}
            </Button>
          </Group>
          {create.isError && !["username", "first_name", "last_name", "email", "password"].some((f) => fields[f]) && (
            <Failed error={create.error} />
          )}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {t.common.cancel}
            </Button>
            <Button type="submit" loading={create.isPending} disabled={!username}>
              {t.common.create}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}
