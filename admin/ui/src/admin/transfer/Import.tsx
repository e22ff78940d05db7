import { Alert, Button, Checkbox, FileButton, Group, Paper, PasswordInput, Radio, Stack, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type DragEvent, useState } from "react";
import { api, ask, type Schemas } from "../../api/client";
import { useFormat } from "../../i18n/format";
import { useTextOf } from "../../i18n/room";
import { transferRoom } from "../../i18n/rooms/transfer";
import { useConfirm } from "../../parts/confirm";
import { IconUpload } from "../../parts/icons";
import { Failed } from "../../parts/States";
import { inHeader } from "./passphrase";
import { Result } from "./Result";

type Mode = "merge" | "replace";

// The server takes no more than this; telling it here spares the way.
const mostBytes = 64 << 20;

/** A file from another server: first what would happen, object by object, then in one go or not at all. */
export function Import() {
  const t = useTextOf(transferRoom);
  const f = useFormat();
  const confirm = useConfirm();
  const client = useQueryClient();
  const [file, setFile] = useState<File | null>(null);
  const [over, setOver] = useState(false);
  const [mode, setMode] = useState<Mode>("merge");
  const [passphrase, setPassphrase] = useState("");
  const [skip, setSkip] = useState(false);
  const send = (preview: boolean) =>
    ask(
      api.POST("/api/imports", {
        params: {
          query: { mode, preview, skip_conflicts: !preview && skip },
          header: passphrase ? { "Koppelfeld-Passphrase": inHeader(passphrase) } : {},
        },
        body: file as never,
        bodySerializer: (b) => b,
        headers: { "Content-Type": "application/zip" },
      }),
    );
  const preview = useMutation({ mutationFn: () => send(true), onSuccess: () => setSkip(false) });
  const apply = useMutation({
    mutationFn: () => send(false),
    onSuccess: (r) => {
      if (!r.applied) return;
      notifications.show({ message: t.transfer.applied, color: "teal" });
      void client.invalidateQueries({ queryKey: ["config"] });
      void client.invalidateQueries({ queryKey: ["live"] });
    },
  });
  const again = () => {
    preview.reset();
    apply.reset();
    setSkip(false);
  };
  const take = (chosen: File | null | undefined) => {
    if (!chosen) return;
    setFile(chosen);
    again();
  };
  const tooBig = (file?.size ?? 0) > mostBytes;
  const done = apply.data?.applied ? apply.data : undefined;
  const result: Schemas["FileResult"] | undefined = done ?? (apply.data && !apply.data.applied ? apply.data : preview.data);
  const count = (what: "conflict" | "removed" | "changed" | "new") => (result?.counts ?? []).reduce((n, c) => n + c[what], 0);
  const conflicts = count("conflict");
  const begin = () => {
    const removed = count("removed");
    if (mode === "merge" || removed === 0) return apply.mutate();
    confirm({
      title: t.transfer.sure,
      text: t.transfer.sureText(removed),
      action: t.transfer.modes.replace,
      onConfirm: () => apply.mutate(),
    });
  };
  const onDrop = (e: DragEvent) => {
    e.preventDefault();
    setOver(false);
    take(e.dataTransfer.files[0]);
  };
  return (
    <>
      {!done && (
        <Paper p="md" component="section" aria-label={t.transfer.importTab}>
          <Stack>
            <Paper
              withBorder
              p="lg"
              onDragOver={(e: DragEvent) => {
                e.preventDefault();
                setOver(true);
              }}
              onDragLeave={() => setOver(false)}
              onDrop={onDrop}
              style={{ borderStyle: "dashed", background: over ? "var(--mantine-primary-color-light)" : undefined }}
            >
              <Group justify="center">
                <Text size="sm" c={file ? undefined : "dimmed"}>
                  {file ? `${file.name} (${f.bytes(file.size)})` : t.transfer.drop}
                </Text>
                <FileButton onChange={take} accept=".zip,application/zip">
                  {(props) => (
                    <Button {...props} variant="default" leftSection={<IconUpload size={16} aria-hidden />}>
                      {t.transfer.choose}
                    </Button>
                  )}
                </FileButton>
              </Group>
            </Paper>
            {tooBig && (
              <Alert color="red" role="alert">
                {t.transfer.tooBig(f.bytes(mostBytes))}
              </Alert>
            )}
            <PasswordInput
              label={t.transfer.passphrase}
              description={t.transfer.passphraseHint}
              autoComplete="off"
              maxLength={200}
              maw={420}
              value={passphrase}
              onChange={(e) => {
                setPassphrase(e.currentTarget.value);
                again();
              }}
            />
            <Radio.Group
              label={t.transfer.mode}
              value={mode}
              onChange={(v) => {
                setMode(v as Mode);
                again();
              }}
            >
              <Stack gap="xs" mt="xs">
                {(["merge", "replace"] as const).map((m) => (
                  <Radio key={m} value={m} label={t.transfer.modes[m]} description={t.transfer.modeHints[m]} />
                ))}
              </Stack>
            </Radio.Group>
            {preview.isError && <Failed error={preview.error} />}
            {apply.isError && <Failed error={apply.error} />}
            <Group justify="flex-end">
              <Button
                variant={result ? "default" : "filled"}
                disabled={!file || tooBig}
                loading={preview.isPending}
                onClick={() => preview.mutate()}
              >
                {t.transfer.check}
              </Button>
            </Group>
          </Stack>
        </Paper>
      )}
      {result && (
        <Result result={result}>
          {!done && conflicts > 0 && (
            <>
              <Alert color="orange">{t.transfer.conflictsHint}</Alert>
              <Checkbox checked={skip} onChange={(e) => setSkip(e.currentTarget.checked)} label={t.transfer.skip(conflicts)} />
            </>
          )}
          <Group justify="flex-end">
            {done ? (
              <Button
                variant="default"
                onClick={() => {
                  setFile(null);
                  setPassphrase("");
                  again();
                }}
              >
                {t.transfer.anew}
              </Button>
            ) : (
              <Button
                disabled={(conflicts > 0 && !skip) || !!result.refused || count("new") + count("changed") + count("removed") === 0}
                loading={apply.isPending}
                onClick={begin}
              >
                {t.transfer.apply}
              </Button>
            )}
          </Group>
        </Result>
      )}
    </>
  );
}
