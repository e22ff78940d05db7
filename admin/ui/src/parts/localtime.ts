/** Instants as the fields of a browser take them: in the time of where the viewer sits. */

const two = (n: number) => String(n).padStart(2, "0");

/** What a datetime-local field shows for an instant: "2026-12-24T14:00". */
export function localInput(iso: string | undefined): string {
  const d = iso ? new Date(iso) : undefined;
  if (!d || Number.isNaN(d.getTime())) return "";
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}T${two(d.getHours())}:${two(d.getMinutes())}`;
}

/** The instant for what stands in a datetime-local field, with the offset that holds there then; empty stays empty. */
export function localToISO(local: string): string {
  const d = local ? new Date(local) : undefined;
  if (!d || Number.isNaN(d.getTime())) return "";
  const east = -d.getTimezoneOffset();
  const offset = `${east < 0 ? "-" : "+"}${two(Math.floor(Math.abs(east) / 60))}:${two(Math.abs(east) % 60)}`;
  return `${localInput(d.toISOString())}:00${offset}`;
}

export const localZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone;
