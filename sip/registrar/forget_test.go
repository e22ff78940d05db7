package registrar_test

import (
	"net/netip"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/koppelfeld/koppelfeld/sip/auth"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/registrar"
	"github.com/koppelfeld/koppelfeld/sip/siptest"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// TestNothingOfTheRequestIsKept: the memory of an answered REGISTER is used again, so a binding must hold copies of
// all that the phone said.
func TestNothingOfTheRequestIsKept(t *testing.T) {
	digest, err := auth.New(auth.Config{Realm: domain, Key: []byte("0123456789abcdef"), Accounts: accounts{}, Algorithms: []auth.Algorithm{auth.MD5}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := registrar.New(registrar.Config{Domain: domain, Auth: digest, File: filepath.Join(t.TempDir(), "locations")})
	if err != nil {
		t.Fatal(err)
	}
	link := &sink{}
	flow := transport.NewFlow(link, netip.MustParseAddrPort("10.0.0.2:5060"))
	send := func(challenge string, more ...string) {
		t.Helper()
		b := message.NewRequest(message.REGISTER, "sip:"+domain).Add("Via", "SIP/2.0/UDP 10.0.0.2;branch=z9hG4bKa").
			Add("From", "<sip:u1@"+domain+">;tag=a").Add("To", "<sip:u1@"+domain+">").Add("Call-ID", "the-call-id").Add("CSeq", "1 REGISTER").
			Add("Contact", `<sip:u1@10.0.0.2;line=abc>;+sip.instance="<urn:uuid:1>";reg-id=1`).Add("Supported", "path, outbound").
			Add("Path", "<sip:edge.example;lr;ob>").Add("User-Agent", "the agent").Add("Expires", "300")
		if challenge != "" {
			b.Add("Authorization", siptest.Digest(challenge, message.REGISTER, "sip:"+domain, "u1", password, 1))
		}
		m, err := message.Parse(b.Finish("", nil))
		if err != nil {
			t.Fatal(err)
		}
		r.Receive(transport.Inbound{Msg: m, Flow: flow})
		raw := m.Raw()
		for i := range raw {
			raw[i] = '#'
		}
	}
	send("")
	answer, err := message.Parse(append([]byte(nil), link.last...))
	if err != nil {
		t.Fatal(err)
	}
	send(answer.Header(message.HWWWAuthenticate))

	list := r.Bindings("slot-u1")
	if len(list) != 1 {
		t.Fatalf("%d bindings after %s", len(list), link.last)
	}
	b := list[0]
	got := []string{b.SlotID, b.Contact, b.Instance, b.RegID, b.CallID, b.UserAgent, strings.Join(b.Path, " ")}
	want := []string{"slot-u1", "sip:u1@10.0.0.2;line=abc", "<urn:uuid:1>", "1", "the-call-id", "the agent", "<sip:edge.example;lr;ob>"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
