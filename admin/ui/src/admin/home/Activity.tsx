import { Box, Group, Table, Text } from "@mantine/core";
import { useElementSize } from "@mantine/hooks";
import { useText } from "../../i18n";
import { useFormat } from "../../i18n/format";
import { merged, type Step, scale } from "./activity";

const height = 190;
const left = 34;
const bottom = 22;
const kinds = ["answered", "missed", "failed"] as const;

/** Calls of a day as bars: what was answered below, what was not on top. The same stands as a table for who does not see. */
export function Activity({ steps }: { steps: Step[] }) {
  const t = useText();
  const f = useFormat();
  const { ref, width } = useElementSize();
  const all = (k: (typeof kinds)[number]) => steps.reduce((s, x) => s + x[k], 0);
  const bars = merged(steps, Math.max(12, Math.floor((width - left) / 10)));
  const lines = scale(Math.max(0, ...bars.map((b) => b.answered + b.missed + b.failed)));
  const top = lines.at(-1) ?? 1;
  const plot = height - bottom - 8;
  const each = Math.max(0, width - left) / Math.max(1, bars.length);
  const y = (v: number) => 8 + plot - (v / top) * plot;
  const every = Math.max(1, Math.ceil(54 / Math.max(1, each)));
  return (
    <div>
      <Group gap="md" mb={4}>
        {kinds.map((k) => (
          <Group key={k} gap={6} wrap="nowrap">
            <span className={`kf-legend kf-${k}`} aria-hidden />
            <Text size="sm">
              {t.home[k]}: <b className="kf-tabular">{f.number(all(k))}</b>
            </Text>
          </Group>
        ))}
      </Group>
      <Box ref={ref}>
        {width > 0 && (
          <svg width={width} height={height} role="img" aria-label={t.home.chart(all("answered"), all("missed"), all("failed"))}>
            {lines.map((v) => (
              <g key={v}>
                <line className="kf-grid" x1={left} x2={width} y1={y(v)} y2={y(v)} />
                <text className="kf-axis" x={left - 6} y={y(v) + 4} textAnchor="end">
                  {f.number(v)}
                </text>
              </g>
            ))}
            {bars.map((b, i) => {
              const x = left + i * each + 0.5;
              const w = Math.max(1, each - 1.5);
              let from = 0;
              return (
                <g key={b.at}>
                  <title>{`${f.clock(b.at)}: ${kinds.map((k) => `${b[k]} ${t.home[k]}`).join(", ")}`}</title>
                  <rect x={x} y={8} width={w} height={plot} fill="transparent" />
                  {kinds.map((k) => {
                    const start = from;
                    from += b[k];
                    return b[k] > 0 ? <rect key={k} className={`kf-${k}`} x={x} y={y(from)} width={w} height={y(start) - y(from)} /> : null;
                  })}
                  {i % every === 0 && i * each < width - left - 30 && (
                    <text className="kf-axis" x={x} y={height - 6}>
                      {f.clock(b.at)}
                    </text>
                  )}
                </g>
              );
            })}
          </svg>
        )}
      </Box>
      <details className="kf-details">
        <summary>{t.home.asTable}</summary>
        <Table withRowBorders={false} verticalSpacing={2} w="auto">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t.home.from}</Table.Th>
              {kinds.map((k) => (
                <Table.Th key={k} ta="right">
                  {t.home[k]}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {merged(steps, 24).map((b) => (
              <Table.Tr key={b.at}>
                <Table.Td>{f.clock(b.at)}</Table.Td>
                {kinds.map((k) => (
                  <Table.Td key={k} ta="right">
                    {b[k]}
                  </Table.Td>
                ))}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </details>
    </div>
  );
}
