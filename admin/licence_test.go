package admin_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/licence"
	"github.com/koppelfeld/koppelfeld/internal/store"
)

// fakeLicence judges with a key of the tests; unlimited as long as nothing is set.
type fakeLicence struct {
	st    *store.Store
	judge bool
	tried time.Duration
}

var licenceKey = licence.Private{ID: "tests", Seed: bytes.Repeat([]byte{5}, 32), From: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Until: time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC)}

func (f *fakeLicence) ring() licence.Keyring {
	ring, err := licence.ReadKeys(licence.MarshalKeys(licenceKey.Public()))
	if err != nil {
		panic(err)
	}
	return ring
}

func (f *fakeLicence) Status() licence.Status {
	stored := f.st.Snapshot().Licence
	if stored == nil {
		return f.StatusWith(nil)
	}
	l, err := f.ring().Read([]byte(stored.Document))
	if err != nil {
		var fault *licence.Fault
		errors.As(err, &fault)
		return licence.Judge(licence.Case{Now: time.Now(), Users: len(f.st.Snapshot().Users), Fault: fault, Tried: f.tried})
	}
	return f.StatusWith(&l)
}

func (f *fakeLicence) StatusWith(l *licence.Licence) licence.Status {
	return licence.Judge(licence.Case{Now: time.Now(), Users: len(f.st.Snapshot().Users), Licence: l, Tried: f.tried})
}

func (f *fakeLicence) Read(file []byte) (licence.Licence, error) { return f.ring().Read(file) }

func (f *fakeLicence) CreateUsers(have, more int) error {
	if s := f.Status(); f.judge {
		if fault := s.CreateUsers(have, more); fault != nil {
			return fault
		}
	}
	return nil
}

func (f *fakeLicence) UserClient() error {
	if s := f.Status(); f.judge {
		if fault := s.UserClient(); fault != nil {
			return fault
		}
	}
	return nil
}

// aLicence is the file of a licence of the tests.
func aLicence(t *testing.T, edit func(*licence.Licence)) string {
	t.Helper()
	today := time.Now().UTC().Truncate(24 * time.Hour)
	l := licence.Licence{Company: "Koppelfeld Example GmbH", Users: 5, Issued: today, ValidUntil: today.AddDate(1, 0, 0), Serial: "KF-1"}
	if edit != nil {
		edit(&l)
	}
	file, err := licence.Sign(l, licenceKey)
	if err != nil {
		t.Fatal(err)
	}
	return string(file)
}

// over is a rig whose evaluation is over.
func over(t *testing.T) *rig {
	r := newRig(t)
	r.licence.judge, r.licence.tried = true, licence.EvaluationDays*24*time.Hour
	return r
}

type licenceRefusal struct{ Type, Code, De, En, Detail string }

func (r *rig) refusedFor(code licence.Code, a answer) {
	r.t.Helper()
	var p licenceRefusal
	a.decode(&p)
	if p.Type != "urn:koppelfeld:problem:licence" || p.Code != string(code) || len(p.De) < 30 || p.Detail != p.En {
		r.t.Errorf("refused as %+v, want %s", p, code)
	}
}

func TestWithoutLicenceNoUsersAreMade(t *testing.T) {
	r := over(t)
	users := len(r.st.Snapshot().Users)
	r.refusedFor(licence.CodeNone, r.want(403, "supervisor", "POST", "/api/users", `{"username":"neu"}`))
	csv := []string{"Content-Type", "text/csv"}
	for _, preview := range []string{"", "?preview=true"} {
		r.refusedFor(licence.CodeNone, r.want(403, "supervisor", "POST", "/api/users/import"+preview, "username\nneu\n", csv...))
	}
	// Those who are there are administered as ever.
	r.want(200, "supervisor", "POST", "/api/users/import", "username;last_name\narmin.artmann;Kaiser\n", csv...)
	r.want(200, "supervisor", "PATCH", "/api/users/armin.artmann", `{"first_name":"Armin"}`)
	r.want(201, "supervisor", "POST", "/api/users/armin.artmann/numbers", `{"number":"499"}`)
	r.want(201, "supervisor", "POST", "/api/users/armin.artmann/slots", `{"type":"ucc"}`)
	if got := len(r.st.Snapshot().Users); got != users {
		t.Errorf("%d users of %d", got, users)
	}
	r.want(200, "supervisor", "PUT", "/api/licence", aLicence(t, nil))
	r.want(201, "supervisor", "POST", "/api/users", `{"username":"neu"}`)
	r.refusedFor(licence.CodeTooManyUsers, r.want(403, "supervisor", "POST", "/api/users", `{"username":"zuviel"}`))
	r.refusedFor(licence.CodeTooManyUsers, r.want(403, "supervisor", "POST", "/api/users/import", "username\narmin.artmann\nzuviel\n", csv...))
}

