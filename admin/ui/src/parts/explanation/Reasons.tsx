import { Anchor, List, Text } from "@mantine/core";
import { Link } from "wouter";
import { useSpeech } from "../../i18n";
import { useTextOf } from "../../i18n/room";
import { explanationRoom } from "../../i18n/rooms/explanation";
import { IconArrowUpRight } from "../icons";
import type { Reason, SettingPlace } from "./settings";

/** A reason in the language of the page, and the way to the setting that caused it. */
export function ReasonText({ reason, place }: { reason: Reason; place: SettingPlace }) {
  const { language } = useSpeech();
  const t = useTextOf(explanationRoom);
  const to = place(reason);
  const s = reason.setting;
  const named = s ? t.explanation.settings[s.type as keyof typeof t.explanation.settings] : undefined;
  const what = s && (typeof named === "function" ? named(s.id) : (named ?? t.explanation.setting));
  return (
    <Text size="sm" component="span">
      {language === "de" ? reason.de : reason.en}
      {to && what && (
        <>
          {" "}
          <Anchor component={Link} href={to} size="sm" title={t.explanation.toSetting(what)} style={{ whiteSpace: "nowrap" }}>
            {what}
            <IconArrowUpRight size={13} aria-hidden style={{ verticalAlign: "-2px" }} />
          </Anchor>
        </>
      )}
    </Text>
  );
}

/** The steps of a decision, in order. */
export function Reasons({ reasons, place }: { reasons: Reason[]; place: SettingPlace }) {
  const t = useTextOf(explanationRoom);
  if (reasons.length === 0) {
    return (
      <Text size="sm" c="dimmed">
        {t.explanation.noSteps}
      </Text>
    );
  }
  return (
    <List type="ordered" size="sm" spacing={4}>
      {reasons.map((r, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: steps have no name but their place
        <List.Item key={i}>
          <ReasonText reason={r} place={place} />
        </List.Item>
      ))}
    </List>
  );
}
