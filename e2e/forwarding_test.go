//go:build e2e

package e2e

import (
	"log/slog"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/secret"
	"github.com/koppelfeld/koppelfeld/internal/store"
)

// change writes into the daemon's database beside it, and waits until the daemon has taken the change over.
func (d *daemon) change(fn func(tx *store.Tx) error) {
	d.t.Helper()
	data := filepath.Join(d.dir, "data")
	box, err := secret.ReadBox(data)
	if err != nil {
		d.t.Fatal(err)
	}
	st, err := store.Open(d.t.Context(), store.Config{DataDir: data, Secrets: box, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		d.t.Fatal(err)
	}
	defer st.Close()
	before := d.metric("koppelfeld_config_revision")
	if _, err := st.Update(d.t.Context(), store.Change{Actor: "supervisor", Source: "test"}, fn); err != nil {
		d.t.Fatal(err)
	}
	d.eventually(10*time.Second, "the daemon takes the change over", func() bool { return d.metric("koppelfeld_config_revision") != before })
}

// profile gives 416 a profile with these rules, for callers from inside.
func (d *daemon) profile(rules ...directory.CaseRule) {
	d.t.Helper()
	d.change(func(tx *store.Tx) error {
		for i := range rules {
			rules[i].Class = directory.FromInside
		}
		n := tx.Snapshot().Numbers["416"]
		p, err := tx.CreateProfile(directory.Profile{UserID: n.OwnerID, Name: time.Now().Format(time.StampNano), Table: rules})
		if err != nil {
			return err
		}
		_, err = tx.SetForwardingProfile("416", n.Version, p.ID)
		return err
	})
}

func to(c directory.Case, number string, after int) directory.CaseRule {
	return directory.CaseRule{Case: c, After: after, Action: directory.Action{Kind: directory.ToNumber, Number: number}}
}

// forwarded is what the API tells of the hops of a call.
type forwarded struct {
	Number   string `json:"number"`
	ToUser   string `json:"to_user"`
	Forwards []hop  `json:"forwards"`
}

type hop struct {
	From, To, Why string
}

// TestForwardingRealPhones: iris calls 416 of armin, and ralf's phone rings at 414: always, when busy, when nobody answers, when no phone
// is registered. Both hear each other, and the record tells the way.
func TestForwardingRealPhones(t *testing.T) {
	d := newDaemon(t, "sqlite")
	d.start()
	armin, iris, ralf := d.slots("armin.artmann"), d.slots("iris.immsee"), d.slots("ralf.ranke")
	tick := func(slot string) {
		d.api("PUT", "/api/users/armin.artmann/matrix", map[string][]string{"416": {armin[slot].ID}, "4161": {armin["desk"].ID}, "4162": {}}, nil)
	}
	start := func(name string, a account, tone int) *phone {
		return startPhone(t, phoneOptions{name: name, account: a, server: d.sip, transport: "udp", tone: tone})
	}
	desk, caller, target := start("armin-desk", armin["desk"], toneArmin), start("iris-desk", iris["desk"], toneIris), start("ralf-desk", ralf["desk"], 700)
	busy := freePort(t)
	sippRegister(t, d, armin["softphone"], busy)

	for _, c := range []struct {
		name string
		slot string // ticked for 416
		rule directory.CaseRule
		ring bool // armin's desk phone rings first
	}{
		{"always", "desk", to(directory.Always, "414", 0), false},
		{"busy", "softphone", to(directory.WhenBusy, "414", 0), false},
		{"no answer", "desk", to(directory.NoAnswer, "414", 5), true},
		{"not registered", "dect", to(directory.NotRegistered, "414", 0), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, p := range []*phone{desk, caller, target} {
				p.forget()
				p.forgetAudio()
			}
			tick(c.slot)
			d.profile(c.rule)
			before := len(d.records())
			wait := func() {}
			if c.slot == "softphone" {
				s := newScenario("busy").recv(`request="INVITE"`).send(`retrans="500"`, sippResponse("486 Busy Here", "", "")).recv(`request="ACK"`)
				wait = sipp(t, d, armin["softphone"], busy, s.file(t))
			}
			caller.command("dial", "sip:416@koppelfeld.example")
			if c.ring {
				desk.await("CALL_INCOMING")
				caller.await("CALL_RINGING")
			}
			target.await("CALL_INCOMING")
			if c.ring {
				desk.await("CALL_CLOSED")
			} else if desk.saw("CALL_INCOMING") {
				t.Error("armin's desk phone rings")
			}
			target.command("accept", "")
			target.await("CALL_ESTABLISHED")
			caller.await("CALL_ESTABLISHED")
			heardFor(t, 2*time.Second, target, caller)
			target.command("hangup", "")
			caller.await("CALL_CLOSED")
			wait()
			r := d.awaitRecords(before + 1)
			var f forwarded
			d.api("GET", "/api/cdrs/"+r.ID, nil, &f)
			want := []hop{{"416", "414", string(c.rule.Case)}}
			if r.Result != "answered" || r.To != "416" || r.ToSlot != ralf["desk"].ID || f.Number != "414" || f.ToUser != "ralf.ranke" || !slices.Equal(f.Forwards, want) {
				t.Errorf("the record says %+v, %+v", r, f)
			}
		})
	}
}

