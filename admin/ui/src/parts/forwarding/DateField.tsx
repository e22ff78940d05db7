import { Group, Select, TextInput } from "@mantine/core";
import { useSpeech } from "../../i18n";
import { useTextOf } from "../../i18n/room";
import { forwardingRoom } from "../../i18n/rooms/forwarding";

/** A day as the API writes it: "2026-12-24", or "12-24" of every year. */
export const yearly = (date: string | undefined) => !!date && /^\d\d-\d\d$/.test(date);

/** A day, with its year or of every year. */
export function DateField(p: { label: string; value: string; yearly: boolean; onChange: (v: string) => void; error?: string }) {
  const { language } = useSpeech();
  const t = useTextOf(forwardingRoom);
  if (!p.yearly) {
    return <TextInput type="date" label={p.label} value={p.value} onChange={(e) => p.onChange(e.currentTarget.value)} error={p.error} />;
  }
  const [month = "01", day = "01"] = p.value.split("-");
  const names = new Intl.DateTimeFormat(language === "de" ? "de-DE" : "en-GB", { month: "long", timeZone: "UTC" });
  const two = (n: number) => String(n).padStart(2, "0");
  return (
    <Group gap={4} align="flex-end" wrap="nowrap">
      <Select
        label={p.label}
        aria-label={`${p.label}: ${t.forwarding.day}`}
        w={76}
        data={Array.from({ length: 31 }, (_, i) => ({ value: two(i + 1), label: String(i + 1) }))}
        value={day}
        onChange={(d) => d && p.onChange(`${month}-${d}`)}
        allowDeselect={false}
        error={p.error}
      />
      <Select
        aria-label={`${p.label}: ${t.forwarding.month}`}
        w={130}
        data={Array.from({ length: 12 }, (_, i) => ({ value: two(i + 1), label: names.format(Date.UTC(2024, i, 1)) }))}
        value={month}
        onChange={(m) => m && p.onChange(`${m}-${day}`)}
        allowDeselect={false}
      />
    </Group>
  );
}
