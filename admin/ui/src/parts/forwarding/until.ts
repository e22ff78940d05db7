import { useMemo } from "react";
import { useSpeech } from "../../i18n";
import { useTextOf } from "../../i18n/room";
import { forwardingRoom } from "../../i18n/rooms/forwarding";

const day = 86_400_000;

/** What the clocks show where the instant was written: the offset in it is that of the schedule or calendar, which may not be the viewer's. */
const wall = (iso: string) => Date.parse(iso.replace(/(Z|[+-]\d\d:\d\d)$/, "Z"));

/** The day on which the clocks there stand, counted from 1970, for an instant written with that offset. */
function dayOf(iso: string, now?: number): number {
  if (now === undefined) return Math.floor(wall(iso) / day);
  const offset = wall(iso) - Date.parse(iso);
  return Math.floor((now + offset) / day);
}

/** Says when something changes: "heute, 17:00", "Montag, 08:00" within the week, else with the date; in the time of its schedule. */
export function useMoment() {
  const { language } = useSpeech();
  const t = useTextOf(forwardingRoom);
  return useMemo(() => {
    const locale = language === "de" ? "de-DE" : "en-GB";
    const time = { hour: "2-digit", minute: "2-digit", timeZone: "UTC" } as const;
    const clock = new Intl.DateTimeFormat(locale, time);
    const near = new Intl.DateTimeFormat(locale, { weekday: "long", ...time });
    const far = new Intl.DateTimeFormat(locale, { weekday: "short", day: "numeric", month: "short", year: "numeric", ...time });
    return (iso: string | undefined, now = Date.now()): string => {
      if (!iso) return "";
      const ahead = dayOf(iso) - dayOf(iso, now);
      if (ahead === 0) return t.forwarding.today(clock.format(wall(iso)));
      return (ahead > 0 && ahead < 7 ? near : far).format(wall(iso));
    };
  }, [language, t]);
}
