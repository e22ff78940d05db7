import { SegmentedControl } from "@mantine/core";
import { useSearchParams } from "wouter";
import { useTextOf } from "../../i18n/room";
import { transferRoom } from "../../i18n/rooms/transfer";
import { Page } from "../../parts/Page";
import { Export } from "./Export";
import { Import } from "./Import";

/** Users, groups and what is theirs as a file: out of this server, or into it. */
export default function Transfer() {
  const t = useTextOf(transferRoom);
  const [query, setQuery] = useSearchParams();
  const importing = query.get("do") === "import";
  return (
    <Page title={t.frame.transfer} subtitle={t.transfer.hint}>
      <SegmentedControl
        aria-label={t.frame.transfer}
        style={{ alignSelf: "flex-start" }}
        value={importing ? "import" : "export"}
        onChange={(v) => setQuery(v === "import" ? { do: "import" } : {}, { replace: true })}
        data={[
          { value: "export", label: t.transfer.exportTab },
          { value: "import", label: t.transfer.importTab },
        ]}
      />
      {importing ? <Import /> : <Export />}
    </Page>
  );
}