// TestDiversionIsReadBack: SIPp reads at the target who was called before and why, over two hops.
func TestDiversionIsReadBack(t *testing.T) {
	d := newDaemon(t, "sqlite")
	d.start()
	iris, sandra := d.slots("iris.immsee")["desk"], d.slots("sandra.singer")["desk"]
	d.profile(to(directory.Always, "414", 0))
	d.change(func(tx *store.Tx) error {
		n := tx.Snapshot().Numbers["414"]
		rule := to(directory.NotRegistered, "413", 0)
		rule.Class = directory.FromInside
		p, err := tx.CreateProfile(directory.Profile{UserID: n.OwnerID, Name: "away", Table: []directory.CaseRule{rule}})
		if err != nil {
			return err
		}
		_, err = tx.SetForwardingProfile("414", n.Version, p.ID)
		return err
	})
	port := freePort(t)
	sippRegister(t, d, sandra, port)
	s := newScenario("is told who was called before")
	s.WriteString(`<recv request="INVITE"><action>
<ereg regexp="^ *.sip:414@koppelfeld.example.;reason=unavailable" search_in="hdr" header="Diversion:" occurrence="1" check_it="true" assign_to="1"/>
<ereg regexp="Diversion: .sip:416@koppelfeld.example.;reason=unconditional" search_in="msg" check_it="true" assign_to="2"/>
<ereg regexp="History-Info: .sip:413@koppelfeld.example;cause=503.;index=1.1.1" search_in="msg" check_it="true" assign_to="3"/>
</action></recv>
<Reference variables="1,2,3"/>
`)
	s.send("", sippResponse("180 Ringing", "", "")).send(`retrans="500"`, sippResponse("200 OK", "", sdpBody)).recv(`request="ACK"`).recv(`request="BYE"`).
		send("", sippResponse("200 OK", "", ""))
	wait := sipp(t, d, sandra, port, s.file(t))
	uri := "sip:416@koppelfeld.example"
	c := ackFinal(inviteWithDigest(newScenario("calls"), "416").recv(`response="180"`).recv(`response="200" rtd="true"`), "416").pause(300)
	c.send(`retrans="500"`, sippRequest("BYE", uri, "<"+uri+">[peer_tag_param]", 3, "", "", "")).recv(`response="200"`)
	sipp(t, d, iris, freePort(t), c.file(t), "-auth_uri", "416@koppelfeld.example")()
	wait()
	if r := d.awaitRecords(1); r.Result != "answered" {
		t.Errorf("record %+v", r)
	}
}

// TestHuntGroupRealPhones: a linear group rings one member after the other; the second one answers.
func TestHuntGroupRealPhones(t *testing.T) {
	c := newCompany(t, "sqlite", "udp")
	c.tick(map[string][]string{"416": {c.armin["desk"].ID}, "4161": {c.armin["dect"].ID}, "4162": {c.armin["softphone"].ID}})
	c.change(func(tx *store.Tx) error {
		_, err := tx.CreateHuntGroup(directory.HuntGroup{
			Name: "Empfang", Number: "500", Strategy: directory.Linear, Members: []string{"416", "4161", "4162"}, MemberSeconds: 5, Seconds: 60,
		})
		return err
	})
	c.dial(c.irisP, "500")
	c.desk.await("CALL_INCOMING")
	if c.dect.saw("CALL_INCOMING") || c.soft.saw("CALL_INCOMING") {
		t.Error("the second member rings with the first")
	}
	c.dect.await("CALL_INCOMING")
	c.desk.await("CALL_CLOSED")
	c.dect.command("accept", "")
	c.irisP.await("CALL_ESTABLISHED")
	heardFor(t, 2*time.Second, c.dect, c.irisP)
	c.irisP.command("hangup", "")
	c.dect.await("CALL_CLOSED")
	c.quiet()
	if c.soft.saw("CALL_INCOMING") {
		t.Error("the third member rings")
	}
	r := c.awaitRecords(1)
	if r.Result != "answered" || r.To != "500" || r.ToSlot != c.armin["dect"].ID || len(r.Legs) != 2 {
		t.Errorf("record %+v", r)
	}
}
