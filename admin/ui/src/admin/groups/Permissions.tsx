import { ActionIcon, Box, Button, Group, Select, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { api, ask, type Schemas } from "../../api/client";
import { useSpeech } from "../../i18n";
import { useTextOf } from "../../i18n/room";
import { groupsRoom } from "../../i18n/rooms/groups";
import { groupTitle } from "../../parts/groupTitle";
import { IconX } from "../../parts/icons";
import { Failed } from "../../parts/States";
import { Widget } from "../../parts/Widget";
import { useChange } from "./change";
import { useGroups } from "./InnerGroups";

type GroupView = Schemas["Group"];
type Grant = Schemas["Grant"];

/** What members of a group may do, and who may do something with its members (SPEC G2). */
export function Permissions({ group }: { group: GroupView }) {
  const t = useTextOf(groupsRoom);
  const w = t.groups;
  const { language } = useSpeech();
  const list = useQuery({
    queryKey: ["config", "groups", "permissions", group.name],
    queryFn: () => ask(api.GET("/api/groups/{name}/permissions", { params: { path: { name: group.name }, query: { limit: 1000 } } })),
  });
  const words = useQuery({
    queryKey: ["config", "permissions"],
    queryFn: () => ask(api.GET("/api/permissions")),
    staleTime: Number.POSITIVE_INFINITY,
  });
  const withdraw = useChange((g: Grant) =>
    ask(
      api.DELETE("/api/groups/{name}/permissions/{permission}", {
        params: { path: { name: g.group, permission: g.permission }, query: { objects: g.objects || undefined } },
      }),
    ),
  );
  if (list.isError) return <Failed error={list.error} retry={() => void list.refetch()} />;
  const said = (g: Grant) => words.data?.items.find((p) => p.permission === g.permission)?.[language] ?? g.permission;
  const own = (list.data?.items ?? []).filter((g) => g.group === group.name);
  const others = (list.data?.items ?? []).filter((g) => g.objects === group.name && g.group !== group.name);
  return (
    <>
      {group.type === "user" && (
        <Widget name="group.permissions" title={w.permissions} hint={w.mayHint}>
          {own.length === 0 ? (
            <Text size="sm" c="dimmed">
              {w.noPermissions}
            </Text>
          ) : (
            <Stack gap={0} component="ul" m={0} p={0} style={{ listStyle: "none" }}>
              {own.map((g) => (
                <Box component="li" className="kf-row" key={`${g.permission} ${g.objects}`}>
                  <Group justify="space-between" wrap="nowrap" p={4}>
                    <Group gap="xs">
                      <Text size="sm">{said(g)}</Text>
                      {g.objects && <GroupName name={g.objects} />}
                    </Group>
                    <ActionIcon
                      color="gray"
                      aria-label={`${w.withdraw}: ${said(g)} ${g.objects}`}
                      title={w.withdraw}
                      onClick={() => withdraw.mutate(g)}
                    >
                      <IconX size={16} />
                    </ActionIcon>
                  </Group>
                </Box>
              ))}
            </Stack>
          )}
          <Give group={group} permissions={words.data?.items ?? []} />
        </Widget>
      )}
      {others.length > 0 && (
        <Widget name="group.others" title={w.others} hint={w.othersHint}>
          <Stack gap={4}>
            {others.map((g) => (
              <Group key={`${g.group} ${g.permission}`} gap="xs">
                <GroupName name={g.group} />
                <Text size="sm">{said(g)}</Text>
              </Group>
            ))}
          </Stack>
        </Widget>
      )}
    </>
  );
}

function GroupName({ name }: { name: string }) {
  const title = useQuery({
    queryKey: ["config", "groups", "titles", "all"],
    queryFn: () => ask(api.GET("/api/groups", { params: { query: { limit: 1000 } } })),
  }).data?.items.find((g) => g.name === name)?.title;
  return (
    <Link className="kf-link" href={`/groups/${encodeURIComponent(name)}`}>
      <Text span size="sm">
        {title ?? name}
      </Text>
    </Link>
  );
}

function Give({ group, permissions }: { group: GroupView; permissions: Schemas["Permission"][] }) {
  const t = useTextOf(groupsRoom);
  const w = t.groups;
  const { language } = useSpeech();
  const [permission, setPermission] = useState<string | null>(null);
  const [objects, setObjects] = useState<string | null>(null);
  const type = permissions.find((p) => p.permission === permission)?.objects as GroupView["type"] | "" | undefined;
  const groups = useGroups(type || undefined);
  const give = useChange(async () => {
    await ask(
      api.PUT("/api/groups/{name}/permissions/{permission}", {
        params: { path: { name: group.name, permission: permission ?? "" }, query: { objects: objects ?? undefined } },
      }),
    );
    setPermission(null);
    setObjects(null);
  });
  return (
    <Group gap="xs" align="flex-end">
      <Select
        label={w.grantPermission}
        placeholder={w.permission}
        data={permissions.map((p) => ({ value: p.permission, label: p[language] }))}
        value={permission}
        onChange={(v) => {
          setPermission(v);
          setObjects(null);
        }}
        searchable
        w={{ base: "100%", sm: 380 }}
      />
      {type && (
        <Select
          label={w.objects}
          data={(groups.data?.items ?? []).map((g) => ({ value: g.name, label: groupTitle(t, g) }))}
          value={objects}
          onChange={setObjects}
          searchable
          w={{ base: "100%", sm: 240 }}
        />
      )}
      <Button
        variant="light"
        disabled={!permission || (!!type && !objects)}
        loading={give.isPending}
        onClick={() => give.mutate(undefined)}
      >
        {t.common.add}
      </Button>
    </Group>
  );
}
