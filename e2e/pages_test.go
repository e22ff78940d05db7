//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// args names an element of a page as people would, and what to do with it; see browser/pages.mjs.
type args = map[string]any

// person is somebody who looks at the pages in a browser of their own.
type person struct {
	t   testing.TB
	b   *browser
	who string
}

// look lets somebody open a browser at the daemon. Options are those of "person" in browser/pages.mjs.
func look(t testing.TB, b *browser, d *daemon, who string, options args) *person {
	t.Helper()
	p := &person{t: t, b: b, who: who}
	all := args{"base": "https://" + d.admin}
	for k, v := range options {
		all[k] = v
	}
	p.do("person", all, nil)
	return p
}

func (p *person) do(name string, a args, into any) {
	p.t.Helper()
	with := args{"who": p.who}
	for k, v := range a {
		with[k] = v
	}
	p.b.do(name, with, into)
}

func (p *person) open(path string) { p.t.Helper(); p.do("open", args{"path": path}, nil) }

func (p *person) click(role, name string) {
	p.t.Helper()
	p.do("click", args{"role": role, "name": name}, nil)
}

func (p *person) fill(label, value string) {
	p.t.Helper()
	p.do("fill", args{"label": label, "value": value}, nil)
}
func (p *person) press(key string) { p.t.Helper(); p.do("press", args{"key": key}, nil) }
func (p *person) sees(text string) { p.t.Helper(); p.do("sees", args{"text": text}, nil) }

func (p *person) seesRole(role, name string) {
	p.t.Helper()
	p.do("sees", args{"role": role, "name": name}, nil)
}

func (p *person) settled() { p.t.Helper(); p.do("settled", nil, nil) }
func (p *person) evaluate(js string, out any) {
	p.t.Helper()
	p.do("evaluate", args{"script": js}, out)
}

// login fills in the login form.
func (p *person) login(username, password string) {
	p.t.Helper()
	german := args{"selector": "input[autocomplete=username]", "value": username}
	p.do("fill", german, nil)
	p.do("fill", args{"selector": "input[autocomplete=current-password]", "value": password}, nil)
	p.press("Enter")
}

// faultless fails the test when a page has written errors or asked anybody else.
func (p *person) faultless() {
	p.t.Helper()
	var faults []string
	p.do("faults", nil, &faults)
	for _, f := range faults {
		p.t.Errorf("%s: %s", p.who, f)
	}
}

// everyPage are the paths of all pages, for who may see them.
var everyPage = map[string][]string{
	"admin": {
		"/admin/", "/admin/users", "/admin/users/armin.artmann", "/admin/users/armin.artmann/profiles", "/admin/groups", "/admin/groups/admins",
		"/admin/pickupgroups", "/admin/huntgroups", "/admin/numbers", "/admin/numbers/416", "/admin/numbers/416/forwarding", "/admin/slots",
		"/admin/calls", "/admin/cdrs", "/admin/rules", "/admin/calendars", "/admin/codes", "/admin/simulator", "/admin/trunks", "/admin/status",
		"/admin/audit", "/admin/bans", "/admin/backups", "/admin/transfer", "/admin/transfer?do=import",
	},
	"user": {"/", "/calls", "/colleagues", "/numbers", "/numbers/416", "/profiles", "/devices", "/security"},
}

// TestPagesEvery opens every page, and every window over one, in both languages and both colour schemes: axe finds nothing serious, the console stays empty, no
// request leaves the origin. With KOPPELFELD_SHOTS set the pages are drawn into that folder (make screenshots).
func TestPagesEvery(t *testing.T) {
	d := newDaemon(t, "sqlite")
	d.start()
	b := startChromium(t, "pages.mjs")
	user := d.userWithPassword("armin.artmann")
	var profile struct{ ID string }
	d.api("POST", "/api/users/armin.artmann/profiles", map[string]any{"name": "Dienstreise", "table": []map[string]any{
		{"case": "always", "class": "inside", "action": map[string]any{"kind": "number", "number": "417"}},
	}}, &profile)
	shots := os.Getenv("KOPPELFELD_SHOTS")
	for _, v := range []struct {
		name string
		look args
		more bool // for pictures only
	}{
		{"de-light", args{"locale": "de-DE", "scheme": "light"}, false},
		{"en-dark", args{"locale": "en-GB", "scheme": "dark"}, false},
		{"de-dark-phone", args{"locale": "de-DE", "scheme": "dark", "width": 390, "height": 844}, true},
		{"en-light", args{"locale": "en-GB", "scheme": "light"}, true},
	} {
		if shots == "" && v.more {
			continue // language and colours are those of the others
		}
		for _, side := range []string{"admin", "user"} {
			p := look(t, b, d, v.name+side, v.look)
			p.open(map[string]string{"admin": "/admin/", "user": "/"}[side])
			if side == "admin" {
				p.login("supervisor", d.password)
			} else {
				p.login("armin.artmann", user)
			}
			p.do("sees", args{"selector": "#content h1"}, nil)
			for _, path := range everyPage[side] {
				p.part(t, v.name+path, func(t *testing.T) {
					p.open(path)
					p.do("sees", args{"selector": "#content h1"}, nil)
					p.settled()
					if shots != "" {
						name := strings.Trim(regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(path, "-"), "-")
						p.do("shot", args{"path": filepath.Join(shots, fmt.Sprintf("%s-%s-%s.png", side, name, v.name))}, nil)
					}
					p.clean(t)
				})
			}
			openings(t, p, side, v.name, profile.ID)
		}
	}
}

