//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// button opens a dialog whose title it is, or presses what a dialog offers.
func (p *person) inDialog(do string, a args) {
	p.t.Helper()
	a["within"] = args{"selector": "[role=dialog]"}
	p.do(do, a, nil)
}

// TestPagesFromUserToCall goes the way of an administrator's first hour: creates a user, gives two numbers and three slots in the matrix,
// and sees a real phone register, its call live, and the record that says why it rang.
func TestPagesFromUserToCall(t *testing.T) {
	d := newDaemon(t, "sqlite")
	d.start()
	b := startChromium(t, "pages.mjs")
	p := look(t, b, d, "admin", nil)
	p.open("/admin/users")
	p.login("supervisor", d.password)
	p.click("button", "Benutzer anlegen")
	p.inDialog("fill", args{"label": "Vorname", "value": "Nora"})
	p.inDialog("fill", args{"label": "Nachname", "value": "<script>alert(1)</script>"}) // text stays text
	p.inDialog("fill", args{"label": "Benutzername", "value": "nora.neu"})
	p.inDialog("click", args{"role": "button", "name": "Anlegen"})
	p.sees("Rufnummernkonfiguration")

	for _, n := range []string{"480", "4801"} {
		p.do("click", args{"role": "button", "name": "^Rufnummer( hinzufügen)?$", "pattern": true}, nil)
		p.inDialog("fill", args{"label": "Rufnummer", "value": "416"})
		p.sees("Diese Nummer gehört") // taken ones say who has them
		p.inDialog("fill", args{"label": "Rufnummer", "value": n})
		p.inDialog("click", args{"role": "button", "name": "Hinzufügen"})
		p.seesRole("button", "Rufnummer "+n+" einstellen")
	}
	for _, kind := range []string{"Tischtelefon", "DECT-Telefon", "Softphone"} {
		p.do("click", args{"role": "button", "name": "Slot hinzufügen"}, nil)
		p.do("click", args{"role": "menuitem", "name": kind}, nil)
		p.inDialog("click", args{"role": "button", "name": "Hinzufügen"})
		p.inDialog("sees", args{"text": "SIP-Konto"})
		p.press("Escape")
		p.do("gone", args{"selector": "[role=dialog]"}, nil)
	}
	// One tick by mouse, one by keyboard.
	p.do("click", args{"role": "gridcell", "name": "^480 auf Tischtelefon", "pattern": true}, nil)
	p.press("ArrowRight")
	p.press(" ")
	p.sees("2 Haken geändert")
	p.click("button", "Speichern")
	p.sees("Gespeichert")
	p.faultless()

	slots := d.slots("nora.neu")
	desk := startPhone(t, phoneOptions{name: "nora-desk", account: slots["desk"], server: d.sip, transport: "udp", tone: toneArmin})
	p.do("sees", args{"role": "button", "name": "^Tischtelefon\\s*angemeldet", "pattern": true}, nil)
	iris := startPhone(t, phoneOptions{name: "iris-desk", account: d.slots("iris.immsee")["desk"], server: d.sip, transport: "udp", tone: toneIris})
	iris.command("dial", "sip:480@"+domain)
	desk.await("CALL_INCOMING")
	desk.command("accept", "")
	desk.await("CALL_ESTABLISHED")
	p.do("sees", args{"role": "button", "name": "^Tischtelefon\\s*im Gespräch", "pattern": true}, nil)
	p.open("/admin/calls")
	p.sees("480")
	desk.command("hangup", "")
	iris.await("CALL_CLOSED")
	r := d.awaitRecords(1)
	p.open("/admin/cdrs/" + r.ID)
	p.do("sees", args{"text": "480", "pattern": true, "within": args{"selector": "#content"}}, nil)
	p.do("sees", args{"text": "Tischtelefon", "pattern": true, "within": args{"selector": "#content"}}, nil)
	p.faultless()
}

// TestPagesForwardingByTheUser: a user switches a profile in the user client, and the next real call goes where it says.
func TestPagesForwardingByTheUser(t *testing.T) {
	d := newDaemon(t, "sqlite")
	d.start()
	password := d.userWithPassword("armin.artmann")
	var profile struct{ ID string }
	d.api("POST", "/api/users/armin.artmann/profiles", map[string]any{"name": "Dienstreise", "table": []map[string]any{
		{"case": "always", "class": "inside", "action": map[string]any{"kind": "number", "number": "417"}},
	}}, &profile)
	b := startChromium(t, "pages.mjs")
	p := look(t, b, d, "armin", nil)
	p.open("/numbers/416")
	p.login("armin.artmann", password)
	p.do("click", args{"label": "Profil", "exact": true}, nil)
	p.do("click", args{"role": "option", "name": "Dienstreise"}, nil)
	p.click("button", "Speichern")
	p.sees("Gespeichert")

	iris := startPhone(t, phoneOptions{name: "iris-desk", account: d.slots("iris.immsee")["desk"], server: d.sip, transport: "udp", tone: toneIris})
	ralf := startPhone(t, phoneOptions{name: "ralf-desk", account: d.slots("ralf.ranke")["desk"], server: d.sip, transport: "udp", tone: toneArmin})
	ralf.command("dial", "sip:416@"+domain)
	iris.await("CALL_INCOMING")
	iris.command("accept", "")
	ralf.await("CALL_ESTABLISHED")
	ralf.command("hangup", "")
	iris.await("CALL_CLOSED")
	d.awaitRecords(1)
	p.open("/calls")
	p.do("sees", args{"text": "Weitergeleitet|weitergeleitet", "pattern": true}, nil)
	p.faultless()
}

// TestPagesTwoAdministrators: what both have changed in one matrix is put together; nothing is lost without a word.
func TestPagesTwoAdministrators(t *testing.T) {
	d := newDaemon(t, "sqlite")
	d.start()
	b := startChromium(t, "pages.mjs")
	one, two := look(t, b, d, "one", nil), look(t, b, d, "two", nil)
	for _, p := range []*person{one, two} {
		p.open("/admin/users/sandra.singer")
		p.login("supervisor", d.password)
		p.sees("Rufnummernkonfiguration")
		p.settled()
	}
	cell := func(number, slot string) args {
		return args{"role": "gridcell", "name": fmt.Sprintf("^%s auf %s", number, slot), "pattern": true}
	}
	two.do("click", cell("4132", "Softphone"), nil)
	one.do("click", cell("4131", "DECT"), nil)
	one.click("button", "Speichern")
	one.sees("Gespeichert")
	two.do("sees", args{"text": "Inzwischen hat jemand anderes diese Matrix geändert.", "timeout": 10000}, nil)
	two.click("button", "Beide behalten")
	two.click("button", "Speichern")
	two.sees("Gespeichert")
	slots := d.slots("sandra.singer")
	var ticks map[string][]string
	d.eventually(5*time.Second, "both ticks are there", func() bool {
		d.api("GET", "/api/users/sandra.singer/matrix", nil, &ticks)
		return slices.Contains(ticks["4131"], slots["dect"].ID) && slices.Contains(ticks["4132"], slots["softphone"].ID)
	})
	one.faultless()
	two.faultless()
}
