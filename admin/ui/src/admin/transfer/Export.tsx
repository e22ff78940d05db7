import { Button, Checkbox, Group, Paper, PasswordInput, Pill, PillGroup, Radio, Select, SimpleGrid, Stack, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../../api/client";
import { useTextOf } from "../../i18n/room";
import { groupsRoom } from "../../i18n/rooms/groups";
import { transferRoom } from "../../i18n/rooms/transfer";
import { groupTitle } from "../../parts/groupTitle";
import { IconDownload } from "../../parts/icons";
import { PickUser } from "../../parts/PickUser";
import { Failed } from "../../parts/States";
import { leastPassphrase, strengthOf } from "./passphrase";

/** Chooses who goes into a file, and whether passwords do. */
export function Export() {
  const t = useTextOf(transferRoom);
  const [everything, setEverything] = useState(true);
  const [groups, setGroups] = useState<string[]>([]);
  const [users, setUsers] = useState<string[]>([]);
  const [secrets, setSecrets] = useState(false);
  const [passphrase, setPassphrase] = useState("");
  const [again, setAgain] = useState("");
  const strength = strengthOf(passphrase);
  const run = useMutation({
    mutationFn: async () => {
      const file = (await ask(
        api.POST("/api/exports", {
          body: { ...(everything ? {} : { groups, users }), ...(secrets ? { passphrase } : {}) },
          parseAs: "blob",
        }),
      )) as unknown as Blob;
      save(file, `koppelfeld-${new Date().toISOString().slice(0, 10)}.zip`);
    },
    onSuccess: () => {
      notifications.show({ message: t.transfer.exported, color: "teal" });
      setPassphrase("");
      setAgain("");
    },
  });
  const chosen = everything || groups.length + users.length > 0;
  const ready = chosen && (!secrets || (strength !== "short" && passphrase === again));
  const said = strength === "short" ? t.transfer.strength.short(leastPassphrase) : t.transfer.strength[strength];
  return (
    <Paper p="md" component="section" aria-label={t.transfer.exportTab}>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          if (ready) run.mutate();
        }}
      >
        <Stack>
          <Radio.Group
            label={t.transfer.scope}
            value={everything ? "everything" : "chosen"}
            onChange={(v) => setEverything(v === "everything")}
          >
            <Stack gap="xs" mt="xs">
              <Radio value="everything" label={t.transfer.everything} description={t.transfer.everythingHint} />
              <Radio value="chosen" label={t.transfer.chosen} description={t.transfer.chosenHint} />
            </Stack>
          </Radio.Group>
          {!everything && (
            <Stack gap="xs" pl={{ base: 0, sm: "xl" }}>
              <Group align="flex-end">
                <PickGroup without={groups} onPick={(g) => setGroups([...groups, g])} />
                <PickUser
                  label={t.transfer.addUser}
                  placeholder={t.transfer.findUser}
                  labelled
                  without={users}
                  onPick={(u) => setUsers([...users, u])}
                />
              </Group>
              <PillGroup>
                {groups.map((g) => (
                  <Pill
                    key={`g:${g}`}
                    withRemoveButton
                    removeButtonProps={{ "aria-label": t.transfer.removeChoice(g), "aria-hidden": false, tabIndex: 0 }}
                    onRemove={() => setGroups(groups.filter((x) => x !== g))}
                  >
                    {`${t.transfer.kinds.group} ${g}`}
                  </Pill>
                ))}
                {users.map((u) => (
                  <Pill
                    key={`u:${u}`}
                    withRemoveButton
                    removeButtonProps={{ "aria-label": t.transfer.removeChoice(u), "aria-hidden": false, tabIndex: 0 }}
                    onRemove={() => setUsers(users.filter((x) => x !== u))}
                  >
                    {u}
                  </Pill>
                ))}
              </PillGroup>
              {!chosen && (
                <Text size="sm" c="dimmed">
                  {t.transfer.nothingChosen}
                </Text>
              )}
            </Stack>
          )}
          <Checkbox
            checked={secrets}
            onChange={(e) => setSecrets(e.currentTarget.checked)}
            label={t.transfer.withSecrets}
            description={secrets ? t.transfer.withSecretsHint : t.transfer.withoutSecretsHint}
          />
          {secrets && (
            <SimpleGrid cols={{ base: 1, sm: 2 }} maw={760}>
              <PasswordInput
                label={t.transfer.passphrase}
                description={said}
                inputWrapperOrder={["label", "input", "description", "error"]}
                autoComplete="new-password"
                maxLength={200}
                value={passphrase}
                onChange={(e) => setPassphrase(e.currentTarget.value)}
              />
              <PasswordInput
                label={t.transfer.again}
                autoComplete="new-password"
                maxLength={200}
                value={again}
                onChange={(e) => setAgain(e.currentTarget.value)}
                error={again !== "" && again !== passphrase && t.transfer.different}
              />
            </SimpleGrid>
          )}
          {run.isError && <Failed error={run.error} />}
          <Group justify="flex-end">
            <Button type="submit" disabled={!ready} loading={run.isPending} leftSection={<IconDownload size={16} aria-hidden />}>
              {t.transfer.export}
            </Button>
          </Group>
        </Stack>
      </form>
    </Paper>
  );
}

/** Finds a group of users. */
function PickGroup({ without, onPick }: { without: string[]; onPick: (name: string) => void }) {
  const t = useTextOf(groupsRoom, transferRoom);
  const list = useQuery({
    queryKey: ["config", "groups", "pick"],
    queryFn: () => ask(api.GET("/api/groups", { params: { query: { limit: 1000 } } })),
  });
  const choices = (list.data?.items ?? []).filter((g) => g.type === "user" && !without.includes(g.name));
  return (
    <Select
      label={t.transfer.addGroup}
      placeholder={t.transfer.findGroup}
      searchable
      value={null}
      nothingFoundMessage={t.common.nothingFound}
      data={choices.map((g) => ({ value: g.name, label: `${groupTitle(t, g)} · ${g.name}` }))}
      onChange={(v) => v && onPick(v)}
      w={{ base: "100%", sm: 260 }}
    />
  );
}

/** Hands a file to the browser, which keeps it where downloads go. */
function save(file: Blob, name: string) {
  const a = document.createElement("a");
  a.href = URL.createObjectURL(file);
  a.download = name;
  a.click();
  setTimeout(() => URL.revokeObjectURL(a.href), 60_000);
}
