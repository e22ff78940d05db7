/** Who is kept out for a while. */
export const bans = {
  hint: "Nach zu vielen falschen Passwörtern wird eine Weile keines mehr geprüft. Hier steht, für wen das gerade gilt.",
  where: "Wo",
  places: { sip: "Telefone", login: "Anmeldung an den Seiten" },
  source: "Adresse",
  everywhere: "überall",
  account: "Konto",
  everybody: "alle von dort",
  failures: "Fehlversuche",
  until: "Bis",
  lift: "Aufheben",
  none: "Niemand ist gesperrt",
  noneHint: "Falsche Passwörter werden gezählt und mit der Zeit vergessen.",
};
