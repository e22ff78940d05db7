import { Autocomplete, Group, Text } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api, ask } from "../../api/client";
import { tidyNumber } from "./numbers";

export interface NumberFieldProps {
  label: string;
  description?: string;
  value: string;
  onChange: (v: string) => void;
  error?: string;
  required?: boolean;
  placeholder?: string;
  /** Called when a proposed number was picked, or Enter pressed. */
  onPick?: (v: string) => void;
  /** Puts pasted numbers into the form that the API takes. Not where function codes may be typed. */
  tidy?: boolean;
}

/** A number; those of the house that the viewer may see are proposed while typing. */
export function NumberField(p: NumberFieldProps) {
  const [settled] = useDebouncedValue(p.value, 150);
  const found = useQuery({
    queryKey: ["config", "numbers", "proposed", settled],
    queryFn: ({ signal }) => ask(api.GET("/api/numbers", { params: { query: { filter: settled || undefined, limit: 8 } }, signal })),
    placeholderData: keepPreviousData,
  });
  const owners = new Map(found.data?.items.map((n) => [n.number, n.owner_name || n.owner]));
  return (
    <Autocomplete
      label={p.label}
      description={p.description}
      placeholder={p.placeholder}
      inputWrapperOrder={["label", "input", "description", "error"]}
      value={p.value}
      onChange={p.onChange}
      onBlur={() => p.tidy && tidyNumber(p.value) !== p.value && p.onChange(tidyNumber(p.value))}
      onOptionSubmit={p.onPick}
      onKeyDown={(e) => {
        if (p.onPick && e.key === "Enter" && p.value) {
          e.preventDefault();
          p.onPick(tidyNumber(p.value));
        }
      }}
      error={p.error}
      required={p.required}
      maxLength={64}
      data={[...owners.keys()]}
      filter={({ options }) => options}
      renderOption={({ option }) => (
        <Group gap="xs" justify="space-between" w="100%" wrap="nowrap">
          <Text size="sm" className="kf-tabular">
            {option.value}
          </Text>
          <Text size="xs" c="dimmed" truncate>
            {owners.get(option.value)}
          </Text>
        </Group>
      )}
    />
  );
}
