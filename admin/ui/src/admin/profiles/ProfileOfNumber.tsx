import { useQuery } from "@tanstack/react-query";
import { Redirect, useParams } from "wouter";
import { api, ask } from "../../api/client";
import { useTextOf } from "../../i18n/room";
import { forwardingRoom } from "../../i18n/rooms/forwarding";
import { Page } from "../../parts/Page";
import { Failed, Loading } from "../../parts/States";

const part = encodeURIComponent;

/** Leads from a number and the ID of a profile to the profile: reasons do not say whose it is. */
export default function ProfileOfNumber() {
  const t = useTextOf(forwardingRoom);
  const { number = "", id = "" } = useParams();
  const read = useQuery({
    queryKey: ["config", "number", number, "owner"],
    queryFn: ({ signal }) => ask(api.GET("/api/numbers/{number}", { params: { path: { number } }, signal })),
  });
  if (read.isError) {
    return (
      <Page title={t.forwarding.profile}>
        <Failed error={read.error} />
      </Page>
    );
  }
  if (!read.data) return <Loading />;
  return <Redirect to={`/users/${part(read.data.owner)}/profiles/${part(id)}${location.hash}`} replace />;
}
