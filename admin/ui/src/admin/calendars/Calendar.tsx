import { Button, List, Paper, SimpleGrid, Stack, Text, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useParams } from "wouter";
import { api, ask, askTagged, ifMatch, type Schemas, type Tagged } from "../../api/client";
import { useSpeech } from "../../i18n";
import { type TextsWith, useTextOf } from "../../i18n/room";
import { forwardingRoom } from "../../i18n/rooms/forwarding";
import { useConfirm } from "../../parts/confirm";
import { useDraft } from "../../parts/draft";
import { EntriesEditor, newEntry, ZoneFields } from "../../parts/forwarding/EntriesEditor";
import { IconTrash } from "../../parts/icons";
import { useLeaveTo } from "../../parts/leave";
import { localZone } from "../../parts/localtime";
import { Page } from "../../parts/Page";
import { SaveBar } from "../../parts/SaveBar";
import { Failed, Loading } from "../../parts/States";
import { Widget } from "../../parts/Widget";
import { daysOf } from "./days";

type Cal = Schemas["Calendar"];

/** A calendar, or a new one. */
export default function Calendar() {
  const t = useTextOf(forwardingRoom);
  const { id = "" } = useParams();
  const fresh = id === "new";
  const calendar = useQuery({
    queryKey: ["config", "calendar", id],
    queryFn: ({ signal }) => askTagged(api.GET("/api/calendars/{id}", { params: { path: { id } }, signal })),
    enabled: !fresh,
  });
  if (fresh) return <New />;
  if (calendar.isError) {
    return (
      <Page title={t.forwarding.calendar} crumbs={[{ title: t.forwarding.calendars, to: "/calendars" }]}>
        <Failed error={calendar.error} retry={() => void calendar.refetch()} />
      </Page>
    );
  }
  if (!calendar.data) return <Loading />;
  return <Editor key={id} server={calendar.data} />;
}

function New() {
  const [server] = useState<Tagged<Cal>>(() => ({
    body: { id: "", name: "", zone: localZone(), state: "", own: [], entries: [newEntry()] },
    tag: "",
  }));
  return <Editor server={server} />;
}

function Editor({ server }: { server: Tagged<Cal> }) {
  const t = useTextOf(forwardingRoom);
  const confirm = useConfirm();
  const client = useQueryClient();
  const id = server.body.id;
  const [left, setLeft] = useState<string>();
  const draft = useDraft<Cal>({
    server,
    fields: ["name", "zone", "state", "own", "entries"],
    send: (change, tag) => {
      if (id) return askTagged(api.PATCH("/api/calendars/{id}", { params: { path: { id } }, headers: ifMatch(tag), body: change }));
      const { name, zone, state, own, entries } = { ...server.body, ...change };
      return askTagged(api.POST("/api/calendars", { body: { name, zone, state, own, entries } }));
    },
    onSaved: (saved) => {
      client.setQueryData(["config", "calendar", saved.body.id], saved);
      if (!id) setLeft(`/calendars/${encodeURIComponent(saved.body.id)}`);
    },
  });
  useLeaveTo(left, draft.dirty);
  const remove = useMutation({
    mutationFn: () => ask(api.DELETE("/api/calendars/{id}", { params: { path: { id } } })),
    onSuccess: () => {
      draft.reset();
      setLeft("/calendars");
    },
  });
  const v = draft.value;
  return (
    <Page
      title={id ? server.body.name : t.forwarding.newCalendar}
      crumbs={[{ title: t.forwarding.calendars, to: "/calendars" }]}
      actions={
        id && (
          <Button
            variant="light"
            color="red"
            leftSection={<IconTrash size={16} aria-hidden />}
            loading={remove.isPending}
            onClick={() =>
              confirm({
                title: t.forwarding.removeCalendar(server.body.name),
                text: t.forwarding.removeCalendarText,
                onConfirm: () => remove.mutate(),
              })
            }
          >
            {t.common.remove}
          </Button>
        )
      }
    >
      {remove.isError && <Failed error={remove.error} />}
      <TextInput
        label={t.forwarding.calendarName}
        maw={360}
        maxLength={128}
        value={v.name}
        onChange={(e) => draft.set("name", e.currentTarget.value)}
        error={draft.error("name")}
        required
      />
      <Widget name="calendar.entries" title={t.forwarding.entries} hint={t.forwarding.calendarEntriesHint}>
        <EntriesEditor
          value={v.entries.map((entry) => ({ entry }))}
          onChange={(items) =>
            draft.set(
              "entries",
              items.map((x) => x.entry),
            )
          }
          add={() => ({ entry: newEntry() })}
          head={(x, i, set) => (
            <TextInput
              label={t.forwarding.entryName}
              maw={300}
              maxLength={128}
              value={x.entry.name ?? ""}
              onChange={(e) => set({ entry: { ...x.entry, name: e.currentTarget.value || undefined } })}
              error={draft.error(`entries[${i}].name`)}
            />
          )}
          path="entries"
          error={draft.error}
        />
      </Widget>
      <Widget name="calendar.zone" title={t.forwarding.holidayRule}>
        <ZoneFields value={v} onChange={(more) => draft.setAll((old) => ({ ...old, ...more }))} path="" error={draft.error} />
        {v.state && <PublicHolidays state={v.state} />}
      </Widget>
      {id && <Preview id={id} />}
      <SaveBar draft={draft} />
    </Page>
  );
}

