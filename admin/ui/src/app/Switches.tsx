import { ActionIcon, Button, Tooltip, useComputedColorScheme, useMantineColorScheme } from "@mantine/core";
import { useSpeech } from "../i18n";
import { IconMoon, IconSun } from "../parts/icons";

export function LanguageSwitch() {
  const { language, t, choose } = useSpeech();
  const other = language === "de" ? "en" : "de";
  return (
    <Button variant="subtle" size="compact-sm" lang={other} onClick={() => choose(other)}>
      {t.frame.language}
    </Button>
  );
}

export function SchemeSwitch() {
  const { t } = useSpeech();
  const { setColorScheme } = useMantineColorScheme();
  const scheme = useComputedColorScheme("light");
  const label = scheme === "dark" ? t.frame.light : t.frame.dark;
  return (
    <Tooltip label={label}>
      <ActionIcon aria-label={label} onClick={() => setColorScheme(scheme === "dark" ? "light" : "dark")}>
        {scheme === "dark" ? <IconSun size={18} /> : <IconMoon size={18} />}
      </ActionIcon>
    </Tooltip>
  );
}
