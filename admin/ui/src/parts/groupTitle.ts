import type { TextsWith } from "../i18n/room";
import type { groupsRoom } from "../i18n/rooms/groups";

/** Titles that the built-in groups have from the beginning; until somebody gives them others they are said in the language of the page. */
const first: Record<string, string> = {
  admins: "Admins",
  users: "All Users",
  visible_users: "All visible users",
  slots: "All Slots",
  queues: "All Queues",
  faxes: "All faxes",
};

/** The title of a group. */
export function groupTitle(t: TextsWith<typeof groupsRoom>, g: { name: string; title: string }): string {
  return first[g.name] === g.title ? (t.groups.builtInTitles[g.name] ?? g.title) : g.title;
}
