package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/app/adminjoin"
	"github.com/koppelfeld/koppelfeld/internal/config"
	"github.com/koppelfeld/koppelfeld/internal/store"
	"github.com/koppelfeld/koppelfeld/internal/transfer"
	"github.com/koppelfeld/koppelfeld/internal/version"
)

// ExportOptions say what an export holds.
type ExportOptions struct {
	What          []string // users, phones, groups, system; none for all that fits
	Groups, Users []string // none for everybody
	Passphrase    string   // locks the secrets; empty leaves them out
	German        bool     // language of what is printed
}

func (o *ExportOptions) choice() transfer.Choice {
	c := transfer.Choice{Groups: o.Groups, Users: o.Users}
	for _, w := range o.What {
		c.What = append(c.What, transfer.What(w))
	}
	return c
}

// Export writes users, groups and what belongs to them to file, and a summary to out.
func Export(ctx context.Context, cfg config.Config, o ExportOptions, file, out io.Writer) error {
	st, err := openStore(ctx, cfg)
	if err != nil {
		return err
	}
	defer st.Close()
	m, err := transfer.Export(file, st.Snapshot(), transfer.Options{
		Choice: o.choice(), Passphrase: o.Passphrase, Source: cfg.SIP.Domain, Program: version.Version, MadeAt: time.Now(),
	})
	if err != nil {
		return spoken(err, o.German)
	}
	return printExport(out, &m, o.German)
}

func printExport(out io.Writer, m *transfer.Manifest, german bool) error {
	text := "exported: %d users, %d numbers, %d slots, %d profiles, %d groups, %d hunt groups\n"
	secrets := "Passwords, PINs and SIP passwords are in the file, locked with the passphrase.\n"
	none := "Passwords, PINs and SIP passwords are not in the file. An import gives devices new SIP passwords, and users need new passwords.\n"
	if german {
		text = "Exportiert: %d Benutzer, %d Nummern, %d Slots, %d Profile, %d Gruppen, %d Sammelanschlüsse\n"
		secrets = "Passwörter, PINs und SIP-Passwörter sind in der Datei, mit der Passphrase verschlossen.\n"
		none = "Passwörter, PINs und SIP-Passwörter sind nicht in der Datei. Beim Import erhalten Geräte neue SIP-Passwörter, und Benutzer brauchen neue Passwörter.\n"
	}
	if _, err := fmt.Fprintf(out, text, m.Counts.Users, m.Counts.Numbers, m.Counts.Slots, m.Counts.Profiles, m.Counts.Groups, m.Counts.HuntGroups); err != nil {
		return err
	}
	if m.Secrets {
		none = secrets
	}
	_, err := io.WriteString(out, none)
	return err
}

// ImportOptions say how a file is imported.
type ImportOptions struct {
	Preview       bool
	Replace       bool
	SkipConflicts bool
	Passphrase    string
	German        bool
	All           bool // print what stays the same, too
}

// ConflictError is returned when a file was looked at and something in it is in conflict with what is here.
type ConflictError struct{ text string }

// Error says so.
func (e *ConflictError) Error() string { return e.text }

// ExitCode is that of a process that ends with the error.
func (*ConflictError) ExitCode() int { return 2 }

// Import puts a file of size bytes into the configuration, or says what that would do, and prints what becomes of each object. It returns
// *ConflictError when objects are in conflict and were not to be skipped.
func Import(ctx context.Context, cfg config.Config, o ImportOptions, file io.ReaderAt, size int64, out io.Writer) error {
	contents, err := transfer.Open(file, size, o.Passphrase)
	if err != nil {
		return spoken(err, o.German)
	}
	st, err := openStore(ctx, cfg)
	if err != nil {
		return err
	}
	defer st.Close()
	g, err := openGate(ctx, st)
	if err != nil {
		return err
	}
	how := transfer.How{Mode: transfer.Merge, SkipConflicts: o.SkipConflicts || o.Preview, MayCreateUsers: g.CreateUsers}
	if o.Replace {
		how.Mode = transfer.Replace
	}
	result, err := adminjoin.Import(ctx, st, contents, how, o.Preview, store.Change{Actor: "root", Source: "import", Reason: importReason(contents)})
	if err != nil && result == nil {
		return spoken(refusalIn(err, o.German), o.German)
	}
	if err := printImport(out, result, o); err != nil {
		return err
	}
	conflicts := result.Count("", transfer.Conflict)
	switch {
	case conflicts == 0 || o.SkipConflicts && !o.Preview:
		return nil
	case o.German:
		return &ConflictError{fmt.Sprintf("%d Objekte der Datei stehen in Konflikt mit dem, was hier ist. Es wurde nichts geändert. Lösen Sie die Konflikte, oder lassen Sie diese Objekte mit --skip-conflicts weg.", conflicts)}
	}
	return &ConflictError{fmt.Sprintf("%d objects of the file are in conflict with what is here; nothing has been changed. Resolve the conflicts, or leave these objects out with --skip-conflicts", conflicts)}
}

