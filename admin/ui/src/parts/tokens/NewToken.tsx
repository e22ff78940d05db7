import { ActionIcon, Alert, Button, Code, CopyButton, Group, Radio, Select, Stack, Text, TextInput, Tooltip } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, ask } from "../../api/client";
import { Problem } from "../../api/problem";
import { useText } from "../../i18n";
import { useTextOf } from "../../i18n/room";
import { tokensRoom } from "../../i18n/rooms/tokens";
import { IconCheck, IconCopy } from "../icons";
import { localInput } from "../localtime";
import { Dialog } from "../matrix/Dialog";
import { useProblemText } from "../problems";
import { Failed } from "../States";
import { expiry, type Span, spans } from "./expiry";

/** Makes a token, and shows it once. */
export function NewToken(p: { username: string; onMade: () => void; onClose: () => void }) {
  const t = useTextOf(tokensRoom);
  const say = useProblemText();
  const [name, setName] = useState("");
  const [scope, setScope] = useState("read");
  const [span, setSpan] = useState<Span>("365");
  const [day, setDay] = useState("");
  const make = useMutation({
    mutationFn: () =>
      ask(
        api.POST("/api/users/{username}/tokens", {
          params: { path: { username: p.username } },
          body: {
            name: name.trim(),
            scopes: scope === "write" ? ["read", "write"] : ["read"],
            expires: expiry(span, day, new Date()),
          },
        }),
      ),
    onSuccess: p.onMade,
  });
  if (make.data) return <Shown name={make.data.name} token={make.data.token} onClose={p.onClose} />;
  const fields = make.error instanceof Problem ? make.error.fields : {};
  const placed = !!(fields.name || fields.expires);
  const submit = (e: FormEvent) => {
    e.preventDefault();
    make.mutate();
  };
  return (
    <Dialog title={t.tokens.add} onClose={p.onClose} size="md">
      <form onSubmit={submit}>
        <Stack>
          <TextInput
            data-autofocus
            required
            label={t.tokens.name}
            description={t.tokens.nameHint}
            placeholder={t.tokens.namePlaceholder}
            maxLength={128}
            value={name}
            onChange={(e) => setName(e.currentTarget.value)}
            error={say(fields.name)}
          />
          <Radio.Group label={t.tokens.scope} value={scope} onChange={setScope}>
            <Stack gap="xs" mt={4}>
              <Radio value="read" label={t.tokens.scopes.read} />
              <Radio value="write" label={t.tokens.scopes.write} />
            </Stack>
          </Radio.Group>
          <Group align="flex-start" grow>
            <Select
              label={t.tokens.lasts}
              data={spans.map((s) => ({ value: s, label: t.tokens.spans[s] }))}
              value={span}
              allowDeselect={false}
              onChange={(v) => v && setSpan(v as Span)}
              error={span === "day" ? undefined : say(fields.expires)}
            />
            {span === "day" && (
              <TextInput
                type="date"
                label={t.tokens.until}
                required
                min={localInput(new Date().toISOString()).slice(0, 10)}
                value={day}
                onChange={(e) => setDay(e.currentTarget.value)}
                error={say(fields.expires)}
              />
            )}
          </Group>
          {make.isError && !placed && <Failed error={make.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={p.onClose}>
              {t.common.cancel}
            </Button>
            <Button type="submit" loading={make.isPending} disabled={!name.trim() || (span === "day" && !day)}>
              {t.tokens.add}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}

/** The token, for the only time. Closing it by accident would lose it, so only its button does. */
function Shown(p: { name: string; token: string; onClose: () => void }) {
  const t = useTextOf(tokensRoom);
  const example = `curl -H "Authorization: Bearer ${p.token}" ${location.origin}/api/session`;
  return (
    <Dialog title={t.tokens.made(p.name)} onClose={p.onClose} size="lg" firm>
      <Stack>
        <Alert color="yellow">{t.tokens.once}</Alert>
        <Copied text={p.token} label={t.tokens.made(p.name)} />
        <Text size="sm">{t.tokens.useIt}</Text>
        <Copied text={example} label={t.tokens.useIt} />
        <Group justify="flex-end">
          <Button onClick={p.onClose}>{t.tokens.noted}</Button>
        </Group>
      </Stack>
    </Dialog>
  );
}

function Copied(p: { text: string; label: string }) {
  const t = useText();
  return (
    <Group wrap="nowrap" gap="xs" align="flex-start">
      <Code block style={{ flex: 1, overflowWrap: "anywhere", whiteSpace: "pre-wrap" }}>
        {p.text}
      </Code>
      <CopyButton value={p.text}>
        {({ copied, copy }) => (
          <Tooltip label={copied ? t.common.copied : t.common.copy}>
            <ActionIcon onClick={copy} aria-label={`${t.common.copy}: ${p.label}`}>
              {copied ? <IconCheck size={16} /> : <IconCopy size={16} />}
            </ActionIcon>
          </Tooltip>
        )}
      </CopyButton>
    </Group>
  );
}
