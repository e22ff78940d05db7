import { Button, Checkbox, Group, Paper, Select, SimpleGrid, Stack, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { type FormEvent, useEffect, useState } from "react";
import { useSearchParams } from "wouter";
import { api, ask } from "../../api/client";
import { Problem } from "../../api/problem";
import { useTextOf } from "../../i18n/room";
import { explanationRoom } from "../../i18n/rooms/explanation";
import { Explanation } from "../../parts/explanation/Explanation";
import { adminPlace } from "../../parts/explanation/settings";
import { NumberField } from "../../parts/forwarding/NumberField";
import { tidyNumber } from "../../parts/forwarding/numbers";
import { localInput, localToISO, localZone } from "../../parts/localtime";
import { Page } from "../../parts/Page";
import { useProblemText } from "../../parts/problems";
import { Empty, Failed, Loading } from "../../parts/States";

interface Question {
  from: string;
  /** ID of the slot that calls; then it stands for from. */
  slot: string;
  to: string;
  /** Empty for now; else an instant. */
  at: string;
  /** "yes" when the caller has keyed in the PIN. */
  pin: string;
}

const read = (q: URLSearchParams): Question => ({
  from: q.get("from") ?? "",
  slot: q.get("slot") ?? "",
  to: q.get("to") ?? "",
  at: q.get("at") ?? "",
  pin: q.get("pin") ?? "",
});

/** Who rings if somebody calls? The question stands in the address, so that it can be sent to a colleague. */
export default function Simulator() {
  const t = useTextOf(explanationRoom);
  const say = useProblemText();
  const [query, setQuery] = useSearchParams();
  const asked = read(query);
  const [form, setForm] = useState(asked);
  const key = query.toString();
  // biome-ignore lint/correctness/useExhaustiveDependencies: a link to another question fills the form
  useEffect(() => setForm(asked), [key]);
  const set = (more: Partial<Question>) => setForm((f) => ({ ...f, ...more }));

  const answer = useQuery({
    queryKey: ["live", "explain", asked],
    queryFn: ({ signal }) =>
      ask(
        api.POST("/api/explain", {
          body: { from: asked.slot || asked.from, to: asked.to, at: asked.at || undefined, with_pin: asked.pin ? true : undefined },
          signal,
        }),
      ),
    enabled: asked.to !== "",
    placeholderData: keepPreviousData,
  });
  const fields = answer.error instanceof Problem ? answer.error.fields : {};
  const placed = "from" in fields || "to" in fields || "at" in fields;

  const submit = (e: FormEvent) => {
    e.preventDefault();
    const q = new URLSearchParams();
    for (const [name, value] of Object.entries(form)) if (value) q.set(name, name === "from" || name === "to" ? tidyNumber(value) : value);
    if (q.toString() === key) void answer.refetch();
    else setQuery(q);
  };
  return (
    <Page title={t.explanation.title} subtitle={t.explanation.hint}>
      <Paper p="md" component="form" onSubmit={submit} aria-label={t.explanation.title}>
        <Stack gap="sm">
          <SimpleGrid cols={{ base: 1, sm: 2, lg: 4 }} spacing="sm">
            <NumberField
              label={t.explanation.from}
              description={t.explanation.fromHint}
              value={form.from}
              onChange={(from) => set({ from, slot: "" })}
              error={say(fields.from)}
            />
            <CallingSlot number={form.from} value={form.slot} onChange={(slot) => set({ slot })} />
            <NumberField
              label={t.explanation.to}
              description={t.explanation.toHint}
              value={form.to}
              onChange={(to) => set({ to })}
              error={say(fields.to)}
              required
            />
            <TextInput
              type="datetime-local"
              label={t.explanation.when}
              description={t.explanation.whenHint(localZone())}
              inputWrapperOrder={["label", "input", "description", "error"]}
              value={localInput(form.at)}
              onChange={(e) => set({ at: localToISO(e.currentTarget.value) })}
              error={say(fields.at)}
            />
          </SimpleGrid>
          <Group gap="xs">
            <Button type="submit" loading={answer.isFetching && answer.isPlaceholderData}>
              {t.explanation.ask}
            </Button>
            <Checkbox
              label={t.explanation.withPin}
              checked={!!form.pin}
              onChange={(e) => set({ pin: e.currentTarget.checked ? "yes" : "" })}
            />
            {form.at && (
              <Button variant="default" onClick={() => set({ at: "" })}>
                {t.explanation.now}
              </Button>
            )}
          </Group>
        </Stack>
      </Paper>
      {asked.to === "" && <Empty title={t.explanation.begin}>{t.explanation.beginHint}</Empty>}
      {answer.isError && !placed && <Failed error={answer.error} retry={() => void answer.refetch()} />}
      {asked.to !== "" && answer.isPending && <Loading />}
      {asked.to !== "" && answer.data && !answer.isError && (
        <Explanation explanation={answer.data} place={adminPlace} user={(name) => `/users/${encodeURIComponent(name)}`} />
      )}
    </Page>
  );
}

/** The slots that may show the number of an inside caller. */
function CallingSlot({ number, value, onChange }: { number: string; value: string; onChange: (id: string) => void }) {
  const t = useTextOf(explanationRoom);
  const [settled] = useDebouncedValue(number.trim(), 150);
  const slots = useQuery({
    queryKey: ["config", "slots", "of number", settled],
    queryFn: ({ signal }) => ask(api.GET("/api/slots", { params: { query: { filter: settled || undefined, limit: 100 } }, signal })),
    enabled: settled !== "" || value !== "",
  });
  const options = (slots.data?.items ?? [])
    .filter((s) => s.numbers.includes(settled) || s.id === value)
    .map((s) => ({ value: s.id, label: t.explanation.ofUser(s.name || t.common.types[s.type], s.username) }));
  return (
    <Select
      label={t.explanation.fromSlot}
      placeholder={t.explanation.anySlot}
      data={options}
      value={options.some((o) => o.value === value) ? value : null}
      onChange={(id) => onChange(id ?? "")}
      disabled={options.length === 0}
      clearable
    />
  );
}
