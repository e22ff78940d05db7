//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

const hostileName = `<img src=x onerror=alert(1)>`

// TestPagesBadInput: what people and programs put in that is not meant well, or not well thought of, does no harm and is answered clearly.
func TestPagesBadInput(t *testing.T) {
	d := newDaemon(t, "sqlite")
	d.start()
	b := startChromium(t, "pages.mjs")
	password := d.userWithPassword("armin.artmann")
	d.nameEverything(hostileName)

	admin := look(t, b, d, "admin", nil)
	admin.open("/admin/")
	admin.login("supervisor", d.password)
	admin.do("sees", args{"selector": "#content h1"}, nil)
	user := look(t, b, d, "armin", nil)
	user.open("/")
	user.login("armin.artmann", password)
	user.do("sees", args{"selector": "#content h1"}, nil)
	admin.within(t, "script in names", func(t *testing.T) { scriptStaysText(t, admin, "admin") })
	user.within(t, "script in names, to users", func(t *testing.T) { scriptStaysText(t, user, "user") })
	admin.within(t, "pasted numbers", func(t *testing.T) { pastedNumbers(t, d, admin) })
	admin.within(t, "a file of 100 MB", func(t *testing.T) { hugeFile(t, admin) })
	t.Run("100 MB to the API", func(t *testing.T) { hugeBody(t, d) })
	admin.within(t, "and still there", func(*testing.T) { admin.open("/admin/users"); admin.sees("iris.immsee") })
}

// nameEverything gives things of every kind that name.
func (d *daemon) nameEverything(name string) {
	d.t.Helper()
	d.api("PATCH", "/api/users/armin.artmann", map[string]any{"first_name": name, "last_name": name}, nil)
	d.api("PUT", "/api/groups/visible_users/members/armin.artmann", nil, nil)
	d.api("PATCH", "/api/numbers/416", map[string]any{"display_name": name}, nil)
	for _, s := range d.slots("armin.artmann") {
		d.api("PATCH", "/api/slots/"+s.ID, map[string]any{"name": name}, nil)
	}
	d.api("POST", "/api/groups", map[string]any{"name": "drawn", "title": name, "type": "user"}, nil)
	d.api("PUT", "/api/groups/drawn/members/armin.artmann", nil, nil)
	d.api("POST", "/api/huntgroups", map[string]any{"name": name, "number": "499", "members": []any{}}, nil)
	d.api("POST", "/api/pickupgroups", map[string]any{"name": name, "users": []string{"armin.artmann"}}, nil)
	d.api("POST", "/api/calendars", map[string]any{"name": name, "zone": "Europe/Berlin", "entries": []any{}}, nil)
	d.api("POST", "/api/forwarding/rules", map[string]any{
		"name": name, "enabled": false, "when": map[string]any{"called": map[string]any{"kind": "prefix", "value": "49"}}, "action": map[string]any{"kind": "reject"},
	}, nil)
	d.api("POST", "/api/users/armin.artmann/profiles", map[string]any{"name": name, "table": []map[string]any{
		{"case": "always", "class": "inside", "action": map[string]any{"kind": "number", "number": "417"}},
	}}, nil)
}

// namedPages are those on which the names stand.
var namedPages = map[string][]string{
	"admin": {
		"/admin/users", "/admin/users/armin.artmann", "/admin/users/armin.artmann/profiles", "/admin/groups", "/admin/groups/drawn", "/admin/pickupgroups",
		"/admin/huntgroups", "/admin/numbers", "/admin/slots", "/admin/rules", "/admin/calendars", "/admin/audit",
	},
	"user": {"/", "/numbers", "/profiles", "/devices"},
}

// scriptStaysText opens those pages: a name is read as it was written, and nothing of it has been drawn or run.
func scriptStaysText(t *testing.T, p *person, side string) {
	for _, path := range namedPages[side] {
		p.open(path)
		p.do("sees", args{"text": hostileName, "within": args{"selector": "#content"}}, nil)
		p.settled()
		var drawn int
		p.evaluate(`document.querySelectorAll("img[src=x]").length`, &drawn)
		if drawn > 0 {
			t.Errorf("%s: %d names were drawn", path, drawn)
		}
		p.faultless()
	}
}

