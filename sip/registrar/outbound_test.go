package registrar_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/registrar"
	"github.com/koppelfeld/koppelfeld/sip/siptest"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

const supportsOutbound = "Supported: path, outbound, gruu"

func withHeaders(contact string, headers ...string) siptest.Registration {
	return siptest.Registration{Contact: contact, Headers: headers}
}

// TestFlows: a phone with two flows has two bindings, each replaced by its own reg-id, also when their URI is the same.
func TestFlows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := siptest.NewNetwork(t, 1)
		p := start(t, n, nil)
		tcp := func(c *siptest.PhoneConfig) { c.Proto = transport.TCP }
		one := phone(t, n, "u1", desk, tcp)
		two := phone(t, n, "u1", desk, tcp)
		const uri = "<sip:u1@192.168.1.2;transport=tcp>"
		contact := func(reg int) string { return fmt.Sprintf(`%s;+sip.instance="<urn:uuid:1>";reg-id=%d`, uri, reg) }
		res := one.SendRegister(withHeaders(contact(1), supportsOutbound)).Expect(t, 200)
		if res.Header(message.HRequire) != "outbound" || !res.HasToken(message.HSupported, "outbound") || res.HeaderNamed("Flow-Timer") != "90" {
			t.Errorf("%s", res.Raw())
		}
		two.SendRegister(withHeaders(contact(2), supportsOutbound)).Expect(t, 200)
		list := p.Bindings("slot-u1")
		if len(list) != 2 || !registrar.Flows(&list[0], &list[1]) {
			t.Fatalf("%+v", list)
		}
		// The first flow is made anew: only its binding changes.
		again := phone(t, n, "u1", desk, tcp)
		again.SendRegister(siptest.Registration{Contact: contact(1), CallID: "again", Headers: []string{supportsOutbound}}).Expect(t, 200)
		list = p.Bindings("slot-u1")
		ports := map[string]string{}
		for _, b := range list {
			ports[b.RegID] = b.Flow.Remote().String()
		}
		if len(list) != 2 || ports["1"] != again.Addr().String() || ports["2"] != two.Addr().String() {
			t.Errorf("%v", ports)
		}
		// A connection that has ended takes its flow along, and the flow is not dialled.
		two.Close()
		synctest.Wait()
		if list = p.Bindings("slot-u1"); len(list) != 1 || list[0].RegID != "1" {
			t.Errorf("after the end of a connection: %+v", list)
		}
		// One flow is unregistered, not its twin.
		third := phone(t, n, "u1", desk, tcp)
		third.SendRegister(siptest.Registration{Contact: contact(3), CallID: "third", Headers: []string{supportsOutbound}}).Expect(t, 200)
		third.SendRegister(siptest.Registration{Contact: contact(3) + ";expires=0", CallID: "third", Headers: []string{supportsOutbound}}).Expect(t, 200)
		if list = p.Bindings("slot-u1"); len(list) != 1 || list[0].RegID != "1" {
			t.Errorf("after one was unregistered: %+v", list)
		}
	})
}

func TestOutboundRules(t *testing.T) {
	const flow = `<sip:u1@192.168.1.2>;+sip.instance="<urn:uuid:1>";reg-id=1`
	hop := "Via: SIP/2.0/UDP 10.0.0.9:5060;branch=z9hG4bKphone"
	for _, c := range []struct {
		name     string
		reg      siptest.Registration
		status   int
		outbound bool
	}{
		{"direct", withHeaders(flow, supportsOutbound), 200, true},
		{"required", withHeaders(flow, "Require: outbound"), 200, true},
		{"not supported by the phone", withHeaders(flow), 200, false},
		{"no instance", withHeaders("<sip:u1@192.168.1.2>;reg-id=1", supportsOutbound), 200, false},
		{"behind an edge proxy that keeps flows", withHeaders(flow, supportsOutbound, hop, "Path: <sip:inner;lr>, <sip:edge;lr;ob>"), 200, true},
		{"behind one that does not", withHeaders(flow, supportsOutbound, hop, "Path: <sip:inner;lr;ob>, <sip:edge;lr>"), 439, false},
		{"behind one that does not stay in the path", withHeaders(flow, supportsOutbound, hop), 439, false},
		{"the same without reg-id", withHeaders("<sip:u1@192.168.1.2>", supportsOutbound, hop), 200, false},
		{"two flows at once", withHeaders(flow+`, <sip:u1@192.168.1.3>;+sip.instance="<urn:uuid:1>";reg-id=2`, supportsOutbound), 400, false},
		{"reg-id 0", withHeaders(`<sip:u1@192.168.1.2>;+sip.instance="<urn:uuid:1>";reg-id=0`, supportsOutbound), 400, false},
		{"reg-id too large", withHeaders(`<sip:u1@192.168.1.2>;+sip.instance="<urn:uuid:1>";reg-id=2147483648`, supportsOutbound), 400, false},
		{"largest reg-id", withHeaders(`<sip:u1@192.168.1.2>;+sip.instance="<urn:uuid:1>";reg-id=2147483647`, supportsOutbound), 200, true},
		{"reg-id that is no number", withHeaders(`<sip:u1@192.168.1.2>;+sip.instance="<urn:uuid:1>";reg-id=-1`, supportsOutbound), 400, false},
		{"huge instance", withHeaders(`<sip:u1@192.168.1.2>;+sip.instance="<urn:uuid:` + strings.Repeat("1", 2000) + `>"`), 400, false},
		{"quote in the instance", withHeaders(`<sip:u1@192.168.1.2>;+sip.instance="<urn:\"uuid:1>"`), 400, false},
		{"open quote", withHeaders(`<sip:u1@192.168.1.2>;+sip.instance="<urn:uuid:1>`), 400, false},
		{"blank in the instance", withHeaders(`<sip:u1@192.168.1.2>;+sip.instance="<urn: uuid:1>"`), 400, false},
		{"a thousand contacts", withHeaders(strings.Repeat("<sip:u1@192.168.1.2>, ", 999) + "<sip:u1@192.168.1.2>"), 400, false},
		{"eleven contacts", withHeaders(strings.Repeat("<sip:u1@192.168.1.2>, ", 10) + "<sip:u1@192.168.1.2>"), 403, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := siptest.NewNetwork(t, 1)
				p := start(t, n, nil)
				res := phone(t, n, "u1", desk, nil).SendRegister(c.reg).Final(t)
				if res.Status() != c.status {
					t.Fatalf("status %d, want %d", res.Status(), c.status)
				}
				list := p.Bindings("slot-u1")
				if (len(list) > 0) != (c.status == 200) || len(list) > 0 && list[0].Outbound != c.outbound || res.HasToken(message.HRequire, "outbound") != c.outbound {
					t.Errorf("%+v\n%s", list, res.Raw())
				}
			})
		})
	}
}

