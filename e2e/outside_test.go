//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/store"
)

// providerAddress is where SIPp plays the provider; phones are elsewhere, since a trunk is known by its address.
const providerAddress = "127.0.0.7"

// withTrunk gives the daemon a trunk to a provider at a port of providerAddress. To be called before start.
func (d *daemon) withTrunk(port int) {
	d.edit("[media]", fmt.Sprintf("[site]\ncountry = \"49\"\n[[trunk]]\nname = \"provider\"\nproxy = \"sip:%s:%d\"\nbase = \"+4966112\"\n[media]", providerAddress, port))
}

// outsider is who calls from outside.
func outsider() (a account) {
	a.SIP.Username = "+49301234567"
	return a
}

// callsIn is a call from outside that hangs up after a second.
func callsIn(number string, more ...string) *scenario {
	uri := "sip:" + number + "@koppelfeld.example"
	s := newScenario("calls from outside")
	s.send(`retrans="500"`, sippRequest("INVITE", uri, "<"+uri+">", 1, "", strings.Join(more, ""), sdpBody))
	s.recv(`response="100" optional="true"`).recv(`response="180" optional="true"`).recv(`response="200"`)
	s.send("", sippRequest("ACK", uri, "<"+uri+">[peer_tag_param]", 1, "", "", "")).pause(1000)
	s.send(`retrans="500"`, sippRequest("BYE", uri, "<"+uri+">[peer_tag_param]", 2, "", "", ""))
	return s.recv(`response="200"`)
}

// TestForwardingOfOutsideCalls: a call from outside to 416 goes on to ralf's phone in each of the four cases by rules for callers from
// outside, while rules for those from inside are not looked at.
func TestForwardingOfOutsideCalls(t *testing.T) {
	d := newDaemon(t, "sqlite")
	d.withTrunk(freePort(t))
	d.start()
	armin, ralf := d.slots("armin.artmann"), d.slots("ralf.ranke")
	start := func(name string, a account, tone int) *phone {
		return startPhone(t, phoneOptions{name: name, account: a, server: d.sip, transport: "udp", tone: tone})
	}
	desk, target := start("armin-desk", armin["desk"], toneArmin), start("ralf-desk", ralf["desk"], 700)
	busy := freePort(t)
	sippRegister(t, d, armin["softphone"], busy)
	for _, c := range []struct {
		name, slot string
		rule       directory.CaseRule
	}{
		{"always", "desk", to(directory.Always, "414", 0)},
		{"busy", "softphone", to(directory.WhenBusy, "414", 0)},
		{"no answer", "desk", to(directory.NoAnswer, "414", 5)},
		{"not registered", "dect", to(directory.NotRegistered, "414", 0)},
	} {
		t.Run(c.name, func(t *testing.T) {
			desk.forget()
			target.forget()
			d.api("PUT", "/api/users/armin.artmann/matrix", map[string][]string{"416": {armin[c.slot].ID}, "4161": {armin["desk"].ID}, "4162": {}}, nil)
			c.rule.Class = directory.FromOutside
			d.change(func(tx *store.Tx) error {
				n := tx.Snapshot().Numbers["416"]
				inside := directory.CaseRule{Case: directory.Always, Class: directory.FromInside, Action: directory.Action{Kind: directory.Reject}}
				p, err := tx.CreateProfile(directory.Profile{UserID: n.OwnerID, Name: c.name, Table: []directory.CaseRule{c.rule, inside}})
				if err != nil {
					return err
				}
				_, err = tx.SetForwardingProfile("416", n.Version, p.ID)
				return err
			})
			before := len(d.records())
			if c.slot == "softphone" {
				s := newScenario("busy").recv(`request="INVITE"`).send(`retrans="500"`, sippResponse("486 Busy Here", "", "")).recv(`request="ACK"`)
				defer sipp(t, d, armin["softphone"], busy, s.file(t))()
			}
			wait := sipp(t, d, outsider(), freePort(t), callsIn("+4966112416").file(t), "-i", providerAddress)
			target.await("CALL_INCOMING")
			target.command("accept", "")
			target.await("CALL_CLOSED")
			wait()
			r := d.awaitRecords(before + 1)
			var f struct {
				forwarded
				Class string `json:"class"`
			}
			d.api("GET", "/api/cdrs/"+r.ID, nil, &f)
			if r.Result != "answered" || r.From != "+49301234567" || r.ToSlot != ralf["desk"].ID || f.Class != "outside" ||
				!slices.Equal(f.Forwards, []hop{{"416", "414", string(c.rule.Case)}}) {
				t.Errorf("the record says %+v, %+v", r, f)
			}
		})
	}
}

