package admin_test

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/koppelfeld/koppelfeld/admin/api"
	"github.com/koppelfeld/koppelfeld/internal/store"
)

// transferRights are those of files with users and groups.
var transferRights = []right{
	{op: "export-file", method: "POST", own: "/api/exports", body: `{}`, person: true},
	{op: "import-file", method: "POST", own: "/api/imports", body: "x", person: true},
}

const filePassphrase = "vier ganz lange Wörter"

var lockedWith = []string{"Koppelfeld-Passphrase", base64.StdEncoding.EncodeToString([]byte(filePassphrase))}

func TestExportAndImport(t *testing.T) {
	r, other := newRig(t), newRig(t)
	r.forwarding()
	a := r.want(200, "supervisor", "POST", "/api/exports", `{"passphrase":"`+filePassphrase+`"}`)
	file := a.Body.String()
	if h := a.Header(); h.Get("Content-Type") != "application/zip" || !strings.HasPrefix(h.Get("Content-Disposition"), `attachment; filename="koppelfeld-`) || h.Get("Cache-Control") != "no-store" {
		t.Errorf("header %v", h)
	}
	if _, err := zip.NewReader(strings.NewReader(file), int64(len(file))); err != nil {
		t.Fatal(err)
	}
	entries, _, err := r.st.ListAudit(t.Context(), store.AuditFilter{Limit: 1, Action: "export"})
	if err != nil || len(entries) != 1 || !strings.Contains(string(entries[0].After), `"secrets":"locked"`) || strings.Contains(string(entries[0].After), filePassphrase) {
		t.Errorf("audit log: %+v, %v", entries, err)
	}
	var v api.FileResult
	revision := other.st.Snapshot().Revision
	other.want(200, "supervisor", "POST", "/api/imports?preview=true", file, lockedWith...).decode(&v)
	if !v.Preview || v.Applied || !v.File.Unlocked || other.st.Snapshot().Revision != revision {
		t.Errorf("preview: %+v", v)
	}
	if !slices.ContainsFunc(v.Items, func(x api.FileObject) bool { return x.Kind == "profile" && x.Action == "new" && x.Name == "Urlaub" }) {
		t.Errorf("preview: %+v", v.Items)
	}
	other.want(200, "supervisor", "POST", "/api/imports?mode=replace", file, lockedWith...).decode(&v)
	if !v.Applied || other.st.Snapshot().Revision != revision+1 {
		t.Fatalf("import: %+v", v)
	}
	for id, s := range r.st.Snapshot().Slots {
		for _, there := range other.st.Snapshot().Slots {
			if there.SIPUsername == s.SIPUsername && there.SIPSecret == s.SIPSecret {
				s = nil
				break
			}
		}
		if s != nil {
			t.Errorf("the SIP account of slot %s has not come along", id)
		}
	}
	clear(other.tokens) // the supervisor has the password of the file now, and no session
	other.want(200, "supervisor", "POST", "/api/imports", file).decode(&v)
	if v.Applied != true || len(v.Items) != 0 || v.File.Unlocked {
		t.Errorf("once more: %+v", v)
	}
	if strings.Contains(r.log.String()+other.log.String(), filePassphrase) || strings.Contains(r.log.String()+other.log.String(), lockedWith[1]) {
		t.Error("the passphrase is in the log")
	}
}

