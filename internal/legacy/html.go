package legacy

import (
	"bufio"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"maps"
	"slices"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

//go:embed report.html.tmpl
var page string

// language is the report in one language, as the template asks for it.
type language struct {
	*Report
	German bool
	lefts  map[string][]Left // by owner
	words  *dictionary
}

// Say is a message in the language.
func (l language) Say(message string) string {
	if l.German {
		return l.words.german(message)
	}
	return message
}

// WriteHTML writes the report as one page in German and English that needs nothing else: no script, no file, no network.
func (r *Report) WriteHTML(out io.Writer) error {
	t, err := template.New("report").Funcs(template.FuncMap{"word": func(first bool, a, b string) string { return word(!first, a, b) }}).Parse(page)
	if err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	lefts := map[string][]Left{}
	for _, l := range r.NotMigrated {
		lefts[l.Owner] = append(lefts[l.Owner], l)
	}
	w := bufio.NewWriter(out)
	if err := t.Execute(w, []language{{r, true, lefts, newDictionary()}, {r, false, lefts, nil}}); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

// Code is that of the language.
func (l language) Code() string { return word(l.German, "en", "de") }

// T chooses a text.
func (l language) T(de, en string) string { return word(l.German, en, de) }

// InTheWay says what stands in the way of the upgrade.
func (l language) InTheWay() []string {
	if l.German {
		return l.stopsDE
	}
	return l.Stops
}

// Count is a line of a table of counts.
type Count struct {
	N            int64
	Name, Reason string
	Users        int
}

// Along counts what is migrated.
func (l language) Along() (list []Count) {
	names := migratedNames()
	for _, k := range slices.Sorted(maps.Keys(l.Migrated)) {
		if l.Migrated[k] > 0 {
			list = append(list, Count{N: l.Migrated[k], Name: word(l.German, names[k][0], names[k][1])})
		}
	}
	return list
}

// Behind counts what is not, over all owners.
func (l language) Behind() (list []Count) {
	words := wordings()
	at := map[string]*Count{}
	for _, left := range l.NotMigrated {
		c := at[left.Kind]
		if c == nil {
			k := words[left.Kind]
			c = &Count{Name: word(l.German, k.name, k.nameDE), Reason: word(l.German, k.reason, k.reasonDE)}
			at[left.Kind] = c
		}
		c.N += left.Count
		if left.Owner != "" {
			c.Users++
		}
	}
	for _, k := range slices.Sorted(maps.Keys(at)) {
		list = append(list, *at[k])
	}
	return list
}

// SlotName is what a slot of a type is called.
func (l language) SlotName(t directory.SlotType) string { return slotName(t, l.Code()) }

// Unsupported are the phones that 5 does not support.
func (l language) Unsupported() (list []Phone) {
	for _, p := range l.Phones {
		if !p.Supported {
			list = append(list, p)
		}
	}
	return list
}

// Mail is what to write to a user.
func (l language) Mail(u UserItem) string { return l.mail(u, l.lefts[u.Username]) }

// mail tells a user what changes for him.
func (l language) mail(u UserItem, lefts []Left) string {
	words := wordings()
	text := fmt.Sprintf(l.T("Guten Tag %s,\n\nunsere Telefonanlage wird auf Version 5 umgestellt. Ihr Benutzername %s bleibt.", "Dear %s,\n\nour telephone system moves to version 5. Your user name %s stays."), u.FullName, u.Username)
	if u.Number != "" {
		text += fmt.Sprintf(l.T(" Ihre Rufnummer %s bleibt ebenfalls.", " So does your number %s."), u.Number)
	}
	text += "\n"
	if len(u.Profiles) > 0 {
		text += l.T("\nIhre Rufumleitungen bleiben erhalten, sind nach der Umstellung aber ausgeschaltet. Bitte schalten Sie sie bei Bedarf wieder ein:\n", "\nYour call forwarding is kept, but switched off after the move. Please switch it on again if you need it:\n")
		for _, p := range u.Profiles {
			text += "- " + p + "\n"
		}
	}
	if len(lefts) > 0 {
		text += l.T("\nNicht übernommen werden:\n", "\nThese are not taken over:\n")
		for _, left := range lefts {
			k := words[left.Kind]
			text += fmt.Sprintf("- %s: %d (%s)\n", word(l.German, k.name, k.nameDE), left.Count, word(l.German, k.reason, k.reasonDE))
		}
		text += l.T("\nBitte sichern Sie vorher, was Sie davon noch brauchen.\n", "\nPlease save before what you still need of it.\n")
	}
	return text + l.T("\nIhr Kennwort für die Webseiten erhalten Sie von Ihrer Administration.\n", "\nYour administrators will give you a password for the pages.\n")
}
