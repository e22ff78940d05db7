//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/app"
	"github.com/koppelfeld/koppelfeld/internal/app/adopt"
	"github.com/koppelfeld/koppelfeld/internal/config"
	"github.com/koppelfeld/koppelfeld/internal/legacy"
	"github.com/koppelfeld/koppelfeld/internal/legacy/legacytest"
	"github.com/koppelfeld/koppelfeld/internal/secret"
	"github.com/koppelfeld/koppelfeld/internal/store"
	"github.com/koppelfeld/koppelfeld/internal/store/storetest"
)

// from45 puts the example company of 4.5, converted, into the database of a daemon that has not been started.
func (d *daemon) from45() {
	d.t.Helper()
	server := storetest.ServerFor(d.t)
	old, err := server.NewDatabase(d.t.Context())
	if err != nil {
		d.t.Fatal(err)
	}
	legacytest.Load(d.t, old)
	source, err := legacy.Open(d.t.Context(), old)
	if err != nil {
		d.t.Fatal(err)
	}
	data, err := source.Read(d.t.Context())
	if err := errors.Join(err, source.Close()); err != nil {
		d.t.Fatal(err)
	}
	cfg, err := config.Load(d.config)
	if err != nil {
		d.t.Fatal(err)
	}
	box, err := secret.OpenBox(cfg.DataDir)
	if err != nil {
		d.t.Fatal(err)
	}
	st, err := store.Open(d.t.Context(), store.Config{Database: cfg.Database, DataDir: cfg.DataDir, Secrets: box, Log: slog.New(slog.DiscardHandler), Validate: app.Trial(cfg)})
	if err != nil {
		d.t.Fatal(err)
	}
	converted := legacy.Convert(data, legacy.Options{Country: "49", Zone: "Europe/Berlin", AcceptUnsupported: true})
	_, err = adopt.Into(d.t.Context(), st, converted, store.Change{Actor: "test"})
	if err := errors.Join(err, st.Close()); err != nil {
		d.t.Fatal(err)
	}
}

// account45 is the SIP account that a phone of 4.5 has.
func account45(extension, password string) (a account) {
	a.SIP.Username, a.SIP.Password, a.SIP.Domain = extension, password, domain
	return a
}

