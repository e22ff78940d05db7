import { NumberInput, Select, SimpleGrid, Stack, Title } from "@mantine/core";
import type { Schemas } from "../../api/client";
import { useTextOf } from "../../i18n/room";
import { matrixRoom } from "../../i18n/rooms/matrix";
import { parametersRoom } from "../../i18n/rooms/parameters";
import { personRoom } from "../../i18n/rooms/person";
import { withParameter } from "../../parts/parameters/layers";
import { Widget } from "../../parts/Widget";
import { useTimeZones } from "../users/MasterData";

type Given = Schemas["Parameters"];
type Switch = "call_waiting" | "busy_on_any" | "hide_number_inside" | "hide_number_outside";
type Choice = "ring_inside" | "ring_outside" | "time_zone" | "language";

// Select knows no empty values: what is given stands behind a sign, and the sign of nothing is nothing.
const none = "-";
const sign = (value: string | undefined) => (value === undefined ? none : `=${value}`);

/** What a group of users gives to its members. */
export function Parameters(p: { value: Given; onChange: (v: Given) => void; error: (field: string) => string | undefined }) {
  const t = useTextOf(matrixRoom, parametersRoom, personRoom);
  const w = t.parameters;
  const zones = useTimeZones();
  const set = <N extends keyof Given>(name: N, value: Given[N] | undefined) => p.onChange(withParameter(p.value, name, value));
  const error = (name: string) => p.error(`parameters.${name}`);
  const onOff = (name: Switch, label: string) => (
    <Select
      label={label}
      data={[
        { value: none, label: w.notGiven },
        { value: "on", label: w.on },
        { value: "off", label: w.off },
      ]}
      value={p.value[name] === undefined ? none : p.value[name] ? "on" : "off"}
      allowDeselect={false}
      onChange={(x) => set(name, x === none ? undefined : x === "on")}
      error={error(name)}
    />
  );
  const choice = (name: Choice, label: string, options: { value: string; label: string }[], searchable = false) => (
    <Select
      label={label}
      data={[{ value: none, label: w.notGiven }, ...options.map((o) => ({ value: sign(o.value), label: o.label }))]}
      value={sign(p.value[name])}
      searchable={searchable}
      limit={searchable ? 60 : undefined}
      allowDeselect={false}
      onChange={(x) => set(name, (!x || x === none ? undefined : x.slice(1)) as Given[Choice] as never)}
      error={error(name)}
    />
  );
  const rings = [
    { value: "", label: t.matrix.ringDefault },
    ...[1, 2, 3, 4, 5, 6, 7, 8].map((i) => ({ value: `Bellcore-dr${i}`, label: t.matrix.ring(i) })),
  ];
  return (
    <Widget name="group.parameters" title={w.title} hint={w.hint}>
      <Stack gap="md">
        <Title order={3} size="sm">
          {w.numbers}
        </Title>
        <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>
          {onOff("call_waiting", t.matrix.callWaiting)}
          {onOff("busy_on_any", t.matrix.busyOnAny)}
          <NumberInput
            label={t.matrix.limit}
            placeholder={w.notGiven}
            value={p.value.max_calls ?? ""}
            min={0}
            max={10_000}
            allowDecimal={false}
            allowNegative={false}
            onChange={(x) => set("max_calls", x === "" ? undefined : Number(x))}
            error={error("max_calls")}
          />
          {choice("ring_inside", t.matrix.ringInside, rings)}
          {choice("ring_outside", t.matrix.ringOutside, rings)}
        </SimpleGrid>
        <Title order={3} size="sm">
          {w.people}
        </Title>
        <SimpleGrid cols={{ base: 1, sm: 2 }}>
          {choice(
            "language",
            t.person.language,
            (["de", "en"] as const).map((l) => ({ value: l, label: t.person.languages[l] })),
          )}
          {choice("time_zone", t.person.timeZone, zones, true)}
          {onOff("hide_number_inside", w.hideInside)}
          {onOff("hide_number_outside", w.hideOutside)}
        </SimpleGrid>
      </Stack>
    </Widget>
  );
}
