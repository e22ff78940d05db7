import { Alert, Box, Divider, Group, Paper, Stack, Text, Title } from "@mantine/core";
import { Link } from "wouter";
import type { Schemas } from "../../api/client";
import { useTextOf } from "../../i18n/room";
import { explanationRoom } from "../../i18n/rooms/explanation";
import { IconBell, IconBellOff, IconKeyframes } from "../icons";
import { outcomeText, targetText } from "./outcome";
import { Reasons } from "./Reasons";
import { Slots } from "./Slots";
import type { SettingPlace } from "./settings";

interface Places {
  place: SettingPlace;
  /** The page of a user, where there is one. */
  user?: (username: string) => string;
}

/** Why a call rings where it rings, and what comes when nobody answers. */
export function Explanation({ explanation: e, ...places }: Places & { explanation: Schemas["Explanation"] }) {
  const t = useTextOf(explanationRoom);
  const shown = (s: Schemas["Shown"]) => (s.number ? (s.name ? `${s.name} (${s.number})` : s.number) : t.explanation.suppressed);
  return (
    <Stack gap="md">
      <Outcome stage={e} />
      <Part title={t.explanation.whoRings} when={e.targets.length > 0}>
        <Targets targets={e.targets} {...places} />
        <Text size="sm" c="dimmed">
          {t.explanation.shown} {t.explanation.shownTo(shown(e.shown))}; {t.explanation.shownCalled(shown(e.shown_called))}.
        </Text>
      </Part>
      <Part title={t.explanation.slots} when={e.slots.length > 0}>
        <Slots
          place={places.place}
          slots={e.slots.map((s) => ({
            id: s.slot_id,
            title: s.name || t.common.types[s.type as keyof typeof t.common.types] || s.slot_id,
            user: s.username,
            rings: s.rings,
            reasons: s.reasons,
          }))}
        />
      </Part>
      <Part title={t.explanation.steps}>
        <Reasons reasons={e.reasons} place={places.place} />
      </Part>
      <Part title={t.explanation.next} when={!!e.then?.length}>
        <Text size="sm" c="dimmed">
          {t.explanation.nextHint}
        </Text>
        <Next stages={e.then ?? []} {...places} />
        {e.truncated && <Text size="sm">{t.explanation.truncated}</Text>}
      </Part>
    </Stack>
  );
}

function Part({ title, when = true, children }: { title: string; when?: boolean; children: React.ReactNode }) {
  if (!when) return null;
  return (
    <Paper component="section" p="md" aria-label={title}>
      <Stack gap="sm">
        <Title order={2} fz="md">
          {title}
        </Title>
        {children}
      </Stack>
    </Paper>
  );
}

function Outcome({ stage }: { stage: Pick<Schemas["Following"], "outcome" | "targets" | "hops" | "ring_seconds" | "keep"> }) {
  const t = useTextOf(explanationRoom);
  const rings = stage.outcome === "ring";
  const icon = rings ? <IconBell aria-hidden /> : stage.outcome === "command" ? <IconKeyframes aria-hidden /> : <IconBellOff aria-hidden />;
  return (
    <Alert color={rings ? "teal" : stage.outcome === "command" ? "blue" : "orange"} icon={icon} role="status">
      <Text size="md" fw={600}>
        {outcomeText(t, stage)}
      </Text>
      {stage.keep && <Text size="sm">{t.explanation.keep}</Text>}
    </Alert>
  );
}

function Targets({ targets, user }: { targets: Schemas["Target"][] } & Places) {
  const t = useTextOf(explanationRoom);
  return (
    <Stack gap={4}>
      {targets.map((x) => (
        <Group key={`${x.slot_id} ${x.outside} ${x.number}`} gap="xs">
          <IconBell size={16} aria-hidden color="var(--mantine-color-teal-6)" />
          <Text size="sm">
            {x.username && user ? (
              <Link className="kf-link" href={user(x.username)}>
                {targetText(t, x)}
              </Link>
            ) : (
              targetText(t, x)
            )}
          </Text>
          <Text size="sm" c="dimmed" className="kf-tabular">
            {[
              x.number,
              x.outside && x.slot_id && t.explanation.outside(x.outside),
              x.ring_seconds && t.explanation.atMost(x.ring_seconds),
              x.emergency && t.explanation.emergency,
            ]
              .filter(Boolean)
              .join(" · ")}
          </Text>
        </Group>
      ))}
    </Stack>
  );
}

/** What comes after a stage, case by case, as deep as it goes. */
function Next({ stages, ...places }: Places & { stages: Schemas["Following"][] }) {
  const t = useTextOf(explanationRoom);
  return (
    <Stack gap="md">
      {stages.map((s, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: there is one of each case
        <Box key={i}>
          {i > 0 && <Divider mb="md" />}
          <Stack gap="xs">
            <Text size="sm" fw={600}>
              … {t.explanation.on[s.on]}:
            </Text>
            <Outcome stage={s} />
            <details>
              <summary>
                <Text size="sm" component="span">
                  {t.explanation.steps}
                </Text>
              </summary>
              <Box pt="xs">
                <Reasons reasons={s.reasons} place={places.place} />
              </Box>
            </details>
            {s.then && s.then.length > 0 && (
              <Box pl="md" style={{ borderLeft: "3px solid var(--kf-line)" }}>
                <Next stages={s.then} {...places} />
              </Box>
            )}
          </Stack>
        </Box>
      ))}
    </Stack>
  );
}