// TestDoublesAreMergedUnderTheirPhones: the phones of a company that was upgraded register with the accounts that they had in 4.5. While they are registered
// and one of them talks, the accounts of a person become one user: nobody is unregistered, the talk goes on, and 416 rings the desk phone and the
// DECT phone. The undo makes it all as it was.
func TestDoublesAreMergedUnderTheirPhones(t *testing.T) {
	d := newDaemon(t, "sqlite")
	d.from45()
	d.start()
	c := &company{daemon: d}
	start := func(name, extension, password string) *phone {
		return startPhone(t, phoneOptions{name: name, account: account45(extension, password), server: d.sip, transport: "udp", tone: toneArmin})
	}
	desk := start("armin-desk", "416", "fixture-s3cr-416")
	dect := start("armin-dect", "4161", "fixture-s3c-4161")
	soft := start("sandra-soft", "4132", "fixture-s3c-4132")
	iris := start("iris-desk", "417", "fixture-s3cr-417")
	all := []*phone{desk, dect, soft, iris}
	registered := func(when string) {
		t.Helper()
		var list struct {
			Items []struct {
				ID       string
				Contacts int
			}
		}
		d.api("GET", "/api/slots?registered=true&limit=100", nil, &list)
		if len(list.Items) != len(all) {
			t.Errorf("%s: %d slots are registered, not %d: %+v", when, len(list.Items), len(all), list.Items)
		}
	}
	calls := func(user string) (numbers []string) {
		t.Helper()
		var list struct {
			Items []struct {
				Record struct{ To string }
				To     string
			}
		}
		d.api("GET", "/api/users/"+url.PathEscape(user)+"/calls", nil, &list)
		for _, x := range list.Items {
			numbers = append(numbers, x.To+x.Record.To)
		}
		return numbers
	}
	forget := func() {
		for _, p := range all {
			p.forget()
		}
	}
	// deskAlone: 416 rings the desk phone and nothing else.
	deskAlone := func() {
		t.Helper()
		forget()
		c.dial(iris, "416")
		desk.await("CALL_INCOMING")
		iris.command("hangup", "")
		desk.await("CALL_CLOSED")
		if dect.saw("CALL_INCOMING") {
			t.Error("the DECT phone rings for 416")
		}
		c.quiet()
	}
	registered("at first")
	deskAlone()

	// A talk over 4161 is up while its user goes.
	forget()
	c.dial(iris, "4161")
	dect.await("CALL_INCOMING")
	dect.command("accept", "")
	iris.await("CALL_ESTABLISHED")
	var list struct {
		Items []struct{ ID, Kept, Fingerprint, Certainty string }
	}
	d.api("GET", "/api/merges", nil, &list)
	if len(list.Items) != 4 {
		t.Fatalf("proposals %+v", list.Items)
	}
	audit := map[string]string{}
	for _, p := range list.Items {
		if p.Kept != "armin.artmann" && p.Kept != "sandra.singer" {
			continue
		}
		var done struct {
			Items []struct{ Kept, Audit, Fault string }
		}
		d.api("POST", "/api/merges/accept", map[string]any{"proposals": []map[string]string{{"id": p.ID, "fingerprint": p.Fingerprint}}}, &done)
		if len(done.Items) != 1 || done.Items[0].Fault != "" {
			t.Fatalf("%+v", done)
		}
		audit[done.Items[0].Kept] = done.Items[0].Audit
	}
	registered("after the merge")
	if n := d.activeCalls(); n != 1 || iris.saw("CALL_CLOSED") {
		t.Errorf("%d calls after the merge, the talk has ended: %v", n, iris.saw("CALL_CLOSED"))
	}
	var armin struct {
		Numbers []string
		Slots   []struct{ Type string }
	}
	d.api("GET", "/api/users/armin.artmann", nil, &armin)
	if !slices.Equal(armin.Numbers, []string{"416", "4161", "4162"}) || fmt.Sprint(armin.Slots) != "[{desk} {dect} {mobile}]" {
		t.Errorf("armin.artmann has %+v", armin)
	}
	iris.command("hangup", "")
	dect.await("CALL_CLOSED")
	c.quiet()

	forget()
	c.dial(iris, "416")
	desk.await("CALL_INCOMING")
	dect.await("CALL_INCOMING")
	dect.command("accept", "")
	iris.await("CALL_ESTABLISHED")
	desk.await("CALL_CLOSED")
	iris.command("hangup", "")
	dect.await("CALL_CLOSED")
	c.quiet()
	c.eventually(10*time.Second, "the call list of the one who stayed has all calls", func() bool { return len(calls("armin.artmann")) == 3 })

	// Each phone shows the number that it always showed.
	forget()
	c.dial(dect, "417")
	iris.await("CALL_INCOMING")
	dect.command("hangup", "")
	iris.await("CALL_CLOSED")
	c.quiet()
	if r := d.awaitRecords(4); r.From != "4161" {
		t.Errorf("the DECT phone shows %s", r.From)
	}
	forget()
	c.dial(iris, "4132")
	soft.await("CALL_INCOMING")
	iris.command("hangup", "")
	soft.await("CALL_CLOSED")
	c.quiet()

	d.api("POST", "/api/audit/"+audit["armin.artmann"]+"/undo", nil, nil)
	registered("after the undo")
	deskAlone()
	forget()
	c.dial(iris, "4161")
	dect.await("CALL_INCOMING")
	iris.command("hangup", "")
	dect.await("CALL_CLOSED")
	c.quiet()
	// The talk that was up is over 4161: it belongs to whom 4161 belonged when its record was written. The rest is back.
	if got := calls("armin.artmann.d"); len(got) == 0 {
		t.Error("armin.artmann.d has no calls after the undo")
	}
}