type State = keyof TextsWith<typeof forwardingRoom>["forwarding"]["regions"];

/** The public holidays of a state in this year and the next. */
function PublicHolidays({ state }: { state: string }) {
  const { language } = useSpeech();
  const t = useTextOf(forwardingRoom);
  const year = new Date().getFullYear();
  const locale = language === "de" ? "de-DE" : "en-GB";
  const day = new Intl.DateTimeFormat(locale, { weekday: "short", day: "numeric", month: "short", timeZone: "UTC" });
  const both = useQuery({
    queryKey: ["config", "holidays", state, year],
    queryFn: ({ signal }) => {
      const read = (y: number) =>
        ask(api.GET("/api/holidays", { params: { query: { state: state as Uppercase<State>, year: y } }, signal }));
      return Promise.all([read(year), read(year + 1)]);
    },
    staleTime: Number.POSITIVE_INFINITY,
  });
  if (!both.data) return null;
  return (
    <SimpleGrid cols={{ base: 1, sm: 2 }}>
      {both.data.map((list, i) => (
        <Stack gap={4} key={list.items[0]?.date}>
          <Text size="sm" fw={500}>
            {t.forwarding.publicHolidays(year + i)}
          </Text>
          <List size="sm" spacing={2} listStyleType="none">
            {list.items.map((h) => (
              <List.Item key={h.date} className="kf-tabular">
                {day.format(Date.parse(h.date))} · {language === "de" ? h.de : h.en}
              </List.Item>
            ))}
          </List>
        </Stack>
      ))}
    </SimpleGrid>
  );
}

const weeks = 4;

/** What the calendar does in the coming weeks, a week in a row. */
function Preview({ id }: { id: string }) {
  const { language } = useSpeech();
  const t = useTextOf(forwardingRoom);
  const locale = language === "de" ? "de-DE" : "en-GB";
  const title = new Intl.DateTimeFormat(locale, { weekday: "short", day: "numeric", month: "short", timeZone: "UTC" });
  const preview = useQuery({
    queryKey: ["config", "calendar", id, "preview"],
    queryFn: ({ signal }) => ask(api.GET("/api/calendars/{id}/preview", { params: { path: { id }, query: { days: 7 * weeks } }, signal })),
  });
  return (
    <Widget name="calendar.preview" title={t.forwarding.preview} hint={t.forwarding.previewHint}>
      {preview.isError && <Failed error={preview.error} retry={() => void preview.refetch()} />}
      {preview.data && (
        <SimpleGrid component="ul" cols={{ base: 2, sm: 4, lg: 7 }} spacing="xs" m={0} p={0} style={{ listStyle: "none" }}>
          {daysOf(preview.data, 7 * weeks).map((d) => (
            <Paper component="li" key={d.date} p="xs">
              <Text size="xs" fw={600}>
                {title.format(Date.parse(d.date))}
              </Text>
              {d.holiday && (
                <Text size="xs" c="dimmed">
                  {d.holiday}
                </Text>
              )}
              {d.spans.map((x) => (
                <Text size="xs" key={x.from} className="kf-tabular">
                  {x.from}–{x.to} {x.name || t.forwarding.entry(x.entry + 1)}
                </Text>
              ))}
              {d.spans.length === 0 && (
                <Text size="xs" c="dimmed">
                  {t.forwarding.nothingHolds}
                </Text>
              )}
            </Paper>
          ))}
        </SimpleGrid>
      )}
      {preview.data?.truncated && <Text size="sm">{t.forwarding.truncated}</Text>}
    </Widget>
  );
}
