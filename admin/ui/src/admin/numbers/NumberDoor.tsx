import { useQuery } from "@tanstack/react-query";
import { Redirect, useParams } from "wouter";
import { api, ask } from "../../api/client";
import { Problem } from "../../api/problem";
import { useText } from "../../i18n";
import { Page } from "../../parts/Page";
import { Empty, Failed, Loading } from "../../parts/States";

/** The address of a number: leads to the page of whom it belongs to, where it is set. */
export default function NumberDoor() {
  const t = useText();
  const { number = "" } = useParams<{ number: string }>();
  const crumbs = [{ title: t.frame.numbers, to: "/numbers" }];
  const found = useQuery({
    queryKey: ["config", "numbers", number],
    queryFn: () => ask(api.GET("/api/numbers", { params: { query: { filter: number, limit: 1000 } } })),
  });
  if (found.isPending) return <Loading />;
  const item = found.data?.items.find((n) => n.number === number);
  if (item?.owner_type === "user") {
    return <Redirect to={`/users/${encodeURIComponent(item.owner)}?number=${encodeURIComponent(number)}`} replace />;
  }
  if (item?.owner_type === "hunt_group") return <Redirect to={`/huntgroups?filter=${encodeURIComponent(number)}`} replace />;
  return (
    <Page title={number} crumbs={crumbs}>
      {found.isError && !(found.error instanceof Problem && found.error.status === 404) ? (
        <Failed error={found.error} retry={() => void found.refetch()} />
      ) : item ? (
        <Empty title={t.lists.number.ownerTypes[item.owner_type]}>{item.owner_name || item.owner}</Empty>
      ) : (
        <Empty title={t.lists.number.free(number)}>{t.lists.number.freeHint}</Empty>
      )}
    </Page>
  );
}