// TestFlowsSurviveARestart: over UDP a flow comes back from the file as what it was.
func TestFlowsSurviveARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := siptest.NewNetwork(t, 1)
		file := filepath.Join(t.TempDir(), "locations")
		with := func(c *registrar.Config) { c.File, c.Key = file, []byte("0123456789abcdef0123456789abcdef") }
		p := start(t, n, with)
		ph := phone(t, n, "u1", desk, nil)
		res := ph.SendRegister(withHeaders(`<sip:u1@192.168.1.2>;+sip.instance="<urn:uuid:1>";reg-id=1`, supportsOutbound)).Expect(t, 200)
		temp := param(t, res, "temp-gruu")
		time.Sleep(2 * time.Second)
		p.stop()
		p = start(t, n, with)
		if list := p.Bindings("slot-u1"); len(list) != 1 || !list[0].Outbound || list[0].RegID != "1" {
			t.Errorf("%+v", list)
		}
		if slot, instance, ok := p.device(t, temp); !ok || slot != "slot-u1" || instance != "<urn:uuid:1>" {
			t.Errorf("a temporary GRUU is lost: %s %s %v", slot, instance, ok)
		}
	})
}

// TestFileOfTheVersionBefore: files without the mark of flows are read.
func TestFileOfTheVersionBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "locations")
		text := `{"format":"koppelfeld-locations","version":1,"written":"2000-01-01T00:00:00Z"}
{"slot":"slot-u1","contact":"sip:u1@10.0.0.2:5060","proto":"UDP","local":"10.0.0.1:5060","received":"10.0.0.2:5060","refreshed":1,"expires":99999999999,"call_id":"c","cseq":1,"q":1,"instance":"<urn:uuid:1>","reg_id":"1"}
{"end":1}
`
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		p := start(t, siptest.NewNetwork(t, 1), func(c *registrar.Config) { c.File = file })
		if list := p.Bindings("slot-u1"); len(list) != 1 || list[0].Outbound || list[0].RegID != "1" {
			t.Errorf("%+v", list)
		}
	})
}

// param is a parameter of the first Contact of a response.
func param(t *testing.T, res *message.Message, name string) string {
	t.Helper()
	a, ok := res.Contact()
	if !ok {
		t.Fatalf("no Contact: %s", res.Raw())
	}
	v, ok := a.Param(name)
	if !ok {
		t.Fatalf("no %s: %s", name, res.Raw())
	}
	return v
}

func (p *pbx) device(t *testing.T, uri string) (slotID, instance string, ok bool) {
	t.Helper()
	u, err := message.ParseURI(uri)
	if err != nil {
		t.Fatalf("%q: %v", uri, err)
	}
	return p.Device(u)
}