func TestWithoutLicenceTheUserClientIsRefused(t *testing.T) {
	r := over(t)
	for _, path := range []string{"/api/users/armin.artmann", "/api/users/armin.artmann/matrix", "/api/numbers/416", "/api/calls", "/api/events", "/api/colleagues", "/api/users/armin.artmann/calls"} {
		r.refusedFor(licence.CodeNone, r.want(403, "armin.artmann", "GET", path, ""))
		if strings.Contains(path, "events") {
			continue
		}
		if a := r.do("supervisor", "GET", path, ""); a.Code != 200 {
			t.Errorf("administrator at %s: %d", path, a.Code)
		}
	}
	var s struct{ Unlicensed *licenceRefusal }
	r.want(200, "armin.artmann", "GET", "/api/session", "").decode(&s)
	if s.Unlicensed == nil || s.Unlicensed.Code != "none" {
		t.Errorf("session: %+v", s.Unlicensed)
	}
	var v struct {
		State, UserClient any
		Details           *json.RawMessage
	}
	r.want(200, "armin.artmann", "GET", "/api/licence", "").decode(&v)
	if v.Details != nil || v.State != "unlicensed" {
		t.Errorf("a user sees %+v", v)
	}
	r.want(403, "armin.artmann", "PUT", "/api/licence", aLicence(t, nil))
	r.want(200, "armin.artmann", "PUT", "/api/users/armin.artmann/password", `{"password":"ganz-anders-2","old_password":"`+password+`"}`)
	r.want(200, "supervisor", "PUT", "/api/licence", aLicence(t, nil))
	delete(r.tokens, "armin.artmann")
	var login struct{ Token string }
	r.want(200, "", "POST", "/api/session", `{"username":"armin.artmann","password":"ganz-anders-2"}`).decode(&login)
	r.want(200, "", "GET", "/api/users/armin.artmann/matrix", "", "Authorization", "Bearer "+login.Token)
}

func TestLicenceIsInstalledAndRemoved(t *testing.T) {
	r := over(t)
	good := aLicence(t, nil)
	today := time.Now().UTC()
	for _, c := range []struct {
		name, file string
		code       licence.Code
	}{
		{"forged", strings.Replace(good, `"users": 5`, `"users": 500`, 1), licence.CodeForged},
		{"truncated", good[:100], licence.CodeTruncated},
		{"version 4", aLicence(t, func(l *licence.Licence) { l.Version = 4 }), licence.CodeWrongVersion},
		{"expired", aLicence(t, func(l *licence.Licence) { l.Issued, l.ValidUntil = today.AddDate(0, 0, -20), today.AddDate(0, 0, -2) }), licence.CodeExpired},
		{"of tomorrow's tomorrow", aLicence(t, func(l *licence.Licence) { l.Issued = today.AddDate(0, 0, 5) }), licence.CodeNotYet},
		{"something else", "4711-0815", licence.CodeNoLicence},
		{"too large", good + strings.Repeat(" ", licence.MaxSize), licence.CodeTooLarge},
	} {
		t.Run(c.name, func(t *testing.T) {
			r.t = t
			r.refusedFor(c.code, r.want(422, "supervisor", "PUT", "/api/licence", c.file))
		})
	}
	r.t = t
	if r.st.Snapshot().Licence != nil {
		t.Fatal("a bad one was installed")
	}
	type status struct {
		State   string
		Details struct {
			Licence *struct{ Company string }
			History []struct {
				Company, By string
				EndedBy     string `json:"ended_by"`
			}
			Users int
		}
	}
	show := func(a answer) (v status) { a.decode(&v); return v }
	if v := show(r.want(200, "supervisor", "PUT", "/api/licence?preview=true", good)); v.State != "licensed" || r.st.Snapshot().Licence != nil {
		t.Errorf("preview: %+v", v)
	}
	r.want(200, "supervisor", "PUT", "/api/licence", good)
	other := aLicence(t, func(l *licence.Licence) { l.Company = "Muttern AG" })
	a := r.want(http.StatusConflict, "supervisor", "PUT", "/api/licence", other)
	r.refusedFor(licence.CodeOtherCompany, a)
	if !strings.Contains(a.Body.String(), "Muttern AG") || !strings.Contains(a.Body.String(), "Koppelfeld Example GmbH") {
		t.Errorf("does not name both: %s", a.Body)
	}
	r.want(200, "supervisor", "PUT", "/api/licence?confirm=true", other)
	if v := show(r.want(200, "supervisor", "GET", "/api/licence", "")); v.Details.Licence.Company != "Muttern AG" || len(v.Details.History) != 2 || v.Details.History[1].EndedBy != "supervisor" {
		t.Errorf("installed: %+v", v)
	}
	if v := show(r.want(200, "supervisor", "DELETE", "/api/licence", "")); v.State != "unlicensed" || v.Details.Licence != nil || len(v.Details.History) != 2 {
		t.Errorf("removed: %+v", v)
	}
	r.want(404, "supervisor", "DELETE", "/api/licence", "")
	log := r.want(200, "supervisor", "GET", "/api/audit?object_type=licence", "").Body.String()
	for _, want := range []string{`"install"`, `"remove"`, "Muttern AG", `"obstacle":"kind"`} {
		if !strings.Contains(strings.ReplaceAll(log, `": "`, `":"`), want) {
			t.Errorf("the audit log does not have %s: %s", want, log)
		}
	}
	if strings.Contains(log, "signature") {
		t.Error(fmt.Sprint("the audit log has the whole file: ", log))
	}
}
