import { Alert, Badge, Box, Button, FileButton, Group, Paper, Progress, Stack, Table, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type DragEvent, useState } from "react";
import { api, ask, type Schemas } from "../../api/client";
import { Problem } from "../../api/problem";
import { useSpeech } from "../../i18n";
import { useFormat } from "../../i18n/format";
import { useTextOf } from "../../i18n/room";
import { licenceRoom } from "../../i18n/rooms/licence";
import { useConfirm } from "../../parts/confirm";
import { IconAlertTriangle, IconInfoCircle, IconTrash, IconUpload } from "../../parts/icons";
import { Page } from "../../parts/Page";
import { Pairs } from "../../parts/Pairs";
import { useProblemText } from "../../parts/problems";
import { Failed, Loading } from "../../parts/States";
import { Widget } from "../../parts/Widget";
import { colourOf } from "./colour";

type Status = Schemas["LicenceStatus"];

const most = 16 << 10;

/** How the system is licensed, a new licence, and those of before. */
export default function Licence() {
  const t = useTextOf(licenceRoom);
  const client = useQueryClient();
  const confirm = useConfirm();
  const say = useProblemText();
  const status = useQuery({ queryKey: ["config", "licence"], queryFn: ({ signal }) => ask(api.GET("/api/licence", { signal })) });
  const remove = useMutation({
    mutationFn: () => ask(api.DELETE("/api/licence")),
    onSuccess: (s) => {
      client.setQueryData(["config", "licence"], s);
      notifications.show({ message: t.licence.removed, color: "teal" });
    },
    onError: (err) => notifications.show({ message: say(err), color: "red" }),
  });
  if (status.isError) return <Failed error={status.error} retry={() => void status.refetch()} />;
  if (!status.data) return <Loading />;
  return (
    <Page
      title={t.licence.title}
      actions={
        status.data.details?.licence && (
          <Button
            variant="default"
            leftSection={<IconTrash size={16} aria-hidden />}
            loading={remove.isPending}
            onClick={() => confirm({ title: t.licence.remove, text: t.licence.removeSure, onConfirm: () => remove.mutate() })}
          >
            {t.licence.remove}
          </Button>
        )
      }
    >
      <Paper p="md">
        <Stack>
          <Standing status={status.data} />
          <Text size="sm" c="dimmed">
            {t.licence.whatItIsFor}
          </Text>
        </Stack>
      </Paper>
      <Upload />
      <Widget name="licence.history" title={t.licence.history}>
        <History list={status.data.details?.history ?? []} />
      </Widget>
    </Page>
  );
}

/** What a licence says, and what that means here. */
function Standing({ status }: { status: Status }) {
  const t = useTextOf(licenceRoom);
  const { language } = useSpeech();
  const f = useFormat();
  const d = status.details;
  const l = d?.licence;
  const over = !!d && d.max_users > 0 && d.users > d.max_users;
  return (
    <Stack gap="sm">
      <Alert
        color={colourOf(status)}
        icon={status.state === "licensed" ? <IconInfoCircle size={18} aria-hidden /> : <IconAlertTriangle size={18} aria-hidden />}
        title={t.licence.states[status.state]}
      >
        {status.reason[language]}
      </Alert>
      {d?.problem && d.problem.code !== status.reason.code && (
        <Alert color="orange" title={t.licence.notInForce}>
          {d.problem[language]}
        </Alert>
      )}
      <Pairs
        items={[
          [t.licence.company, l?.company],
          [t.licence.validUntil, l && f.day(l.valid_until)],
          [t.licence.daysLeft, d?.days_left ? t.licence.days(d.days_left) : undefined],
          [
            t.licence.users,
            d && (
              <Group gap="sm" wrap="nowrap">
                <span className="kf-tabular">
                  {d.max_users === 0 ? d.users : over ? t.licence.usersOver(d.users, d.max_users) : t.licence.usersOf(d.users, d.max_users)}
                </span>
                {d.max_users > 0 && (
                  <Progress w={120} aria-hidden value={Math.min(100, (100 * d.users) / d.max_users)} color={over ? "red" : undefined} />
                )}
              </Group>
            ),
          ],
          [t.licence.issued, l && f.day(l.issued)],
          [t.licence.serial, l?.serial],
          [t.licence.features, l?.features.join(", ")],
          [t.licence.key, l?.key],
        ]}
      />
      {l?.development && (
        <Text size="sm" c="orange">
          {t.licence.development}
        </Text>
      )}
    </Stack>
  );
}

