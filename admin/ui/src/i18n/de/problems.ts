/** Messages of the API by their pattern. What none fits is shown as the server says it. */
export const problems: [RegExp, string][] = [
  [/^expected length >= (\d+)$/, "mindestens $1 Zeichen"],
  [/^expected length <= (\d+)$/, "höchstens $1 Zeichen"],
  [/^expected number >= (-?\d+)$/, "mindestens $1"],
  [/^expected number <= (-?\d+)$/, "höchstens $1"],
  [/^expected required property .* to be present$/, "wird gebraucht"],
  [/^expected string to be (.*)$/, "muss sein: $1"],
  [/^expected (integer|number)$/, "muss eine Zahl sein"],
  [/^username (.*) is taken$/, "Der Benutzername $1 ist vergeben"],
  [/^number (.*) belongs to (.*)$/, "Die Nummer $1 gehört $2"],
  [/^(\d+) belongs to (.*)$/, "$1 gehört $2"],
  [
    /^must be 1 to 64 of a-z, 0-9, dot, underscore and hyphen, and begin with a letter or digit$/,
    "1 bis 64 Zeichen aus a–z, 0–9, Punkt, Unterstrich und Bindestrich; am Anfang ein Buchstabe oder eine Ziffer",
  ],
  [/^(.*) is taken$/, "$1 ist vergeben"],
  [/^validation failed$/, "Bitte die markierten Felder prüfen."],
  [/^the server does not answer$/, "Der Server antwortet nicht."],
  [/^only administrators may do this$/, "Das dürfen nur Administratoren."],
  [/^it does not exist \(any more\)$/, "Das gibt es nicht (mehr)."],
  [/^it has been changed in the meantime.*$/, "Es ist inzwischen geändert worden."],
];