func TestImportRefuses(t *testing.T) {
	r := newRig(t)
	file := r.want(200, "supervisor", "POST", "/api/exports", `{"groups":["admins"]}`).Body.String()
	before := r.st.Snapshot()
	for _, test := range []struct {
		name, path, body string
		header           []string
		status           int
		kind             string
	}{
		{"no zip", "/api/imports", "username\nx\n", nil, 422, "file:not_ours"},
		{"nothing", "/api/imports", "", nil, 422, "file:not_ours"},
		{"cut", "/api/imports", file[:len(file)/2], nil, 422, "file:cut"},
		{"a passphrase that is not needed", "/api/imports", file, lockedWith, 422, "file:no_secrets"},
		{"a passphrase that is no base64", "/api/imports", file, []string{"Koppelfeld-Passphrase", "ä"}, 422, "invalid"},
		{"another mode", "/api/imports?mode=destroy", file, nil, 422, "invalid"},
		{"too large", "/api/imports", strings.Repeat("PK", api.MaxImport/2+1), nil, 413, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			r.t = t
			a := r.want(test.status, "supervisor", "POST", test.path, test.body, test.header...)
			if !strings.Contains(a.Body.String(), "urn:koppelfeld:problem:"+test.kind) && test.kind != "" {
				t.Errorf("got %s", a.Body)
			}
		})
	}
	r.t = t
	for _, body := range []string{`{"groups":["nobody"]}`, `{"users":["nobody"]}`, `{"passphrase":"short"}`, `{"what":["fax"]}`} {
		if a := r.do("supervisor", "POST", "/api/exports", body); a.Code != 422 {
			t.Errorf("%s: %d %s", body, a.Code, a.Body)
		}
	}
	if r.st.Snapshot() != before {
		t.Error("something has changed")
	}
}

func TestImportConflicts(t *testing.T) {
	r, other := newRig(t), newRig(t)
	r.want(201, "supervisor", "POST", "/api/users", `{"username":"neu","first_name":"Nora","last_name":"Neu"}`)
	r.want(201, "supervisor", "POST", "/api/users/neu/numbers", `{"number":"500"}`)
	r.want(201, "supervisor", "POST", "/api/users/neu/numbers", `{"number":"501"}`)
	other.want(201, "supervisor", "POST", "/api/users/iris.immsee/numbers", `{"number":"500"}`)
	file := r.want(200, "supervisor", "POST", "/api/exports", `{"users":["neu"]}`).Body.String()
	before := other.st.Snapshot()
	var v api.FileResult
	other.want(200, "supervisor", "POST", "/api/imports", file).decode(&v)
	if v.Applied || other.st.Snapshot() != before || len(v.Items) == 0 || v.Items[0].Action != "conflict" || v.Items[0].Name != "500" || v.Items[0].Problems[0].Code != "taken" {
		t.Errorf("got %+v", v)
	}
	other.want(200, "supervisor", "POST", "/api/imports?skip_conflicts=true", file).decode(&v)
	snap := other.st.Snapshot()
	if u := snap.ByName["neu"]; !v.Applied || u == nil || !slices.Equal(snap.Rows[u.ID], []string{"501"}) || snap.Users[snap.Numbers["500"].OwnerID].Username != "iris.immsee" {
		t.Errorf("got %+v", v)
	}
}

func TestOneImportAtATime(t *testing.T) {
	r := newRig(t)
	waiting := &gate{reading: make(chan struct{}), open: make(chan struct{})}
	done := make(chan int)
	token := r.token("supervisor")
	go func() {
		req, _ := http.NewRequest("POST", "http://kf.example/api/imports", waiting)
		req.Header.Set("Authorization", "Bearer "+token)
		req.RemoteAddr = r.address
		rec := httptest.NewRecorder()
		r.srv.Handler().ServeHTTP(rec, req)
		done <- rec.Code
	}()
	<-waiting.reading
	if a := r.do("supervisor", "POST", "/api/exports", `{}`); a.Code != 503 || a.Header().Get("Retry-After") == "" {
		t.Errorf("beside another: %d %s", a.Code, a.Body)
	}
	close(waiting.open)
	if code := <-done; code != 422 {
		t.Errorf("the first: %d", code)
	}
	r.want(200, "supervisor", "POST", "/api/exports", `{}`)
}

// gate is a body that waits.
type gate struct {
	reading, open chan struct{}
	began         bool
	rest          bytes.Buffer
}

func (g *gate) Read(p []byte) (int, error) {
	if !g.began {
		g.began = true
		close(g.reading)
		<-g.open
	}
	return g.rest.Read(p)
}
