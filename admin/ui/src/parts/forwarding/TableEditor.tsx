import { Box, Button, NumberInput, Paper, SimpleGrid, Stack, Text } from "@mantine/core";
import { useTextOf } from "../../i18n/room";
import { forwardingRoom } from "../../i18n/rooms/forwarding";
import { IconCopy } from "../icons";
import { ActionEditor } from "./ActionEditor";
import { type Action, type Case, type CaseRule, type Class, cases, classes, defaultAfter, type FieldError, withRule } from "./types";

/** What happens in each case for callers from inside and from outside. */
export function TableEditor(p: {
  value: CaseRule[];
  onChange: (table: CaseRule[]) => void;
  /** Name of the field, for messages: "table" or "overflow". */
  path: string;
  error: FieldError;
  /** Whether a rule says how long it rings; hunt groups have a time of their own. */
  seconds?: boolean;
}) {
  const t = useTextOf(forwardingRoom);
  const of = (c: Case, from: Class) => p.value.find((r) => r.case === c && r.class === from);
  const put = (c: Case, from: Class, action: Action | undefined, after?: number) =>
    p.onChange(
      withRule(
        p.value,
        c,
        from,
        action && { case: c, class: from, ...(p.seconds && c === "no_answer" ? { after: after ?? defaultAfter } : {}), action },
      ),
    );
  return (
    <Stack gap="sm">
      {cases.map((c) => (
        <Paper key={c} component="fieldset" p="sm" m={0}>
          <Text component="legend" fw={600} size="sm" px={4}>
            {t.forwarding.cases[c]}
          </Text>
          <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="md">
            {classes.map((from) => {
              const rule = of(c, from);
              const other = of(c, from === "inside" ? "outside" : "inside");
              const at = `${p.path}[${rule ? p.value.indexOf(rule) : -1}]`;
              const same = JSON.stringify(rule?.action) === JSON.stringify(other?.action) && rule?.after === other?.after;
              return (
                <Box key={from}>
                  <Stack gap={6}>
                    <ActionEditor
                      label={t.forwarding.callers[from]}
                      value={rule?.action}
                      onChange={(a) => put(c, from, a, rule?.after)}
                      kinds={["number", "parallel", "reject"]}
                      optional
                      path={`${at}.action`}
                      error={p.error}
                    />
                    {p.seconds && c === "no_answer" && rule && (
                      <NumberInput
                        label={t.forwarding.after}
                        suffix={t.forwarding.secondsSuffix}
                        min={5}
                        max={180}
                        allowDecimal={false}
                        w={160}
                        value={rule.after ?? defaultAfter}
                        onChange={(n) => put(c, from, rule.action, Number(n) || 0)}
                        error={p.error(`${at}.after`)}
                      />
                    )}
                    {rule && !same && (
                      <Button
                        variant="subtle"
                        size="compact-xs"
                        w="fit-content"
                        leftSection={<IconCopy size={13} aria-hidden />}
                        onClick={() => put(c, from === "inside" ? "outside" : "inside", rule.action, rule.after)}
                      >
                        {from === "inside" ? t.forwarding.alsoOutside : t.forwarding.alsoInside}
                      </Button>
                    )}
                  </Stack>
                </Box>
              );
            })}
          </SimpleGrid>
        </Paper>
      ))}
    </Stack>
  );
}
