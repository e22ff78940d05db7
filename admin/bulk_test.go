package admin_test

import (
	"slices"
	"strings"
	"testing"
)

func TestBulkTicks(t *testing.T) {
	r := newRig(t)
	var v struct{ Changed int }
	r.want(200, "supervisor", "POST", "/api/bulk/ticks", `{"ticks":{"417":["<armin/dect>"],"416":["<armin/dect>"]},"on":true}`).decode(&v)
	if ticks := r.st.Snapshot().Ticks; v.Changed != 1 || !slices.Equal(ticks["417"], []string{r.id("armin/dect")}) || len(ticks["416"]) != 3 {
		t.Errorf("changed %d: %v", v.Changed, ticks)
	}
	r.want(200, "supervisor", "POST", "/api/bulk/ticks", `{"ticks":{"416":["<armin/dect>","<armin/desk>"],"403":["<iris/desk>"]},"on":false}`).decode(&v)
	if ticks := r.st.Snapshot().Ticks; v.Changed != 2 || !slices.Equal(ticks["416"], []string{r.id("armin/softphone")}) || len(ticks["403"]) != 0 || len(ticks["417"]) != 1 {
		t.Errorf("changed %d: %v", v.Changed, ticks)
	}
	before := r.st.Snapshot()
	r.want(422, "supervisor", "POST", "/api/bulk/ticks", `{"ticks":{"416":["<armin/dect>"],"403":["<armin/desk>"]},"on":true}`)
	if r.st.Snapshot() != before {
		t.Error("half of a refused change is in force")
	}
}

func TestBulkUsers(t *testing.T) {
	r := newRig(t)
	r.want(201, "supervisor", "POST", "/api/groups", `{"name":"sales","title":"Vertrieb"}`)
	var v struct{ Changed int }
	r.want(200, "supervisor", "POST", "/api/bulk/users", `{"usernames":["armin.artmann","iris.immsee"],"set":{"language":"en","groups_add":["sales"],"groups_remove":["visible_users"]}}`).decode(&v)
	snap := r.st.Snapshot()
	for _, name := range []string{"armin.artmann", "iris.immsee"} {
		u := snap.ByName[name]
		if u.Language != "en" || !snap.InGroup("sales", u.ID) || snap.InGroup("visible_users", u.ID) {
			t.Errorf("%s: %+v", name, u)
		}
	}
	if r.want(200, "supervisor", "POST", "/api/bulk/users", `{"usernames":["armin.artmann"],"set":{"groups_add":["sales"]}}`).decode(&v); v.Changed != 0 {
		t.Errorf("what is so already counts as changed")
	}
	before := r.st.Snapshot()
	r.want(422, "supervisor", "POST", "/api/bulk/users", `{"usernames":["armin.artmann","niemand"],"set":{"dnd":true}}`)
	r.want(422, "supervisor", "POST", "/api/bulk/users", `{"usernames":["armin.artmann"],"set":{"dnd":true,"groups_add":["keine"]}}`)
	if r.st.Snapshot() != before {
		t.Error("half of a refused change is in force")
	}
}

func TestImport(t *testing.T) {
	r := newRig(t)
	type result struct {
		Applied                           bool
		Delimiter                         string
		Create, Update, Unchanged, Faults int
		Lines                             []struct {
			Line     int
			Username string
			Action   string
			Numbers  []string
			Faults   []struct{ Column, Message string }
		}
	}
	send := func(query, body string) (v result) {
		t.Helper()
		r.want(200, "supervisor", "POST", "/api/users/import"+query, body, "Content-Type", "text/csv").decode(&v)
		return v
	}
	good := "\ufeffBenutzername;Vorname;Nachname;Nummern;Slots;Raum\nneu.neumann;Neu;\"Neu;mann\";418 419;desk softphone;12\narmin.artmann;Arno;;416;;\niris.immsee;;;;;\n"
	before := r.st.Snapshot()
	v := send("?preview=true", good)
	if v.Applied || v.Delimiter != ";" || v.Create != 1 || v.Update != 1 || v.Unchanged != 1 || v.Faults != 0 || v.Lines[0].Line != 2 {
		t.Errorf("preview: %+v", v)
	}
	if r.st.Snapshot() != before {
		t.Error("a preview has changed something")
	}
	if v := send("", good); !v.Applied || v.Create != 1 || v.Update != 1 {
		t.Errorf("import: %+v", v)
	}
	snap := r.st.Snapshot()
	if u := snap.ByName["neu.neumann"]; u == nil || u.LastName != "Neu;mann" || len(snap.Columns[u.ID]) != 2 || len(snap.Ticks["419"]) != 2 || snap.ByName["armin.artmann"].FirstName != "Arno" {
		t.Error("it has not been written as told")
	}
	if v := send("", good); v.Unchanged != 3 {
		t.Errorf("the same again: %+v", v)
	}
	for name, c := range map[string]struct{ body, username, column, message string }{
		"number of another": {"username,numbers\nanders.neu,403\n", "anders.neu", "numbers", "403 belongs to iris.immsee"},
		"emergency number":  {"username,numbers\nanders.neu,112\n", "anders.neu", "numbers", "emergency"},
		"mail address":      {"username,email\nanders.neu,kein\n", "anders.neu", "email", ""},
		"user name":         {"username\nAnders Neu\n", "Anders Neu", "username", ""},
		"twice in the file": {"username,numbers\nanders.neu,500\nganz.neu,500\n", "ganz.neu", "numbers", "500 belongs to anders.neu"},
		"slot type":         {"username,slots\nanders.neu,toaster\n", "anders.neu", "slots", ""},
	} {
		t.Run(name, func(t *testing.T) {
			before := r.st.Snapshot()
			v := send("", c.body)
			l := v.Lines[len(v.Lines)-1]
			if v.Applied || v.Faults != 1 || l.Username != c.username || len(l.Faults) == 0 || l.Faults[0].Column != c.column || !strings.Contains(l.Faults[0].Message, c.message) {
				t.Errorf("%+v", v)
			}
			if r.st.Snapshot() != before {
				t.Error("half of a refused import is in force")
			}
		})
	}
	for _, body := range []string{"vorname\nx\n", "\n", "username\n\"x\n", "username\n\xff\n", "username\n" + strings.Repeat("x\n", 5001)} {
		r.want(422, "supervisor", "POST", "/api/users/import", body, "Content-Type", "text/csv")
	}
}
