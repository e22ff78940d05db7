export const home = {
  title: "Hauptseite",
  counts: "Eingerichtet",
};