func TestGRUU(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := siptest.NewNetwork(t, 1)
		p := start(t, n, nil)
		a := phone(t, n, "u1", desk, nil)
		b := phone(t, n, "u1", dect, nil)
		const one = `<sip:u1@10.0.0.2:5060>;+sip.instance="<urn:uuid:1>"`
		first := a.SendRegister(withHeaders(one, "Supported: gruu")).Expect(t, 200)
		if pub := param(t, first, "pub-gruu"); pub != "sip:u1@"+domain+";gr=urn:uuid:1" {
			t.Errorf("public %s", pub)
		}
		b.SendRegister(withHeaders(`<sip:u1@10.0.0.3:5060>;+sip.instance="<x;y=z%41>"`, "Supported: gruu")).Expect(t, 200)
		query := b.SendRegister(siptest.Registration{Contact: "-", Headers: []string{"Supported: gruu"}}).Expect(t, 200)
		found := map[string]bool{}
		for v := range query.Values(message.HContact) {
			c, err := message.ParseAddr(v)
			if err != nil {
				t.Fatal(err)
			}
			want, _ := c.Param("+sip.instance")
			for _, name := range []string{"pub-gruu", "temp-gruu"} {
				uri, _ := c.Param(name)
				slot, instance, ok := p.device(t, uri)
				if !ok || slot != "slot-u1" || instance != want {
					t.Errorf("%s %s leads to %s %s %v, want %s", name, uri, slot, instance, ok, want)
				}
				if len(uri) > 256 || name == "temp-gruu" && (strings.Contains(uri, "u1@") || strings.Contains(uri, "uuid")) {
					t.Errorf("%s %s", name, uri)
				}
				found[uri] = true
			}
		}
		if len(found) != 4 {
			t.Errorf("%v", found)
		}
		// Without the option there is none.
		if res := a.SendRegister(withHeaders(one)).Expect(t, 200); strings.Contains(string(res.Raw()), "gruu=") {
			t.Errorf("%s", res.Raw())
		}
	})
}

// TestTemporaryGRUUEnds with the registration it was made for.
func TestTemporaryGRUUEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := siptest.NewNetwork(t, 1)
		p := start(t, n, nil)
		a := phone(t, n, "u1", desk, nil)
		const contact = `<sip:u1@10.0.0.2:5060>;+sip.instance="<urn:uuid:1>"`
		register := func(id string) (pub, temp string) {
			res := a.SendRegister(siptest.Registration{Contact: contact, CallID: id, Headers: []string{"Supported: gruu"}}).Expect(t, 200)
			return param(t, res, "pub-gruu"), param(t, res, "temp-gruu")
		}
		pub, first := register("boot1")
		_, second := register("boot1")
		if first == second {
			t.Error("a refresh gives the same temporary GRUU")
		}
		for _, uri := range []string{first, second} {
			if _, _, ok := p.device(t, uri); !ok {
				t.Errorf("%s does not hold after a refresh", uri)
			}
		}
		_, third := register("boot2")
		for uri, want := range map[string]bool{first: false, second: false, third: true, pub: true} {
			if _, _, ok := p.device(t, uri); ok != want {
				t.Errorf("after another start of the phone %s is good: %v", uri, ok)
			}
		}
		a.Unregister(t)
		if _, _, ok := p.device(t, third); ok {
			t.Error("the temporary GRUU outlives the registration")
		}
	})
}

func TestForeignGRUUs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := siptest.NewNetwork(t, 1)
		p := start(t, n, nil)
		res := phone(t, n, "u1", desk, nil).SendRegister(withHeaders(`<sip:u1@10.0.0.2:5060>;+sip.instance="<urn:uuid:1>"`, "Supported: gruu")).Expect(t, 200)
		temp := param(t, res, "temp-gruu")
		other := start(t, siptest.NewNetwork(t, 2), nil)
		if _, _, ok := other.device(t, temp); ok {
			t.Error("another system takes it")
		}
		bent := []byte(temp)
		bent[len("sip:~t.")+10] ^= 1
		for _, uri := range []string{
			string(bent), "sip:~t.@" + domain + ";gr", "sip:~t.AAAA@" + domain + ";gr", "sip:~t." + strings.Repeat("A", 4000) + "@" + domain + ";gr",
			"sip:~t.%%%@" + domain + ";gr", "sip:u1@other.test;gr=urn:uuid:1", "sip:u1@" + domain, "sip:nobody@" + domain + ";gr=urn:uuid:1", "sip:u1@" + domain + ";gr", "tel:1;gr=urn:uuid:1",
		} {
			if _, _, ok := p.device(t, uri); ok {
				t.Errorf("%s is taken", uri)
			}
		}
	})
}

func TestContactsElsewhere(t *testing.T) {
	for contact, want := range map[string]bool{
		"<sip:u1@10.0.0.2>": false, "<sip:u1@[2001:db8::1]>": false, "<sip:u1@pbx.example.org>": true, "<sip:u1@a1b2c3.invalid>": false,
		"<sip:u1@phone.LOCAL.>": false, "<sip:u1@desk>": false, `<sip:u1@pbx.example.org>;+sip.instance="<urn:uuid:1>";reg-id=1`: false,
	} {
		t.Run(contact, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := siptest.NewNetwork(t, 1)
				p := start(t, n, nil)
				phone(t, n, "u1", desk, nil).SendRegister(withHeaders(contact, supportsOutbound)).Expect(t, 200)
				if got := p.Bindings("slot-u1")[0].Elsewhere(); got != want {
					t.Errorf("elsewhere: %v", got)
				}
			})
		})
	}
}
