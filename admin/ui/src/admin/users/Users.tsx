import { Link, useLocation } from "wouter";
import { api, ask, type Schemas } from "../../api/client";
import { useText } from "../../i18n";
import { type Column, DataTable } from "../../parts/DataTable";
import { Page } from "../../parts/Page";

type User = Schemas["UserItem"];

export default function Users() {
  const t = useText();
  const [, navigate] = useLocation();
  const columns: Column<User>[] = [
    {
      id: "username",
      title: t.login.username,
      sortable: true,
      render: (u) => (
        <Link className="kf-link" href={`/users/${encodeURIComponent(u.username)}`}>
          {u.username}
        </Link>
      ),
    },
    { id: "last_name", title: t.frame.users, sortable: true, render: (u) => u.last_name },
    { id: "numbers", title: t.frame.numbers, render: (u) => u.numbers.join(", ") },
  ];
  return (
    <Page title={t.frame.users}>
      <DataTable
        name="users"
        queryKey={["config", "users"]}
        fetch={(asked, signal) => ask(api.GET("/api/users", { params: { query: asked as never }, signal }))}
        columns={columns}
        rowKey={(u) => u.id}
        rowName={(u) => u.username}
        onRow={(u) => navigate(`/users/${encodeURIComponent(u.username)}`)}
      />
    </Page>
  );
}
