package b2bua

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/siptest"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// TestRouteOfTheCaller: what we send inside the dialog goes to the first proxy that has recorded itself, and on the flow only
// where that has to be kept.
func TestRouteOfTheCaller(t *testing.T) {
	private := func(c *siptest.PhoneConfig) { c.Private = netip.MustParseAddrPort("192.168.7.7:5060") }
	udp := func(*siptest.PhoneConfig) {}
	for _, c := range []struct {
		name, route string
		phone       func(*siptest.PhoneConfig)
		delay       time.Duration
		proxy       bool // the request goes there
	}{
		{"another host", "<sip:10.0.1.3;lr>", udp, 0, true},
		{"the first of two", "<sip:10.0.1.3;lr>, <sip:10.0.1.1;lr>", udp, 0, true},
		{"a strict router", "<sip:10.0.1.3>", udp, 0, true},
		{"a name", "<sip:proxy.test;lr>", udp, 0, true},
		{"a name that takes a while", "<sip:proxy.test;lr>", udp, time.Second, true},
		{"a name for where it comes from", "<sip:here.test;lr>", udp, time.Second, false},
		{"a name that leads nowhere", "<sip:nowhere.test;lr>", udp, 0, false},
		{"where it comes from", "<sip:10.0.1.1:5060;lr>", udp, 0, false},
		{"not a URI", "<x>", udp, 0, false},
		{"behind a NAT", "<sip:10.0.1.3;lr>", private, 0, false},
		{"over a connection", "<sip:10.0.1.3;lr>", overTCP, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := &names{delay: c.delay, hosts: map[string][]transport.Target{
				"proxy.test": {at("UDP", "10.0.1.3:5060")}, "here.test": {at("UDP", "10.0.9.9:5060"), at("UDP", "10.0.1.1:5060")},
				"10.0.1.3": {at("UDP", "10.0.1.3:5060")}, "10.0.1.1": {at("UDP", "10.0.1.1:5060")},
			}}
			run(t, func(cfg *Config) { cfg.Resolver = n }, func(t *testing.T, r *rig) {
				a, b, proxy := r.phone("a", c.phone), r.phone("b"), r.phone("proxy")
				caller := a.Invite("4b", sdpFor(a, "8"), "Record-Route: "+c.route)
				callee := b.Expect(t, message.INVITE).Answer(sdpFor(b, "8"))
				established(t, caller, callee)
				caller.Send(message.INFO, "", "").Expect(t, 200) // a request from elsewhere than the proxy changes nothing
				bye := callee.SendBye()
				at := a
				if c.proxy {
					at = proxy
				}
				m := at.Expect(t, message.BYE)
				if first, _, _ := strings.Cut(c.route, ","); m.Header(message.HRoute) != first && m.URI() != strings.Trim(first, "<>") {
					t.Errorf("%s", m.Raw())
				}
				m.OK()
				bye.Expect(t, 200)
			})
		})
	}
}

// TestRouteOfTheCallee is the same for who was called: over the flow that it keeps, through a proxy that keeps one, or at an address.
func TestRouteOfTheCallee(t *testing.T) {
	for _, c := range []struct {
		name  string
		at    func(*Contact)
		proxy bool
	}{
		{"a flow that the phone keeps", func(*Contact) {}, false},
		{"a flow that a proxy keeps", func(at *Contact) { at.Path = []string{"<sip:10.0.1.2;lr>"} }, true},
		{"no flow", func(at *Contact) { at.Flow = nil }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			run(t, nil, func(t *testing.T, r *rig) {
				a, b, proxy := r.phone("a"), r.phone("b"), r.phone("proxy")
				c.at(&r.loc.contacts["b"][0])
				caller := a.Invite("4b", sdpFor(a, "8"))
				in := b.Expect(t, message.INVITE)
				in.Respond(200, sdpFor(b, "8"), "Record-Route: <sip:10.0.1.3;lr>", "Contact: <"+b.Contact()+">")
				caller.Expect(t, 200)
				caller.Ack()
				at := b
				if c.proxy {
					at = proxy
				}
				if c.proxy {
					if ack := proxy.Recv(t); ack.Method() != message.ACK || ack.Header(message.HRoute) != "<sip:10.0.1.3;lr>" {
						t.Errorf("%s", ack.Raw())
					}
				} else {
					in.ExpectAck(t)
				}
				bye := caller.SendBye()
				at.Expect(t, message.BYE).OK()
				bye.Expect(t, 200)
			})
		})
	}
}
