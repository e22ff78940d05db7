import { Alert, Button, Code, List, Loader, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, ask, type Schemas } from "../../api/client";
import { useFormat } from "../../i18n/format";
import { useTextOf } from "../../i18n/room";
import { backupsRoom } from "../../i18n/rooms/backups";
import { Page } from "../../parts/Page";
import { Pairs } from "../../parts/Pairs";
import { useProblemText } from "../../parts/problems";
import { Failed, Loading } from "../../parts/States";
import { Widget } from "../../parts/Widget";
import { BackupList } from "./BackupList";

export const backupsKey = ["live", "backups"];

/** Backups of the whole system: how they stand, those that there are, and how one is restored. */
export default function Backups() {
  const t = useTextOf(backupsRoom);
  const w = t.backups;
  const say = useProblemText();
  const client = useQueryClient();
  const list = useQuery({
    queryKey: backupsKey,
    queryFn: () => ask(api.GET("/api/backups")),
    // There is no event for backups: looked at often only while one is being made.
    refetchInterval: (q) => (q.state.data?.state.working ? 1000 : 60_000),
  });
  const start = useMutation({
    mutationFn: () => ask(api.POST("/api/backups")),
    onSuccess: () => {
      notifications.show({ message: w.started });
      setTimeout(() => void client.invalidateQueries({ queryKey: backupsKey }), 300);
    },
    onError: (err) => notifications.show({ message: say(err), color: "red" }),
  });
  const working = !!list.data?.state.working;
  return (
    <Page
      title={t.frame.backups}
      subtitle={w.hint}
      actions={
        <Button onClick={() => start.mutate()} loading={start.isPending} disabled={!list.data || working}>
          {w.now}
        </Button>
      }
    >
      {list.isPending ? (
        <Loading />
      ) : list.isError ? (
        <Failed error={list.error} retry={() => void list.refetch()} />
      ) : (
        <>
          <State state={list.data.state} />
          <BackupList items={list.data.items} good={list.data.state.good} />
          <Restore sealed={list.data.state.encrypted || list.data.items.some((b) => b.encrypted)} />
        </>
      )}
    </Page>
  );
}

function State({ state: s }: { state: Schemas["BackupState"] }) {
  const t = useTextOf(backupsRoom);
  const w = t.backups;
  const f = useFormat();
  const next = s.elsewhere ? w.nextElsewhere : s.next ? f.short(s.next) : w.nextOff;
  return (
    <Widget name="backups.state" title={w.state}>
      <div aria-live="polite">
        {s.working && (
          <Alert color="blue" icon={<Loader size={18} aria-hidden />}>
            {s.working === "writing" ? w.writing(f.number(s.rows ?? 0)) : w.verifying}
          </Alert>
        )}
        {!s.working && s.failed && (
          <Alert color="red" title={w.failedTitle}>
            {s.problem}
          </Alert>
        )}
      </div>
      <Pairs
        items={[
          [w.good, s.good ? `${f.moment(s.good)} (${f.ago(s.good)})` : w.goodNone],
          [w.failed, s.failed && w.failedAt(f.moment(s.failed))],
          [w.next, next],
          [w.kept, s.at && `${w.keptOf(s.keep_daily, s.keep_weekly, s.keep_monthly)}. ${w.keptHint}`],
          [w.trial, s.verify ? w.trialOn : w.trialOff],
          [w.encryption, s.encrypted ? w.encrypted : w.plain],
          [w.folder, <Code key="folder">{s.folder}</Code>],
          [w.free, f.bytes(s.free)],
        ]}
      />
      {s.same_disk && (
        <Text size="sm" c="dimmed">
          {w.sameDisk}
        </Text>
      )}
    </Widget>
  );
}

function Restore({ sealed }: { sealed: boolean }) {
  const w = useTextOf(backupsRoom).backups;
  return (
    <Widget name="backups.restore" title={w.restore} hint={w.restoreHint}>
      <List type="ordered" size="sm" spacing="xs">
        {w.restoreSteps.map(([text, command]) => (
          <List.Item key={text}>
            {text}
            {command && <Code block>{command}</Code>}
          </List.Item>
        ))}
      </List>
      {sealed && (
        <Text size="sm" component="div">
          {w.restoreSealed}
          <Code block>koppelfeld restore --identity key.txt …tar.zst.age</Code>
        </Text>
      )}
    </Widget>
  );
}
