import { ActionIcon, Alert, Button, Group, Paper, SegmentedControl, Select, Stack, Text, TextInput } from "@mantine/core";
import { useTextOf } from "../../i18n/room";
import { forwardingRoom } from "../../i18n/rooms/forwarding";
import { IconPlus, IconTrash } from "../icons";
import { localInput, localToISO } from "../localtime";
import { NumberField } from "./NumberField";
import { type FieldError, type RuleTest, replaced } from "./types";

/** Calls that are tried before each save: does the rule apply to them as expected? */
export function TestsEditor(p: {
  value: RuleTest[];
  onChange: (v: RuleTest[]) => void;
  system?: boolean;
  /** The rule is switched off. */
  off?: boolean;
  path: string;
  error: FieldError;
}) {
  const t = useTextOf(forwardingRoom);
  const set = (i: number, more: Partial<RuleTest>) => p.onChange(replaced(p.value, i, { ...(p.value[i] as RuleTest), ...more }));
  return (
    <Stack gap="sm">
      <Text size="sm" c="dimmed">
        {t.forwarding.testsHint} {p.off && t.forwarding.testsOff}
      </Text>
      {p.value.map((test, i) => {
        const wrong = p.error(`${p.path}[${i}]`);
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: tests have no name but their place
          <Paper key={i} p="sm" role="group" aria-label={t.forwarding.test(i + 1)}>
            <Stack gap="xs">
              <Group gap="sm" align="flex-end">
                <NumberField
                  label={t.forwarding.testFrom}
                  placeholder={t.forwarding.testHidden}
                  value={test.from ?? ""}
                  onChange={(from) => set(i, { from })}
                  tidy
                />
                {p.system && (
                  <NumberField label={t.forwarding.testCalled} value={test.called ?? ""} onChange={(called) => set(i, { called })} tidy />
                )}
                {!p.system && (
                  <Select
                    label={t.forwarding.testState}
                    data={[
                      { value: "", label: t.forwarding.atOnce },
                      { value: "busy", label: t.forwarding.states.busy },
                      { value: "no_answer", label: t.forwarding.states.no_answer },
                      { value: "not_registered", label: t.forwarding.states.not_registered },
                    ]}
                    value={test.state === "always" ? "" : (test.state ?? "")}
                    onChange={(v) => set(i, { state: (v || undefined) as RuleTest["state"] })}
                    allowDeselect={false}
                    w={170}
                  />
                )}
                <TextInput
                  type="datetime-local"
                  label={t.forwarding.testAt}
                  value={localInput(test.at)}
                  onChange={(e) => set(i, { at: localToISO(e.currentTarget.value) || undefined })}
                />
                <SegmentedControl
                  aria-label={t.forwarding.testExpected}
                  data={[
                    { value: "yes", label: t.forwarding.applies },
                    { value: "no", label: t.forwarding.appliesNot },
                  ]}
                  value={test.applies ? "yes" : "no"}
                  onChange={(v) => set(i, { applies: v === "yes" })}
                />
                <ActionIcon
                  color="red"
                  aria-label={t.forwarding.removeTest(i + 1)}
                  onClick={() => p.onChange(p.value.filter((_, k) => k !== i))}
                  mb={4}
                >
                  <IconTrash size={16} />
                </ActionIcon>
              </Group>
              {wrong && (
                <Alert color="red" p="xs" role="alert">
                  {wrong}
                </Alert>
              )}
            </Stack>
          </Paper>
        );
      })}
      <Button
        variant="light"
        size="xs"
        w="fit-content"
        leftSection={<IconPlus size={14} aria-hidden />}
        onClick={() => p.onChange([...p.value, { applies: true }])}
        disabled={p.value.length >= 20}
      >
        {t.forwarding.addTest}
      </Button>
    </Stack>
  );
}
