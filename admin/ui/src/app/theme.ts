import { createTheme, type MantineColorsTuple } from "@mantine/core";

// The colour of the house: the enamel of an old exchange.
const koppel: MantineColorsTuple = [
  "#e8f7f8",
  "#d3ebee",
  "#a6d6dc",
  "#75c0c9",
  "#4fadb9",
  "#37a1af",
  "#1f8793",
  "#0f6b78",
  "#0a5661",
  "#06434c",
];

export const theme = createTheme({
  primaryColor: "koppel",
  primaryShade: { light: 7, dark: 6 },
  colors: { koppel },
  defaultRadius: "md",
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif',
  fontFamilyMonospace: 'ui-monospace, "Cascadia Mono", "DejaVu Sans Mono", Menlo, monospace',
  headings: { fontWeight: "650", sizes: { h1: { fontSize: "1.55rem" }, h2: { fontSize: "1.2rem" }, h3: { fontSize: "1.05rem" } } },
  cursorType: "pointer",
  autoContrast: true,
  components: {
    Paper: { defaultProps: { withBorder: true, radius: "md" } },
    Table: { defaultProps: { verticalSpacing: "xs", highlightOnHover: true } },
    Tooltip: { defaultProps: { openDelay: 300, withArrow: true, multiline: true, maw: 340 } },
    Modal: { defaultProps: { centered: true, overlayProps: { blur: 2 } } },
    ActionIcon: { defaultProps: { variant: "subtle" } },
  },
});
