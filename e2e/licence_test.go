//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/licence"
	"github.com/koppelfeld/koppelfeld/internal/store"
)

// aLicence is the file of a licence that development builds take.
func aLicence(t testing.TB, users int, from, until time.Time) []byte {
	t.Helper()
	file, err := os.ReadFile("../internal/licence/testdata/development.key")
	if err != nil {
		t.Fatal(err)
	}
	key, err := licence.ReadPrivate(file)
	if err != nil {
		t.Fatal(err)
	}
	day := func(at time.Time) time.Time { return at.UTC().Truncate(24 * time.Hour) }
	signed, err := licence.Sign(licence.Licence{Company: "Koppelfeld Example GmbH", Users: users, Serial: "TEST-1", Issued: day(from), ValidUntil: day(until)}, key)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// license gives the daemon a licence, for tests with more users than an evaluation is for.
func (d *daemon) license(users int) {
	d.t.Helper()
	d.api("PUT", "/api/licence", json.RawMessage(aLicence(d.t, users, time.Now(), time.Now().AddDate(1, 0, 0))), nil)
}

// unlicensed checks that a request is refused for want of a licence.
func (d *daemon) unlicensed(what string, err error, code licence.Code) {
	d.t.Helper()
	var refused *httpError
	if !errors.As(err, &refused) || refused.status != http.StatusForbidden || !strings.Contains(refused.body, "urn:koppelfeld:problem:licence") ||
		!strings.Contains(strings.ReplaceAll(refused.body, " ", ""), fmt.Sprintf("%q:%q", "code", code)) {
		d.t.Errorf("%s: %v, want a refusal with code %s", what, err, code)
	}
}

// TestLicence: with a licence that has expired, users cannot be made and the user client is refused; calls go on, 110 gets out, and who is
// there is administered. With a new licence all goes.
func TestLicence(t *testing.T) {
	d := newDaemon(t, "sqlite")
	provider := freePort(t)
	d.withTrunk(provider)
	d.start()
	var s struct {
		State  string
		Reason struct{ Code string }
	}
	if d.api("GET", "/api/licence", nil, &s); s.State != "evaluation" {
		t.Fatalf("a new system is %+v", s)
	}
	d.license(50)
	people := make([]map[string]string, 8)
	for i := range people {
		d.api("POST", "/api/users", map[string]string{"username": fmt.Sprintf("mensch%d", i)}, nil)
	}
	password := d.userWithPassword("armin.artmann")
	// Nobody can upload a licence that has expired; time makes one of it.
	expired := aLicence(t, 50, time.Now().AddDate(0, -2, 0), time.Now().AddDate(0, 0, -3))
	var refused *httpError
	if err := d.request("PUT", "/api/licence", json.RawMessage(expired), nil); !errors.As(err, &refused) || refused.status != 422 || !strings.Contains(refused.body, "expired") {
		t.Errorf("an expired licence: %v", err)
	}
	d.change(func(tx *store.Tx) error {
		_, err := tx.InstallLicence(directory.Licence{Document: string(expired), Company: "Koppelfeld Example GmbH", Users: 50, ValidUntil: "2026-01-01", Serial: "TEST-1"})
		return err
	})
	d.unlicensed("a user more", d.request("POST", "/api/users", map[string]string{"username": "zuviel"}, nil), licence.CodeExpired)
	if got := d.metric(`koppelfeld_licence{state="unlicensed"}`); got != "1" {
		t.Errorf("the metric says %s", got)
	}
	// The user may log in, sees why the client is refused, and may change the password.
	armin := *d
	armin.token = ""
	var session struct {
		Token      string
		Unlicensed *struct{ Code, De string }
	}
	armin.api("POST", "/api/session", map[string]string{"username": "armin.artmann", "password": password}, &session)
	if session.Unlicensed == nil || session.Unlicensed.Code != "expired" || session.Unlicensed.De == "" {
		t.Errorf("session: %+v", session)
	}
	armin.token = session.Token
	d.unlicensed("the matrix of a user", armin.request("GET", "/api/users/armin.artmann/matrix", nil, nil), licence.CodeExpired)
	armin.api("PUT", "/api/users/armin.artmann/password", map[string]string{"password": "Birke-77-Kornblume", "old_password": password}, nil)
	// Who is there is administered.
	d.api("PATCH", "/api/users/mensch1", map[string]string{"last_name": "Neu"}, nil)
	d.api("POST", "/api/users/mensch1/numbers", map[string]string{"number": "499"}, nil)

	callsGoOn(t, d, provider)

	d.license(50)
	d.api("POST", "/api/users", map[string]string{"username": "nummer.vierzehn"}, nil)
	armin.token = ""
	armin.api("POST", "/api/session", map[string]string{"username": "armin.artmann", "password": "Birke-77-Kornblume"}, &session)
	armin.token = session.Token
	armin.api("GET", "/api/users/armin.artmann/matrix", nil, nil)
	if d.api("GET", "/api/licence", nil, &s); s.State != "licensed" {
		t.Errorf("in the end it is %+v", s)
	}
}

// callsGoOn calls a colleague with telephones that are heard, and 110.
func callsGoOn(t *testing.T, d *daemon, provider int) {
	t.Helper()
	armin, iris := d.slots("armin.artmann"), d.slots("iris.immsee")
	d.api("PUT", "/api/users/armin.artmann/matrix", map[string][]string{"416": {armin["desk"].ID}, "4161": {}, "4162": {}}, nil)
	desk := startPhone(t, phoneOptions{name: "armin-desk", account: armin["desk"], server: d.sip, transport: "udp", tone: toneArmin})
	caller := startPhone(t, phoneOptions{name: "iris-desk", account: iris["desk"], server: d.sip, transport: "udp", tone: toneIris})
	caller.command("dial", "sip:416@koppelfeld.example")
	desk.await("CALL_INCOMING")
	desk.command("accept", "")
	caller.await("CALL_ESTABLISHED")
	heardFor(t, 2*time.Second, desk, caller)
	caller.command("hangup", "")
	desk.await("CALL_CLOSED")
	if r := d.awaitRecords(1); r.Result != "answered" || r.To != "416" {
		t.Errorf("the call: %+v", r)
	}
	s := newScenario("the provider").recv(`request="INVITE"`)
	s.send(`retrans="500"`, sippResponse("200 OK", "", sdpBody)).recv(`request="ACK"`).recv(`request="BYE"`).send("", sippResponse("200 OK", "", ""))
	wait := sipp(t, d, outsider(), provider, s.file(t), "-i", providerAddress)
	caller.forget()
	caller.command("dial", "sip:110@koppelfeld.example")
	caller.await("CALL_ESTABLISHED")
	caller.command("hangup", "")
	wait()
	if r := d.awaitRecords(2); r.Result != "answered" || r.To != "110" {
		t.Errorf("the emergency call: %+v", r)
	}
}

// TestLicenceCommand: the command line installs a licence beside the running daemon, and refuses a forged one.
func TestLicenceCommand(t *testing.T) {
	d := newDaemon(t, "sqlite")
	d.start()
	file := aLicence(t, 77, time.Now(), time.Now().AddDate(0, 0, 20))
	if out, err := licenceCommand(d, "", "show", "--lang", "de"); err != nil || !strings.Contains(out, "ausprobiert") {
		t.Errorf("show: %v\n%s", err, out)
	}
	if out, err := licenceCommand(d, strings.Replace(string(file), "77", "7777", 1), "install", "-"); err == nil || !strings.Contains(out, "signature") {
		t.Errorf("a forged one: %v\n%s", err, out)
	}
	if out, err := licenceCommand(d, string(file), "install", "-"); err != nil || !strings.Contains(out, "Koppelfeld Example GmbH") {
		t.Fatalf("install: %v\n%s", err, out)
	}
	d.eventually(10*time.Second, "the daemon takes it over", func() bool { return d.metric("koppelfeld_licence_users_max") == "77" })
	var list struct {
		Items []struct{ Code, Subject, De string }
	}
	d.eventually(15*time.Second, "the alarm", func() bool {
		d.api("GET", "/api/alarms", nil, &list)
		for _, a := range list.Items {
			if a.Code == "licence" && a.Subject == "expires_soon" {
				return true
			}
		}
		return false
	})
}

func licenceCommand(d *daemon, in string, args ...string) (string, error) {
	cmd := exec.Command(binary, append(append([]string{"licence"}, args...), "--config", d.config)...)
	cmd.Stdin = bytes.NewReader([]byte(in))
	out, err := cmd.CombinedOutput()
	return string(out), err
}
