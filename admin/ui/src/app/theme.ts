import { createTheme, defaultVariantColorsResolver, type MantineColorsTuple, parseThemeColor } from "@mantine/core";

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
  primaryShade: 7,
  // Words on a light ground of their own colour are dark enough to be read (WCAG 2.2, 1.4.3), in both schemes.
  variantColorResolver: (input) => {
    const colours = defaultVariantColorsResolver(input);
    const { color, isThemeColor } = parseThemeColor({ color: input.color ?? input.theme.primaryColor, theme: input.theme });
    // White on the plain red would be too pale.
    if (input.variant === "filled" && color === "red") {
      return { ...colours, background: "var(--mantine-color-red-9)", hover: "color-mix(in srgb, var(--mantine-color-red-9) 85%, black)" };
    }
    if (input.variant !== "light" || !isThemeColor) return colours;
    return {
      ...colours,
      color: `light-dark(color-mix(in srgb, var(--mantine-color-${color}-9) 65%, black), var(--mantine-color-${color}-2))`,
    };
  },
  colors: { koppel },
  defaultRadius: "md",
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif',
  fontFamilyMonospace: 'ui-monospace, "Cascadia Mono", "DejaVu Sans Mono", Menlo, monospace',
  headings: { fontWeight: "650", sizes: { h1: { fontSize: "1.55rem" }, h2: { fontSize: "1.2rem" }, h3: { fontSize: "1.05rem" } } },
  cursorType: "pointer",
  autoContrast: true,
  components: {
    // Words as they are written: capitals throughout are hard to read.
    Badge: { styles: { root: { textTransform: "none", flexShrink: 0 } } },
    Paper: { defaultProps: { withBorder: true, radius: "md" } },
    Table: { defaultProps: { verticalSpacing: "xs", highlightOnHover: true } },
    Tooltip: { defaultProps: { openDelay: 300, withArrow: true, multiline: true, maw: 340 } },
    Modal: { defaultProps: { centered: true, overlayProps: { blur: 2 } } },
    ActionIcon: { defaultProps: { variant: "subtle" } },
  },
});