// TestChainLeadsOutside: a call from outside to 416 goes over 414 to a number outside. The provider is shown who calls, and who was
// called before.
func TestChainLeadsOutside(t *testing.T) {
	d := newDaemon(t, "sqlite")
	port := freePort(t)
	d.withTrunk(port)
	d.start()
	d.change(func(tx *store.Tx) error {
		for from, target := range map[string]string{"416": "414", "414": "+49401112223"} {
			n := tx.Snapshot().Numbers[from]
			rule := to(directory.Always, target, 0)
			rule.Class = directory.FromOutside
			p, err := tx.CreateProfile(directory.Profile{UserID: n.OwnerID, Name: "away", Table: []directory.CaseRule{rule}})
			if err != nil {
				return err
			}
			if _, err = tx.SetForwardingProfile(from, n.Version, p.ID); err != nil {
				return err
			}
		}
		return nil
	})
	s := newScenario("the provider")
	s.WriteString(`<recv request="INVITE"><action>
<ereg regexp="INVITE sip:.49401112223@127.0.0.7" search_in="msg" check_it="true" assign_to="1"/>
<ereg regexp="sip:414@koppelfeld.example" search_in="hdr" header="Diversion:" occurrence="1" check_it="true" assign_to="2"/>
<ereg regexp="Diversion: .sip:416@koppelfeld.example" search_in="msg" check_it="true" assign_to="3"/>
<ereg regexp="P-Asserted-Identity: .*sip:.49301234567@" search_in="msg" check_it="true" assign_to="4"/>
</action></recv>
<Reference variables="1,2,3,4"/>
`)
	s.send("", sippResponse("180 Ringing", "", "")).send(`retrans="500"`, sippResponse("200 OK", "", sdpBody)).recv(`request="ACK"`).recv(`request="BYE"`).
		send("", sippResponse("200 OK", "", ""))
	wait := sipp(t, d, outsider(), port, s.file(t), "-i", providerAddress)
	sipp(t, d, outsider(), freePort(t), callsIn("+4966112416").file(t), "-i", providerAddress)()
	wait()
	r := d.awaitRecords(1)
	var f forwarded
	d.api("GET", "/api/cdrs/"+r.ID, nil, &f)
	want := []hop{{"416", "414", "always"}, {"414", "+49401112223", "always"}}
	if r.Result != "answered" || r.From != "+49301234567" || !slices.Equal(f.Forwards, want) {
		t.Errorf("the record says %+v, %+v", r, f)
	}
}

// TestCallOutside: iris dials a national number, and the provider is called in international form by her number with its base.
func TestCallOutside(t *testing.T) {
	d := newDaemon(t, "sqlite")
	port := freePort(t)
	d.withTrunk(port)
	d.start()
	iris := d.slots("iris.immsee")["desk"]
	s := newScenario("the provider")
	s.WriteString(`<recv request="INVITE"><action>
<ereg regexp="INVITE sip:.49301234567@127.0.0.7" search_in="msg" check_it="true" assign_to="1"/>
<ereg regexp="sip:.4966112417@" search_in="hdr" header="From:" check_it="true" assign_to="2"/>
</action></recv>
<Reference variables="1,2"/>
`)
	s.send(`retrans="500"`, sippResponse("200 OK", "", sdpBody)).recv(`request="ACK"`).recv(`request="BYE"`).send("", sippResponse("200 OK", "", ""))
	wait := sipp(t, d, outsider(), port, s.file(t), "-i", providerAddress)
	uri := "sip:0301234567@koppelfeld.example"
	c := ackFinal(inviteWithDigest(newScenario("calls"), "0301234567").recv(`response="200" rtd="true"`), "0301234567").pause(300)
	c.send(`retrans="500"`, sippRequest("BYE", uri, "<"+uri+">[peer_tag_param]", 3, "", "", "")).recv(`response="200"`)
	sipp(t, d, iris, freePort(t), c.file(t), "-auth_uri", "0301234567@koppelfeld.example")()
	wait()
	if r := d.awaitRecords(1); r.Result != "answered" || r.To != "0301234567" {
		t.Errorf("record %+v", r)
	}
}
