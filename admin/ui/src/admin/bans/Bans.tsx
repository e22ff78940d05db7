import { Button } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link } from "wouter";
import { api, ask, type Schemas } from "../../api/client";
import { useFormat } from "../../i18n/format";
import { useTextOf } from "../../i18n/room";
import { bansRoom } from "../../i18n/rooms/bans";
import { type Column, DataTable } from "../../parts/DataTable";
import { Page } from "../../parts/Page";
import { useProblemText } from "../../parts/problems";
import { Empty } from "../../parts/States";

type Ban = Schemas["Ban"];

/** Whose passwords are not looked at for a while, because too many were wrong. */
export default function Bans() {
  const t = useTextOf(bansRoom);
  const f = useFormat();
  const say = useProblemText();
  const client = useQueryClient();
  const lift = useMutation({
    mutationFn: (id: string) => ask(api.DELETE("/api/bans/{id}", { params: { path: { id } } })),
    onSuccess: () => client.invalidateQueries({ queryKey: ["live", "bans"] }),
    onError: (err) => notifications.show({ message: say(err), color: "red" }),
  });
  const columns: Column<Ban>[] = [
    { id: "where", title: t.bans.where, render: (b) => t.bans.places[b.where] },
    { id: "source", title: t.bans.source, render: (b) => b.source || t.bans.everywhere },
    {
      id: "account",
      title: t.bans.account,
      render: (b) =>
        b.username ? (
          <Link className="kf-link" href={`/users/${encodeURIComponent(b.username)}`}>
            {b.username}
          </Link>
        ) : (
          b.account || t.bans.everybody
        ),
    },
    { id: "failures", title: t.bans.failures, align: "right", render: (b) => b.failures ?? "" },
    { id: "until", title: t.bans.until, render: (b) => f.moment(b.until) },
    {
      id: "lift",
      title: t.bans.lift,
      align: "right",
      render: (b) => (
        <Button
          size="compact-sm"
          variant="light"
          aria-label={`${t.bans.lift}: ${b.username || b.account || b.source}`}
          onClick={() => lift.mutate(b.id)}
        >
          {t.bans.lift}
        </Button>
      ),
    },
  ];
  return (
    <Page title={t.frame.bans} subtitle={t.bans.hint}>
      <DataTable
        name="bans"
        queryKey={["live", "bans"]}
        fetch={(asked, signal) => ask(api.GET("/api/bans", { params: { query: asked as never }, signal }))}
        columns={columns}
        rowKey={(b) => b.id}
        rowName={(b) => b.username || b.account || b.source || b.id}
        empty={<Empty title={t.bans.none}>{t.bans.noneHint}</Empty>}
      />
    </Page>
  );
}
