import type { parameters as de } from "../de/parameters";

export const parameters: typeof de = {
  title: "Defaults",
  hint: "They hold for members who have set nothing else themselves. Of several groups the nearer one counts: the one that lists the user before the one that holds that group; of equally near ones the first by name. The group of all users comes last.",
  notGiven: "Not set",
  on: "On",
  off: "Off",
  numbers: "Numbers",
  people: "Users",
  hideInside: "Show no number inside",
  hideOutside: "Show no number outside",
  fromGroup: "From the group",
  own: "Set here",
  makeOwn: "Set it here",
  giveUp: "Follow the groups",
  afterSaving: "After saving, what the groups say holds.",
  asGiven: "As the groups say",
};
