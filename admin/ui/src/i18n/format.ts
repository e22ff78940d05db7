import { useMemo } from "react";
import { useSpeech } from ".";

/** How times, spans and numbers are written in the language of the page. */
export function useFormat() {
  const { language } = useSpeech();
  return useMemo(() => {
    const locale = language === "de" ? "de-DE" : "en-GB";
    const moment = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "medium" });
    const day = new Intl.DateTimeFormat(locale, { dateStyle: "medium" });
    const short = new Intl.DateTimeFormat(locale, {
      weekday: "short",
      day: "2-digit",
      month: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
    });
    const clock = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit" });
    const number = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });
    const ago = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
    const safe = (f: Intl.DateTimeFormat) => (iso?: string | Date) => (iso ? f.format(new Date(iso)) : "");
    return {
      moment: safe(moment),
      day: safe(day),
      short: safe(short),
      clock: safe(clock),
      number: (n: number) => number.format(n),
      /** 75 s: 1:15; 4000 s: 1:06:40. */
      span: (seconds: number) => {
        const s = Math.max(0, Math.round(seconds));
        const two = (n: number) => String(n).padStart(2, "0");
        const h = Math.floor(s / 3600);
        const m = Math.floor(s / 60) % 60;
        return h ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`;
      },
      bytes: (n: number) => {
        const units = ["B", "KB", "MB", "GB", "TB"];
        let i = 0;
        for (; n >= 1024 && i < units.length - 1; i++) n /= 1024;
        return `${number.format(n)} ${units[i]}`;
      },
      ago: (iso: string) => {
        const s = (Date.parse(iso) - Date.now()) / 1000;
        const abs = Math.abs(s);
        if (abs < 60) return ago.format(Math.round(s), "second");
        if (abs < 3600) return ago.format(Math.round(s / 60), "minute");
        if (abs < 86_400) return ago.format(Math.round(s / 3600), "hour");
        return ago.format(Math.round(s / 86_400), "day");
      },
    };
  }, [language]);
}
