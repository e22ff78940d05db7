import { Table } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "wouter";
import { api, ask } from "../../api/client";
import { useText } from "../../i18n";
import { useTextOf } from "../../i18n/room";
import { forwardingRoom } from "../../i18n/rooms/forwarding";
import { ActiveText } from "../../parts/forwarding/NumberForwarding";
import { ProfileList } from "../../parts/forwarding/ProfileList";
import { Page } from "../../parts/Page";
import { Failed, Loading } from "../../parts/States";
import { Widget } from "../../parts/Widget";

const part = encodeURIComponent;

/** The forwarding profiles of a user, and which of them is in force for which number. */
export default function Profiles() {
  const t = useTextOf(forwardingRoom);
  const { username = "" } = useParams();
  return (
    <Page
      title={t.forwarding.profiles}
      crumbs={[
        { title: t.frame.users, to: "/users" },
        { title: username, to: `/users/${part(username)}` },
      ]}
      subtitle={t.forwarding.profilesHint}
    >
      <Widget name="profiles.numbers" title={t.forwarding.numbers}>
        <Numbers username={username} />
      </Widget>
      <ProfileList username={username} link={(id) => `/users/${part(username)}/profiles/${part(id)}`} />
    </Page>
  );
}

function Numbers({ username }: { username: string }) {
  const t = useText();
  const numbers = useQuery({
    queryKey: ["config", "numbers", "of user", username],
    queryFn: async ({ signal }) => {
      const user = await ask(api.GET("/api/users/{username}", { params: { path: { username } }, signal }));
      const read = (number: string) => ask(api.GET("/api/numbers/{number}", { params: { path: { number } }, signal }));
      return Promise.all(user.numbers.map(read));
    },
  });
  if (numbers.isError) return <Failed error={numbers.error} retry={() => void numbers.refetch()} />;
  if (!numbers.data) return <Loading />;
  return (
    <Table>
      <Table.Tbody>
        {numbers.data.map((n) => (
          <Table.Tr key={n.number}>
            <Table.Th scope="row" w={120} className="kf-tabular">
              {n.number}
            </Table.Th>
            <Table.Td>
              <ActiveText active={n.forwarding_active} />
            </Table.Td>
            <Table.Td ta="right">
              <Link className="kf-link" href={`/numbers/${part(n.number)}/forwarding`}>
                {t.common.edit}
              </Link>
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}
