//go:build e2e

package e2e

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"
)

// byName lets browsers reach the daemon by a name: passkeys are good for names only.
func (d *daemon) byName() string {
	d.t.Helper()
	url := "https://" + strings.Replace(d.admin, "127.0.0.1", "localhost", 1)
	d.edit("[admin]\n", fmt.Sprintf("[admin]\nurl = %q\n", url))
	return url
}

// logout leaves through the menu of the account.
func (p *person) logout(username string) {
	p.t.Helper()
	p.click("button", "Konto: "+username)
	p.click("menuitem", "Abmelden")
	p.seesRole("button", "Anmelden")
}

// within runs a part of a test with the browser and the person of the whole; what follows needs what the part has done.
func (p *person) within(t *testing.T, name string, part func(t *testing.T)) {
	t.Helper()
	if !p.part(t, name, func(t *testing.T) { part(t); p.faultless() }) {
		t.FailNow()
	}
}

// TestPagesDoor: whoever has proved himself by more than a password gets in, by a passkey of the browser, a code of an app or a code on
// paper; a passkey that was removed opens nothing.
func TestPagesDoor(t *testing.T) {
	d := newDaemon(t, "sqlite")
	url := d.byName()
	d.start()
	b := startChromium(t, "pages.mjs")

	admin := look(t, b, d, "admin", args{"base": url})
	admin.do("authenticator", nil, nil)
	inside := func() { admin.t.Helper(); admin.seesRole("button", "Konto: supervisor") }
	row := func(label string) args { return args{"role": "button", "name": "Löschen: " + label} }
	admin.within(t, "passkey", func(t *testing.T) {
		admin.open("/security")
		admin.login("supervisor", d.password)
		admin.fill("Name des Passkeys", "Schreibtisch")
		admin.click("button", "Passkey hinzufügen")
		admin.seesRole("dialog", "Wiederherstellungscodes") // shown once, with the first factor
		admin.press("Escape")
		admin.do("sees", row("Schreibtisch"), nil)
		var kept int
		if admin.do("passkeys", nil, &kept); kept != 1 {
			t.Fatalf("the browser keeps %d passkeys", kept)
		}
	})
	admin.within(t, "passkey alone", func(t *testing.T) {
		admin.logout("supervisor")
		admin.click("button", "Mit Passkey anmelden")
		inside()
	})
	admin.within(t, "passkey after the password", func(t *testing.T) {
		admin.logout("supervisor")
		admin.login("supervisor", d.password)
		admin.click("button", "Passkey vorzeigen")
		inside()
	})
	admin.within(t, "a removed passkey", func(t *testing.T) {
		admin.open("/security")
		admin.do("click", row("Schreibtisch"), nil)
		admin.inDialog("click", args{"role": "button", "name": "Löschen"})
		admin.do("gone", row("Schreibtisch"), nil)
		admin.logout("supervisor")
		admin.click("button", "Mit Passkey anmelden")
		admin.sees("Dieser Passkey gilt hier nicht (mehr).")
		admin.login("supervisor", d.password) // which is enough again
		inside()
	})
	appAndPaper(t, b, d, url)
}

// appAndPaper reads the code of the security page with a camera, as an app does, and logs in by what it holds.
func appAndPaper(t *testing.T, b *browser, d *daemon, url string) {
	password := d.userWithPassword("armin.artmann")
	p := look(t, b, d, "armin", args{"base": url})
	var key *otp.Key
	var paper []string
	code := func(when time.Time) string {
		p.t.Helper()
		c, err := totp.GenerateCode(key.Secret(), when)
		if err != nil {
			p.t.Fatal(err)
		}
		return c
	}
	p.within(t, "app", func(t *testing.T) {
		p.open("/security")
		p.login("armin.artmann", password)
		p.click("button", "Einrichten")
		picture := filepath.Join(t.TempDir(), "code.png")
		p.do("picture", args{"role": "img", "name": "Authentifizierungs-App", "path": picture}, nil)
		uri, err := exec.Command("zbarimg", "--quiet", "--raw", picture).Output()
		if err != nil {
			t.Fatalf("reading the code on the page: %v", err)
		}
		if key, err = otp.NewKeyFromURL(strings.TrimSpace(string(uri))); err != nil {
			t.Fatalf("%q: %v", uri, err)
		}
		p.inDialog("sees", args{"text": key.Secret()})
		p.inDialog("fill", args{"label": "Code der App", "value": "000000"})
		p.inDialog("click", args{"role": "button", "name": "Bestätigen"})
		p.inDialog("sees", args{"text": "Der Code ist falsch."})
		// A code opens once: the one before the present one confirms, the present one logs in.
		p.inDialog("fill", args{"label": "Code der App", "value": code(time.Now().Add(-30 * time.Second))})
		p.inDialog("click", args{"role": "button", "name": "Bestätigen"})
		p.seesRole("dialog", "Wiederherstellungscodes")
		var text string
		p.do("text", args{"selector": "[role=dialog] pre"}, &text)
		if paper = strings.Fields(text); len(paper) != 10 {
			t.Fatalf("codes on paper: %q", text)
		}
		p.press("Escape")
	})
	for _, c := range []struct {
		name  string
		paper bool
		code  func() string
		good  bool
	}{
		{"code of the app", false, func() string { return code(time.Now()) }, true},
		{"code on paper", true, func() string { return paper[0] }, true},
		{"the same code on paper", true, func() string { return paper[0] }, false},
	} {
		p.within(t, c.name, func(t *testing.T) {
			p.logout("armin.artmann")
			p.login("armin.artmann", password)
			if c.paper {
				p.click("button", "Ich habe mein Gerät nicht zur Hand")
			}
			p.do("fill", args{"selector": "input[autocomplete=one-time-code]", "value": c.code()}, nil)
			p.press("Enter")
			if c.good {
				p.seesRole("button", "Konto: armin.artmann")
			} else {
				p.sees("Der Code stimmt nicht.")
			}
		})
	}
}