// part runs a part of a test with the browser and the person of the whole, and says whether it was good.
func (p *person) part(t *testing.T, name string, part func(t *testing.T)) bool {
	t.Helper()
	defer func() { p.t, p.b.t = t, t }()
	return t.Run(name, func(t *testing.T) {
		p.t, p.b.t = t, t
		part(t)
	})
}

// clean fails the test when axe finds something serious in what is on the page, or the page has done what a good one never does.
func (p *person) clean(t *testing.T) {
	t.Helper()
	var found []string
	p.do("axe", nil, &found)
	for _, f := range found {
		t.Errorf("axe: %s", f)
	}
	p.faultless()
}

// userWithPassword gives a user of the example company a password to log in with.
func (d *daemon) userWithPassword(username string) string {
	d.t.Helper()
	const password = "Kornblume-77-Birke"
	d.api("PUT", "/api/users/"+username+"/password", map[string]any{"password": password}, nil)
	return password
}

// TestPagesFirstLogin: whoever has a first password changes it before anything else, and a wrong one is told.
func TestPagesFirstLogin(t *testing.T) {
	d := newDaemon(t, "sqlite")
	d.start()
	d.api("POST", "/api/users", map[string]any{"username": "nora.neu", "password": "Anfang-2026-Wort", "must_change_password": true}, nil)
	b := startChromium(t, "pages.mjs")
	p := look(t, b, d, "nora", nil)
	p.open("/")
	p.login("nora.neu", "falsch-geraten")
	p.sees("Benutzername oder Passwort stimmt nicht.")
	p.login("nora.neu", "Anfang-2026-Wort")
	p.seesRole("heading", "Passwort ändern")
	field := func(autocomplete string, nth int, value string) {
		p.do("fill", args{"selector": "input[autocomplete=" + autocomplete + "]", "nth": nth, "value": value}, nil)
	}
	field("current-password", 0, "Anfang-2026-Wort")
	field("new-password", 0, "Ein-neues-Wort-77")
	field("new-password", 1, "Ein-anderes-Wort-77")
	p.sees("Die beiden Eingaben sind verschieden.")
	field("new-password", 1, "Ein-neues-Wort-77")
	p.click("button", "Passwort ändern")
	p.seesRole("button", "Konto: nora.neu")
	p.faultless()
}

// TestPagesSessionEnds: a session that ends in the middle of work asks for the password over the page and goes on where it was.
func TestPagesSessionEnds(t *testing.T) {
	d := newDaemon(t, "sqlite")
	d.start()
	b := startChromium(t, "pages.mjs")
	p := look(t, b, d, "admin", nil)
	p.open("/admin/users")
	p.login("supervisor", d.password)
	p.sees("armin.artmann")
	p.do("forget", nil, nil) // the cookie is gone, as when the session has ended
	p.fill("Filtern …", "iris")
	p.sees("Die Sitzung ist abgelaufen.")
	p.do("fill", args{"selector": "[role=dialog] input[autocomplete=current-password]", "value": d.password}, nil)
	p.press("Enter")
	p.sees("iris.immsee")
	p.do("gone", args{"text": "armin.artmann", "timeout": 5000}, nil)
	p.faultless()
}

// TestPagesServerGone: a page whose server is away says so and goes on by itself when it is back.
func TestPagesServerGone(t *testing.T) {
	d := newDaemon(t, "sqlite")
	d.start()
	b := startChromium(t, "pages.mjs")
	p := look(t, b, d, "admin", nil)
	p.open("/admin/users")
	p.login("supervisor", d.password)
	p.sees("armin.artmann")
	d.stop()
	p.fill("Filtern …", "iris")
	p.do("sees", args{"text": "Der Server antwortet nicht", "timeout": 20000}, nil)
	d.start()
	p.do("gone", args{"text": "Der Server antwortet nicht", "timeout": 30000}, nil)
	p.do("sees", args{"text": "iris.immsee", "timeout": 20000}, nil)
}

// TestPagesFirstLoad: what a browser has to read before an administrator sees the first page stays under 250 KB (of 1024 bytes), compressed.
func TestPagesFirstLoad(t *testing.T) {
	d := newDaemon(t, "sqlite")
	d.start()
	b := startChromium(t, "pages.mjs")
	p := look(t, b, d, "admin", nil)
	p.open("/admin/")
	p.login("supervisor", d.password)
	p.do("sees", args{"selector": "#content h1"}, nil)
	p.settled()
	var bytes int
	p.evaluate(`performance.getEntriesByType("resource").filter((r) => /\.(js|css|svg)$/.test(r.name)).reduce((n, r) => n + r.encodedBodySize, 0)`, &bytes)
	t.Logf("%d bytes of scripts and styles", bytes)
	if most := 250 << 10; bytes < 50_000 || bytes > most {
		t.Errorf("%d bytes of scripts and styles before the first page, at most %d are good", bytes, most)
	}
}
