import type { bans as de } from "../de/bans";

export const bans: typeof de = {
  hint: "After too many wrong passwords none is looked at for a while. Whom that holds for now is listed here.",
  where: "Where",
  places: { sip: "Phones", login: "Login to the pages" },
  source: "Address",
  everywhere: "everywhere",
  account: "Account",
  everybody: "everybody there",
  failures: "Wrong passwords",
  until: "Until",
  lift: "Lift",
  none: "Nobody is kept out",
  noneHint: "Wrong passwords are counted, and forgotten with time.",
};
