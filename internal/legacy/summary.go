package legacy

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"slices"
)

// Lists of the printed summary are cut after so many lines; the files hold all.
const maxPrinted = 20

// word is a German or an English text.
func word(german bool, en, de string) string {
	if german {
		return de
	}
	return en
}

// WriteSummary prints the report in short.
func (r *Report) WriteSummary(out io.Writer, german bool) error {
	w := bufio.NewWriter(out)
	say := func(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) } // Flush tells of errors
	t := func(en, de string) string { return word(german, en, de) }
	if r.Done {
		say(t("4.5 at %s, taken over. It was not changed.", "4.5 in %s, übernommen. Daran wurde nichts verändert."), r.Source)
	} else {
		say(t("4.5 at %s, read in %.1f s. Nothing was changed.", "4.5 in %s, gelesen in %.1f s. Nichts wurde verändert."), r.Source, r.Seconds.Actual)
	}
	say("\n%s", t("Migrated:", word(r.Done, "Übernommen wird:", "Übernommen wurde:")))
	names := migratedNames()
	for _, k := range slices.Sorted(maps.Keys(r.Migrated)) {
		if n := r.Migrated[k]; n > 0 {
			say("  %7d  %s", n, t(names[k][0], names[k][1]))
		}
	}
	say("\n%s", t("Not migrated:", word(r.Done, "Nicht übernommen wird:", "Nicht übernommen wurde:")))
	words := wordings()
	total := map[string]int64{}
	owners := map[string]int{}
	for _, l := range r.NotMigrated {
		total[l.Kind] += l.Count
		if l.Owner != "" {
			owners[l.Kind]++
		}
	}
	for _, k := range slices.Sorted(maps.Keys(total)) {
		of := ""
		if owners[k] > 0 {
			of = fmt.Sprintf(t(" (users: %d)", " (%d Benutzer)"), owners[k])
		}
		say("  %7d  %s%s: %s", total[k], t(words[k].name, words[k].nameDE), of, t(words[k].reason, words[k].reasonDE))
	}
	r.printSettings(say, t)
	r.printPhones(say, t)
	dict := newDictionary()
	r.printFindings(say, t, func(message string) string {
		if german {
			return dict.german(message)
		}
		return message
	})
	if !r.Done {
		say("\n"+t("The upgrade will take about %.0f s.", "Das Update wird etwa %.0f s dauern."), r.Seconds.Estimate)
	}
	if r.Done {
		say("\n"+t("The upgrade took %.0f s.", "Das Update hat %.0f s gedauert."), r.Seconds.Actual)
	} else if r.Ready {
		say("%s", t("Nothing stands in the way.", "Es steht nichts im Weg."))
	} else {
		say("\n%s", t("In the way of the upgrade:", "Dem Update steht im Weg:"))
		stops := r.Stops
		if german {
			stops = r.stopsDE
		}
		for i, s := range stops {
			if i == maxPrinted {
				say(t("  and %d more", "  und %d weitere"), len(stops)-i)
				break
			}
			say("  - %s", s)
		}
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("printing the report: %w", err)
	}
	return nil
}

func (r *Report) printPhones(say func(string, ...any), t func(en, de string) string) {
	var bad []Phone
	for _, p := range r.Phones {
		if !p.Supported {
			bad = append(bad, p)
		}
	}
	if len(bad) == 0 {
		return
	}
	say("\n%s", t("Phones that 5 does not support:", "Telefone, die 5 nicht unterstützt:"))
	for i, p := range bad {
		if i == maxPrinted {
			say(t("  and %d more", "  und %d weitere"), len(bad)-i)
			break
		}
		say("  %s  %s  %s  %s", p.MAC, p.Model, p.User, p.Place)
	}
}

