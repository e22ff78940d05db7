//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"testing"

	"github.com/koppelfeld/koppelfeld/admin/auth/authtest"
)

// TestPagesElsewhere logs in at another place (OpenID Connect): whoever is vouched for there is led back to the page he came for, and the
// page says why somebody else is not.
func TestPagesElsewhere(t *testing.T) {
	d := newDaemon(t, "sqlite")
	url := d.byName()
	place := authtest.NewElsewhere(t, url+"/api/oidc/firm/callback")
	config, err := os.ReadFile(d.config)
	if err != nil {
		t.Fatal(err)
	}
	config = fmt.Appendf(config, `
[[oidc]]
name = "firm"
title = "Firmenkonto"
issuer = %q
client_id = %q
client_secret = %q
`, place.URL, authtest.ClientID, authtest.ClientSecret)
	if err := os.WriteFile(d.config, config, 0o600); err != nil {
		t.Fatal(err)
	}
	d.start()
	b := startChromium(t, "pages.mjs")
	for _, c := range []struct {
		name   string
		who    string
		answer string // what is pressed there
		says   string // when it does not open
	}{
		{"vouched for", "armin.artmann", "Log in", ""},
		{"nobody here", "somebody.else", "Log in", "Zu dieser Person gibt es hier kein Konto."},
		{"given up", "armin.artmann", "Give up", "Die Anmeldung wurde abgelehnt."},
	} {
		place.Vouch(map[string]any{"preferred_username": c.who})
		p := look(t, b, d, c.name, args{"base": url, "elsewhere": []string{place.URL}})
		p.within(t, c.name, func(t *testing.T) {
			p.open("/devices")
			p.click("link", "Anmelden mit Firmenkonto")
			p.click("link", c.answer)
			if c.says != "" {
				p.sees(c.says)
				p.login("supervisor", d.password) // the other way is still open
				p.seesRole("button", "Konto: supervisor")
				return
			}
			p.seesRole("button", "Konto: armin.artmann")
			p.seesRole("heading", "Meine Geräte")
			var at string
			if p.do("url", nil, &at); at != "/devices" {
				t.Errorf("led to %s", at)
			}
			p.press("F5")
			p.seesRole("heading", "Meine Geräte") // the session is one like any other
		})
	}
}
