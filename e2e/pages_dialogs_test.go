//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// opening is a window over a page, or an editor, and what leads to it; names are those of both languages.
type opening struct {
	name, path string
	steps      []args
	// editor is a part of the page, no window.
	editor bool
}

func press(name string) args  { return args{"role": "button", "name": name, "pattern": true} }
func choose(name string) args { return args{"role": "menuitem", "name": name, "pattern": true} }

// everyOpening are the windows and editors in which people do most of what they do.
var everyOpening = map[string][]opening{
	"admin": {
		{name: "user", path: "/admin/users", steps: []args{press("^(Benutzer anlegen|Create a user)$")}},
		{name: "number", path: "/admin/users/ralf.ranke", steps: []args{press("^(Rufnummer|Number)( hinzufügen)?$")}},
		{name: "slot", path: "/admin/users/ralf.ranke", steps: []args{press("^(Slot hinzufügen|Add a slot)$"), choose("Softphone")}},
		{name: "number-settings", path: "/admin/users/ralf.ranke", steps: []args{press("^(Rufnummer 414 einstellen|Settings of number 414)")}},
		{name: "slot-settings", path: "/admin/users/ralf.ranke", steps: []args{{"selector": `[data-at="-1:0"]`}}},
		{name: "what-changes", path: "/admin/users/ralf.ranke", steps: []args{{"selector": `[data-at="0:0"]`}, press("^(Was ändert sich\\?|What changes\\?)$")}},
		{name: "password", path: "/admin/users/ralf.ranke", steps: []args{press("^(Passwort setzen|Set password)$")}},
		{name: "delete", path: "/admin/users/ralf.ranke", steps: []args{press("^(Löschen|Delete)$")}},
		{name: "impersonate", path: "/admin/users/ralf.ranke", steps: []args{press("^(Imitieren|Impersonate|Act as)")}},
		{name: "search", path: "/admin/", steps: []args{press("(Strg K|Ctrl K|^(Suche|Suchen|Search)$)")}},
		{name: "group", path: "/admin/groups", steps: []args{press("^(Neue|New) ")}},
		{name: "pickup-group", path: "/admin/pickupgroups", steps: []args{press("^(Neue|New) ")}},
		{name: "rule", path: "/admin/rules/new", editor: true},
		{name: "calendar", path: "/admin/calendars/new", editor: true},
		{name: "hunt-group", path: "/admin/huntgroups/new", editor: true},
		{name: "import", path: "/admin/import/users", editor: true},
		{name: "profile", path: "/admin/users/armin.artmann/profiles/PROFILE", editor: true},
	},
	"user": {
		{name: "number-settings", path: "/numbers", steps: []args{press("^(Rufnummer 416 einstellen|Settings of number 416)")}},
		{name: "account", path: "/devices", steps: []args{press("^(Zugangsdaten zeigen|Show account)$")}},
		{name: "app", path: "/security", steps: []args{press("^(Einrichten|Set up)$")}},
		{name: "search", path: "/", steps: []args{press("(Strg K|Ctrl K|^(Suche|Suchen|Search)$)")}},
		{name: "profile", path: "/profiles/PROFILE", editor: true},
	},
}

// openings opens them one after the other: axe finds nothing serious in them either.
func openings(t *testing.T, p *person, side, look, profile string) {
	t.Helper()
	for _, o := range everyOpening[side] {
		p.part(t, look+"/"+o.name, func(t *testing.T) {
			p.open(strings.Replace(o.path, "PROFILE", profile, 1))
			p.do("sees", args{"selector": "#content h1"}, nil)
			p.settled()
			for _, s := range o.steps {
				p.do("click", s, nil)
			}
			if !o.editor {
				p.do("sees", args{"selector": "[role=dialog]"}, nil)
			}
			p.settled()
			if shots := os.Getenv("KOPPELFELD_SHOTS"); shots != "" {
				p.do("shot", args{"path": filepath.Join(shots, fmt.Sprintf("%s-window-%s-%s.png", side, o.name, look)), "full": o.editor}, nil)
			}
			p.clean(t)
		})
	}
}
