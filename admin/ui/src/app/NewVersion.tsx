import { Alert, Button, Group, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useText } from "../i18n";
import { IconRefresh } from "../parts/icons";

/** Whether a page that the server hands out begins with another script. What is no page of ours (a proxy's notice) says nothing. */
export const isOther = (page: string, script: string) => page.includes('type="module"') && !page.includes(script);

/** Whether the server hands out other pages than those that run here. Its script has another name with each version. */
async function replaced(): Promise<boolean> {
  const script = document.querySelector<HTMLScriptElement>('script[type="module"][src]')?.getAttribute("src");
  if (!script) return false;
  const answer = await fetch("/", { cache: "no-store" });
  return answer.ok && isOther(await answer.text(), script);
}

/** Says that Koppelfeld has been updated under the open page, and offers to load the new one (SPEC U1). */
export function NewVersion() {
  const t = useText();
  const [missing, setMissing] = useState(false);
  const other = useQuery({
    queryKey: ["pages"],
    queryFn: replaced,
    staleTime: 60_000,
    refetchInterval: 60_000,
    retry: false,
  });
  // A part that is loaded late is no longer there after an update.
  useEffect(() => {
    const notice = () => setMissing(true);
    window.addEventListener("vite:preloadError", notice);
    return () => window.removeEventListener("vite:preloadError", notice);
  }, []);
  if (!missing && !other.data) return null;
  return (
    <Alert color="blue" title={t.common.newVersion} icon={<IconRefresh size={18} aria-hidden />} mb="md" role="status">
      <Group justify="space-between">
        <Text size="sm">{t.common.newVersionHint}</Text>
        <Button size="xs" onClick={() => location.reload()}>
          {t.common.reload}
        </Button>
      </Group>
    </Alert>
  );
}
