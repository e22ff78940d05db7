import { Alert, Group, Stack, Text } from "@mantine/core";
import type { Schemas } from "../../api/client";
import { useSpeech, useText } from "../../i18n";
import { useFormat } from "../../i18n/format";
import { IconAlertTriangle, IconCircleCheck, IconInfoCircle } from "../../parts/icons";

const colours = { info: "blue", warning: "yellow", error: "red" } as const;

/** What is wrong now, the worst first. */
export function Alarms({ alarms }: { alarms: Schemas["Alarm"][] }) {
  const t = useText();
  const f = useFormat();
  const { language } = useSpeech();
  if (alarms.length === 0) {
    return (
      <Group gap="xs" c="teal">
        <IconCircleCheck size={20} aria-hidden />
        <Text size="sm">{t.home.allWell}</Text>
      </Group>
    );
  }
  return (
    <Stack gap="xs">
      {alarms.map((a) => (
        <Alert
          key={`${a.code} ${a.subject ?? ""}`}
          color={colours[a.severity]}
          icon={a.severity === "info" ? <IconInfoCircle size={18} aria-hidden /> : <IconAlertTriangle size={18} aria-hidden />}
          title={t.home.severities[a.severity]}
          py="xs"
        >
          {a[language]}{" "}
          <Text span size="xs">
            {t.home.since(f.short(a.since))}
          </Text>
        </Alert>
      ))}
    </Stack>
  );
}
