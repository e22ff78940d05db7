import { Alert, Anchor, Group, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useLocation } from "wouter";
import { api, ask } from "../../api/client";
import { useSpeech } from "../../i18n";
import { useTextOf } from "../../i18n/room";
import { licenceRoom } from "../../i18n/rooms/licence";
import { colourOf } from "./colour";

/** Stands on top of the pages of administrators as long as there is something to know of the licence. */
export default function Banner() {
  const t = useTextOf(licenceRoom);
  const { language } = useSpeech();
  const [path] = useLocation();
  const status = useQuery({
    queryKey: ["config", "licence"],
    queryFn: ({ signal }) => ask(api.GET("/api/licence", { signal })),
    staleTime: 600_000,
    refetchInterval: 3_600_000,
  });
  const s = status.data;
  if (!s || s.reason.code === "valid" || path === "/licence") return null;
  return (
    <Alert color={colourOf(s)} py={6} mb="md" role="status" aria-label={t.licence.title}>
      <Group gap="md" justify="space-between">
        <Text size="sm">{s.reason[language]}</Text>
        <Anchor component={Link} href="/licence" size="sm" c="inherit" underline="always">
          {t.licence.toPage}
        </Anchor>
      </Group>
    </Alert>
  );
}