/** Takes a file, shows what it says, and installs it. */
function Upload() {
  const t = useTextOf(licenceRoom);
  const client = useQueryClient();
  const confirm = useConfirm();
  const say = useProblemText();
  const [file, setFile] = useState<{ name: string; text: string }>();
  const [tooBig, setTooBig] = useState(false);
  const [over, setOver] = useState(false);
  const put = (text: string, query: { preview?: boolean; confirm?: boolean }) =>
    ask(
      api.PUT("/api/licence", {
        params: { query },
        body: text as never,
        bodySerializer: (b) => b as unknown as string,
        headers: { "Content-Type": "application/json" },
      }),
    );
  const preview = useMutation({ mutationFn: (text: string) => put(text, { preview: true }) });
  const install = useMutation({
    mutationFn: (p: { text: string; confirm: boolean }) => put(p.text, { confirm: p.confirm }),
    onSuccess: (s) => {
      setFile(undefined);
      preview.reset();
      client.setQueryData(["config", "licence"], s);
      void client.invalidateQueries({ queryKey: ["config"] });
      void client.invalidateQueries({ queryKey: ["session"] });
      notifications.show({ message: t.licence.installed, color: "teal" });
    },
    onError: (err, p) => {
      if (!(err instanceof Problem) || err.document.code !== "other_company") return;
      install.reset();
      confirm({
        title: t.licence.otherCompany,
        text: say(err),
        action: t.licence.installAnyway,
        onConfirm: () => install.mutate({ text: p.text, confirm: true }),
      });
    },
  });
  const take = async (f: File | null | undefined) => {
    if (!f) return;
    preview.reset();
    install.reset();
    setFile(undefined);
    setTooBig(f.size > most);
    if (f.size > most) return;
    const text = await f.text();
    setFile({ name: f.name, text });
    preview.mutate(text);
  };
  const dropped = (e: DragEvent) => {
    e.preventDefault();
    setOver(false);
    void take(e.dataTransfer.files[0]);
  };
  const error = preview.error ?? install.error;
  return (
    <Widget name="licence.upload" title={t.licence.upload} hint={t.licence.uploadHint}>
      <Box
        p="lg"
        onDragOver={(e) => {
          e.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={dropped}
        bg={over ? "var(--mantine-primary-color-light)" : undefined}
        style={{ border: "1px dashed var(--mantine-color-dimmed)", borderRadius: "var(--mantine-radius-md)" }}
      >
        <Group gap="sm" justify="center">
          <FileButton onChange={(f) => void take(f)} accept=".lic,application/json">
            {(props) => (
              <Button {...props} variant={file ? "default" : "filled"} leftSection={<IconUpload size={16} aria-hidden />}>
                {t.licence.choose}
              </Button>
            )}
          </FileButton>
          <Text size="sm" c="dimmed" visibleFrom="xs">
            {t.licence.drop}
          </Text>
        </Group>
      </Box>
      {tooBig && (
        <Alert color="red" role="alert">
          {t.licence.tooBig}
        </Alert>
      )}
      {error && <Failed error={error} />}
      {file && preview.data && (
        <Stack gap="sm">
          <Text fw={600}>{t.licence.thisFile(file.name)}</Text>
          <Standing status={preview.data} />
          <Group justify="flex-end">
            <Button variant="default" onClick={() => setFile(undefined)}>
              {t.common.cancel}
            </Button>
            <Button loading={install.isPending} onClick={() => install.mutate({ text: file.text, confirm: false })}>
              {t.licence.install}
            </Button>
          </Group>
        </Stack>
      )}
    </Widget>
  );
}

function History({ list }: { list: Schemas["InstalledLicence"][] }) {
  const t = useTextOf(licenceRoom);
  const f = useFormat();
  if (list.length === 0) {
    return (
      <Text size="sm" c="dimmed">
        {t.licence.noHistory}
      </Text>
    );
  }
  return (
    <Table.ScrollContainer minWidth={640}>
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t.licence.company}</Table.Th>
            <Table.Th>{t.licence.users}</Table.Th>
            <Table.Th>{t.licence.validUntil}</Table.Th>
            <Table.Th>{t.licence.serial}</Table.Th>
            <Table.Th>{t.licence.installedAt}</Table.Th>
            <Table.Th>{t.licence.endedAt}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {list.map((l) => (
            <Table.Tr key={l.installed}>
              <Table.Td>{l.company}</Table.Td>
              <Table.Td className="kf-tabular">{l.users}</Table.Td>
              <Table.Td>{f.day(l.valid_until)}</Table.Td>
              <Table.Td>{l.serial}</Table.Td>
              <Table.Td>{t.licence.by(f.moment(l.installed), l.by)}</Table.Td>
              <Table.Td>
                {l.ended ? t.licence.by(f.moment(l.ended), l.ended_by ?? "") : <Badge variant="light">{t.licence.inForce}</Badge>}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
