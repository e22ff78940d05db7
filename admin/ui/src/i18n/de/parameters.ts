/** What groups of users give to their members, and how a setting says where it comes from. */
export const parameters = {
  title: "Vorgaben",
  hint: "Gilt für Mitglieder, die selbst nichts anderes festgelegt haben. Bei mehreren Gruppen geht die nähere vor: die mit dem Benutzer selbst vor der, die diese Gruppe enthält; unter gleich nahen die erste nach dem Namen. Zuletzt kommt die Gruppe aller Benutzer.",
  notGiven: "Nicht vorgegeben",
  on: "An",
  off: "Aus",
  numbers: "Rufnummern",
  people: "Benutzer",
  hideInside: "Intern keine Nummer zeigen",
  hideOutside: "Extern keine Nummer zeigen",
  fromGroup: "Vorgabe der Gruppe",
  own: "Selbst festgelegt",
  makeOwn: "Selbst festlegen",
  giveUp: "Vorgabe übernehmen",
  afterSaving: "Nach dem Speichern gilt die Vorgabe.",
  asGiven: "Wie vorgegeben",
};