// printSettings says what has become of the settings in 4.5's files.
func (r *Report) printSettings(say func(string, ...any), t func(en, de string) string) {
	if len(r.Settings) == 0 {
		return
	}
	say("\n%s", t("Settings from the files of 4.5:", "Einstellungen aus den Dateien von 4.5:"))
	for i := range r.Settings {
		c := &r.Settings[i]
		switch {
		case c.Kept:
			say(t("  %s=%s: %s is set in the configuration of 5 already, and counts", "  %s=%s: %s steht schon in der Konfiguration von 5 und gilt"), c.Key, c.Value, c.As)
		case c.As != "":
			say(t("  %s=%s: carried over (%s)", "  %s=%s: übernommen (%s)"), c.Key, c.Value, c.As)
		case c.Value == "":
			say("  %s: %s", c.Key, t(c.Reason, c.ReasonDE))
		default:
			say("  %s=%s: %s", c.Key, c.Value, t(c.Reason, c.ReasonDE))
		}
	}
}

func (r *Report) printFindings(say func(string, ...any), t func(en, de string) string, words func(string) string) {
	if len(r.Problems) > 0 {
		say("\n%s", t("Problems (table, key, column):", "Auffälligkeiten (Tabelle, Schlüssel, Spalte):"))
		for i, p := range r.Problems {
			if i == maxPrinted {
				say(t("  and %d more", "  und %d weitere"), len(r.Problems)-i+r.Omitted)
				break
			}
			say("  %s %s %s: %s", p.Table, p.Key, p.Column, words(p.Message))
		}
	}
	if len(r.Unknown) > 0 {
		say("\n%s", t("Tables and columns that nobody reads, with rows:", "Tabellen und Spalten, die niemand liest, mit Zeilen:"))
		for _, u := range r.Unknown[:min(maxPrinted, len(r.Unknown))] {
			say("  %s %s: %d", u.Table, u.Column, u.Rows)
		}
	}
	if len(r.Proposals) > 0 {
		say("\n%s", t("Accounts that seem to be one person's, to be merged after the upgrade:", "Konten, die wohl zu einer Person gehören und nach dem Update zusammengeführt werden können:"))
		for i, p := range r.Proposals {
			if i == maxPrinted {
				say(t("  and %d more", "  und %d weitere"), len(r.Proposals)-i)
				break
			}
			line := "  " + p.Kept + " ←"
			for _, a := range p.Accounts[1:] {
				line += " " + a.User
			}
			say("%s", line)
		}
	}
}

// migratedNames are the kinds of what comes along in English and German.
func migratedNames() map[string][2]string {
	return map[string][2]string{
		"users": {"users", "Benutzer"}, "numbers": {"numbers", "Rufnummern"}, "slots": {"slots", "Slots"}, "ticks": {"ticks of the matrix", "Haken in der Matrix"},
		"slots_desk": {"desk phones among the slots", "davon Slots für Tischtelefone"}, "slots_dect": {"DECT phones among the slots", "davon Slots für DECT-Telefone"},
		"slots_mobile": {"mobile phones among the slots", "davon Slots für Mobilgeräte"}, "slots_softphone": {"softphones among the slots", "davon Slots für Softphones"},
		"profiles": {"forwarding profiles, all inactive", "Rufumleitungsprofile, alle inaktiv"}, "profile_rules": {"rules in forwarding profiles", "Regeln in Rufumleitungsprofilen"},
		"calendars": {"calendars of time rules", "Kalender für Zeitregeln"}, "call_blocks": {"call blocks", "Anrufsperren"}, "pins": {"PINs", "PINs"},
		"sip_accounts": {"SIP accounts that keep name and password", "SIP-Konten, die Name und Kennwort behalten"}, "groups": {"groups", "Gruppen"},
		"group_members": {"members of groups", "Mitglieder von Gruppen"}, "permissions": {"permissions", "Berechtigungen"},
		"pickup_groups": {"pickup groups", "Rufannahmegruppen"}, "hunt_groups": {"hunt groups", "Sammelanschlüsse"}, "fax_numbers": {"numbers of fax lines", "Rufnummern von Faxanschlüssen"},
	}
}