func importReason(c *transfer.Contents) string {
	return "export of " + c.Manifest.Source + " of " + c.Manifest.MadeAt.Format(time.DateTime)
}

// spoken is an error in the language of whoever reads it.
func spoken(err error, german bool) error {
	var r *transfer.Refusal
	if german && errors.As(err, &r) {
		return errors.New(r.De)
	}
	return err
}

// kindNames name kinds of objects for people.
var kindNames = map[transfer.Kind][2]string{
	transfer.KindUser: {"users", "Benutzer"}, transfer.KindNumber: {"numbers", "Nummern"}, transfer.KindSlot: {"slots", "Slots"},
	transfer.KindProfile: {"forwarding profiles", "Weiterleitungsprofile"}, transfer.KindGroup: {"groups", "Gruppen"},
	transfer.KindHunt: {"hunt groups", "Sammelanschlüsse"}, transfer.KindPickup: {"pickup groups", "Rufannahmegruppen"},
	transfer.KindCalendar: {"calendars", "Kalender"}, transfer.KindRule: {"system-wide rules", "systemweite Regeln"},
	transfer.KindCode: {"function codes", "Funktionscodes"}, transfer.KindFax: {"fax lines", "Faxleitungen"}, transfer.KindWhole: {"configuration", "Konfiguration"},
}

var actionNames = map[transfer.Action][2]string{
	transfer.New: {"new", "neu"}, transfer.Changed: {"changed", "geändert"}, transfer.Same: {"same", "gleich"},
	transfer.Removed: {"removed", "entfernt"}, transfer.Conflict: {"CONFLICT", "KONFLIKT"},
}

// printImport prints counts by kind, and each object that changes or is in conflict.
func printImport(out io.Writer, r *transfer.Result, o ImportOptions) error {
	lang := 0
	if o.German {
		lang = 1
	}
	var b strings.Builder
	for _, k := range transfer.Kinds {
		var counts []string
		for _, a := range []transfer.Action{transfer.New, transfer.Changed, transfer.Removed, transfer.Same, transfer.Conflict} {
			if n := r.Count(k, a); n > 0 {
				counts = append(counts, fmt.Sprintf("%d %s", n, actionNames[a][lang]))
			}
		}
		if len(counts) > 0 {
			fmt.Fprintf(&b, "%-22s %s\n", kindNames[k][lang], strings.Join(counts, ", "))
		}
	}
	for i := range r.Items {
		item := &r.Items[i]
		if item.Action == transfer.Same && !o.All {
			continue
		}
		name := item.Name
		if item.Owner != "" {
			name += " (" + item.Owner + ")"
		}
		fmt.Fprintf(&b, "  %-9s %-16s %s", actionNames[item.Action][lang], item.Kind, name)
		for k, f := range item.Fields {
			sep := ", "
			if k == 0 {
				sep = ": "
			}
			b.WriteString(sep + f.Field)
			if f.Before != nil || f.After != nil {
				fmt.Fprintf(&b, " %s → %s", short(f.Before), short(f.After))
			}
		}
		for _, p := range item.Problems {
			if o.German && p.De != "" {
				p.Field, p.Message = "", p.De
			}
			b.WriteString("\n            " + strings.TrimPrefix(p.Field+": ", ": ") + p.Message)
		}
		b.WriteByte('\n')
	}
	if r.NewSecrets > 0 {
		fmt.Fprintf(&b, [2]string{
			"%d slots have new SIP passwords, because the file brings none: they are shown with each slot in the pages.\n",
			"%d Slots haben neue SIP-Passwörter, weil die Datei keine enthält. Sie stehen in der Verwaltung beim jeweiligen Slot.\n",
		}[lang], r.NewSecrets)
	}
	if r.NoPassword > 0 {
		fmt.Fprintf(&b, [2]string{"%d new users have no password yet and cannot log in.\n", "%d neue Benutzer haben noch kein Passwort und können sich nicht anmelden.\n"}[lang], r.NoPassword)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func short(v []byte) string {
	switch r := []rune(string(v)); {
	case len(r) == 0:
		return "-"
	case len(r) > 60:
		return string(r[:60]) + "…"
	}
	return string(v)
}
