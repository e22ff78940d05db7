//go:build e2e

package e2e

import (
	"strings"
	"testing"
	"time"
)

// TestPagesActs: a user calls from the pages with his own telephone; an administrator works in the name of a user, for all to see; and takes
// back what was changed.
func TestPagesActs(t *testing.T) {
	d := newDaemon(t, "sqlite")
	d.start()
	password := d.userWithPassword("armin.artmann")
	b := startChromium(t, "pages.mjs")

	user := look(t, b, d, "armin", nil)
	user.open("/colleagues")
	user.login("armin.artmann", password)
	user.within(t, "click to dial", func(t *testing.T) { clickToDial(t, d, user) })

	admin := look(t, b, d, "admin", nil)
	admin.open("/admin/users/armin.artmann")
	admin.login("supervisor", d.password)
	admin.within(t, "in the name of another", func(t *testing.T) { inTheNameOfAnother(t, admin) })
	admin.within(t, "undo", func(t *testing.T) { undo(t, d, admin) })
}

// clickToDial calls a colleague from the list and from the field for numbers.
func clickToDial(t *testing.T, d *daemon, user *person) {
	d.api("PUT", "/api/groups/visible_users/members/iris.immsee", nil, nil)
	armin := startPhone(t, phoneOptions{name: "armin-desk", account: d.slots("armin.artmann")["desk"], server: d.sip, transport: "udp", tone: toneArmin})
	iris := startPhone(t, phoneOptions{name: "iris-desk", account: d.slots("iris.immsee")["desk"], server: d.sip, transport: "udp", tone: toneIris, answer: true})
	for i, dial := range []func(){
		func() {
			user.open("/colleagues")
			user.sees("Immsee")
			user.click("button", "417 anrufen")
		},
		func() {
			user.open("/")
			user.fill("Nummer wählen", " 4 1-7 ") // as pasted
			user.press("Enter")
		},
	} {
		dial()
		user.sees("Es klingelt bei Ihnen: Tischtelefon.")
		armin.await("CALL_INCOMING")
		armin.command("accept", "")
		iris.await("CALL_ESTABLISHED")
		d.eventually(10*time.Second, "both talk", func() bool {
			var now struct {
				Items []struct {
					ToSlot string `json:"to_slot"`
				}
			}
			d.api("GET", "/api/calls", nil, &now)
			return len(now.Items) == 1 && now.Items[0].ToSlot != ""
		})
		if i == 0 {
			user.sees("im Gespräch") // the colleague's state
		}
		armin.command("hangup", "")
		iris.await("CALL_CLOSED")
		if r := d.awaitRecords(i + 1); r.From != "416" || r.To != "417" || r.Result != "answered" {
			t.Errorf("record %+v", r)
		}
	}
}

// inTheNameOfAnother changes what a user sees, as an administrator who says so on every page, and cannot touch the password.
func inTheNameOfAnother(t *testing.T, admin *person) {
	const mark = "supervisor arbeitet hier als armin.artmann."
	admin.click("button", "Imitieren")
	admin.inDialog("click", args{"role": "button", "name": "Imitieren"})
	for _, page := range []string{"/calls", "/numbers", "/profiles", "/devices", "/security"} {
		admin.sees(mark)
		admin.open(page)
	}
	admin.sees(mark)
	admin.sees("Das geht nicht im Namen von jemand anderem.")
	var asked int
	admin.evaluate(`document.querySelectorAll("input[type=password]").length`, &asked)
	if asked > 0 {
		t.Errorf("%d secrets of the user are asked for", asked)
	}
	var refused int
	admin.evaluate(`fetch("/api/users/armin.artmann/password", {method: "PUT", headers: {"Content-Type": "application/json"},
		body: JSON.stringify({password: "Untergeschoben-77-Wort"})}).then((r) => r.status)`, &refused)
	if refused != 403 {
		t.Errorf("the password of the user: answered %d", refused)
	}
	admin.open("/")
	admin.do("click", args{"label": "Nicht stören", "pattern": true}, nil)
	admin.do("sees", args{"selector": "input[type=checkbox]:checked"}, nil)
	admin.settled()
	admin.click("button", "Beenden")
	admin.seesRole("button", "Konto: supervisor")
	admin.do("gone", args{"text": mark}, nil)

	admin.open("/admin/audit")
	admin.do("sees", args{"role": "row", "name": "supervisor geändert Benutzer armin.artmann .* as armin.artmann", "pattern": true}, nil)
	admin.sees("nicht mehr im Namen von")
}

// undo takes back a change from the list of changes; once only, and not when somebody has changed it again.
func undo(t *testing.T, d *daemon, admin *person) {
	name := func() string {
		var u struct {
			Last string `json:"last_name"`
		}
		d.api("GET", "/api/users/iris.immsee", nil, &u)
		return u.Last
	}
	was := name()
	admin.open("/admin/users/iris.immsee")
	admin.fill("Nachname", "Immergrün")
	admin.click("button", "Speichern")
	admin.sees("Gespeichert")
	if got := name(); got != "Immergrün" {
		t.Fatalf("saved %q", got)
	}
	admin.open("/admin/audit")
	newest := args{"selector": "button.kf-unfold"}
	admin.do("click", newest, nil)
	admin.sees("Immergrün")
	admin.sees(was)
	admin.click("button", "Zurücknehmen")
	admin.inDialog("click", args{"role": "button", "name": "Zurücknehmen"})
	admin.sees("Zurückgenommen")
	if got := name(); got != was {
		t.Errorf("taken back to %q, want %q", got, was)
	}
	var list struct{ Items []struct{ ID string } }
	d.api("GET", "/api/audit?object_type=user&limit=2", nil, &list)
	if len(list.Items) < 2 {
		t.Fatalf("%+v", list)
	}
	err := d.request("POST", "/api/audit/"+list.Items[1].ID+"/undo", nil, nil)
	if err == nil || !strings.Contains(err.Error(), "409") {
		t.Errorf("taken back twice: %v", err)
	}
}