// pastedNumbers pastes numbers as they stand in letters and on cards.
func pastedNumbers(t *testing.T, d *daemon, p *person) {
	p.open("/admin/users/ralf.ranke")
	p.do("click", args{"role": "button", "name": "^Rufnummer( hinzufügen)?$", "pattern": true}, nil)
	p.inDialog("fill", args{"label": "Rufnummer", "value": " 4 8–5/5\t"})
	var got string
	p.do("value", args{"label": "Rufnummer", "within": args{"selector": "[role=dialog]"}}, &got)
	if got != "4855" {
		t.Errorf("the number that was pasted stands as %q", got)
	}
	p.inDialog("click", args{"role": "button", "name": "Hinzufügen"})
	p.seesRole("button", "Rufnummer 4855 einstellen")
	if err := d.request("GET", "/api/numbers/4855", nil, &struct{}{}); err != nil {
		t.Error(err)
	}
}

// vast is a list of users of 100 MB.
func vast() io.Reader {
	block := strings.Repeat("vast;Vast;Vast;vast@koppelfeld.example;de;;\n", 1<<20/44)
	parts := []io.Reader{strings.NewReader("username;first_name;last_name;email;language;numbers;slots\n")}
	for range 100 {
		parts = append(parts, strings.NewReader(block))
	}
	return io.MultiReader(parts...)
}

// hugeFile chooses a file of 100 MB on the page, and one that is only a little too big; then pastes as much as the latter.
func hugeFile(t *testing.T, p *person) {
	for _, size := range []int64{100 << 20, 1<<20 + 1} {
		file := filepath.Join(t.TempDir(), "users.csv")
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(file, size); err != nil {
			t.Fatal(err)
		}
		p.open("/admin/import/users")
		p.do("upload", args{"selector": "input[type=file]", "path": file}, nil)
		p.sees("Die Datei ist zu groß (höchstens 1 MB).")
	}
	p.open("/admin/import/users")
	p.fill("Oder hier einfügen", "username\n"+strings.Repeat("x", 1<<20))
	p.sees("Das ist zu viel auf einmal (höchstens 1 MB).")
}

// hugeBody sends 100 MB, eight times at once: each is refused, and the daemon does not keep them.
func hugeBody(t *testing.T, d *daemon) {
	before := d.memory()
	const at = 8
	answers := make([]string, at)
	var all sync.WaitGroup
	for i := range at {
		all.Go(func() { answers[i] = d.send(vast()) })
	}
	all.Wait()
	for _, a := range answers {
		if a != "413" && !strings.Contains(a, "reset by peer") && !strings.Contains(a, "broken pipe") && !strings.Contains(a, "closed") {
			t.Errorf("answered %s", a)
		}
	}
	if !slices.Contains(answers, "413") {
		t.Errorf("nobody was told that it is too much: %q", answers)
	}
	after := d.memory()
	t.Logf("memory of the daemon: %d MB before, at most %d MB", before>>20, after>>20)
	if after-before > 48<<20 {
		t.Errorf("the daemon's memory grew from %d to %d MB", before>>20, after>>20)
	}
}

// send imports users and says what was answered.
func (d *daemon) send(body io.Reader) string {
	req, err := http.NewRequest("POST", "https://"+d.admin+"/api/users/import?preview=true", body)
	if err != nil {
		return err.Error()
	}
	req.Header.Set("Content-Type", "text/csv")
	req.Header.Set("Authorization", "Bearer "+d.token)
	client := *d.web()
	client.Timeout = 60 * time.Second
	res, err := client.Do(req)
	if err != nil {
		return err.Error()
	}
	res.Body.Close()
	return strconv.Itoa(res.StatusCode)
}

// memory is the most that the daemon has had of the machine's memory since it began, in bytes.
func (d *daemon) memory() int {
	d.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", d.cmd.Process.Pid))
	if err != nil {
		d.t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); f[0] == "VmHWM:" {
			kb, err := strconv.Atoi(f[1])
			if err != nil {
				d.t.Fatal(err)
			}
			return kb << 10
		}
	}
	d.t.Fatal("no VmHWM")
	return 0
}
