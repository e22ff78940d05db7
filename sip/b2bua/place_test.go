package b2bua

import (
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/routing"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/siptest"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// Addresses of the system at its places: SIP, and, apart from it, media.
var (
	insideSIP, insideMedia     = netip.MustParseAddrPort("10.0.0.1:5060"), netip.MustParseAddr("10.0.0.9")
	providerSIP, providerMedia = netip.MustParseAddrPort("10.2.0.1:5060"), netip.MustParseAddr("198.51.100.9")
	sixSIP, sixMedia           = netip.MustParseAddrPort("[fd00::1]:5060"), netip.MustParseAddr("2001:db8::9")
)

// runPlaces is run for a system with an inside, a provider's side and IPv6.
func runPlaces(t *testing.T, fn func(t *testing.T, r *rig)) {
	t.Helper()
	provider := "udp://" + providerSIP.String()
	synctest.Test(t, func(t *testing.T) {
		r := newRigOn(t, 1, []netip.Addr{insideSIP.Addr(), providerSIP.Addr(), sixSIP.Addr()}, transport.Config{
			Listen:     []string{"udp://" + insideSIP.String(), provider, "udp://" + sixSIP.String()},
			Interfaces: map[string]string{provider: "provider"},
		}, func(c *Config) { c.Interfaces = true })
		r.media.places = []netip.Addr{insideMedia, providerMedia, sixMedia}
		fn(t, r)
		r.finish()
	})
}

// sitting puts a phone at a place of the system's.
func sitting(place netip.AddrPort) func(*siptest.PhoneConfig) {
	return func(c *siptest.PhoneConfig) {
		c.Server = place
		host := c.Addr.Addr().As4()
		switch place {
		case providerSIP:
			c.Addr = netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 2, 1, host[3]}), 5060)
		case sixSIP:
			six := netip.MustParseAddr("fd00::1:0").As16()
			six[15] = host[3]
			c.Addr = netip.AddrPortFrom(netip.AddrFrom16(six), 5060)
		}
	}
}

// placed checks that a description names audio at a place, and returns its endpoint.
func (r *rig) placed(t *testing.T, who string, body []byte, addr netip.Addr) *fakeEndpoint {
	t.Helper()
	family := " IN IP4 "
	if addr.Is6() {
		family = " IN IP6 "
	}
	text := string(body)
	if want := "\r\nc=" + strings.TrimSpace(family) + " " + addr.String() + "\r\n"; !strings.Contains(text, want) || !strings.Contains(text, "o=") ||
		!strings.Contains(strings.SplitN(text, "\r\n", 3)[1], family+addr.String()) {
		t.Errorf("%s is told\n%s\nand not of %v", who, body, addr)
	}
	ep := r.media.at(t, body)
	if ep.local.Addr() != addr {
		t.Errorf("%s: the port is at %v, not %v", who, ep.local, addr)
	}
	return ep
}

// describedBy is sdpFor for phones of either family.
func describedBy(p *siptest.Phone) string {
	s := sdpFor(p, "8")
	if p.Addr().Addr().Is6() {
		s = strings.ReplaceAll(s, "IN IP4", "IN IP6")
	}
	return s
}

// Phones at three places ring for one number. Each is described an address of its own place; whoever answers is bridged with the
// caller there, and the ports of all others are free again.
func TestForksAtSeveralPlaces(t *testing.T) {
	for _, tc := range []struct {
		name   string
		winner string
		early  string // whose early media the caller hears before
	}{
		{"the first place answers", "b", ""},
		{"another interface answers", "c", ""},
		{"the other family answers", "d", ""},
		{"one of two at a place answers", "e", ""},
		{"heard at the first place, answered at another", "c", "b"},
		{"heard at another place, answered at the first", "b", "c"},
		{"heard at one other place, answered at another", "d", "c"},
		{"heard and answered at another place", "d", "d"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			runPlaces(t, func(t *testing.T, r *rig) {
				a := r.phone("a")
				where := map[string]netip.AddrPort{"b": insideSIP, "c": providerSIP, "d": sixSIP, "e": providerSIP}
				phones := map[string]*siptest.Phone{}
				for _, name := range []string{"b", "c", "d", "e"} {
					phones[name] = r.phone(name, sitting(where[name]))
				}
				r.numbers["4all"] = []string{"b", "c", "d", "e"}
				caller := a.Invite("4all", sdpFor(a, "8"))
				media := map[netip.AddrPort]netip.Addr{insideSIP: insideMedia, providerSIP: providerMedia, sixSIP: sixMedia}
				ins, eps := map[string]*siptest.Request{}, map[string]*fakeEndpoint{}
				for name, p := range phones {
					ins[name] = p.Expect(t, message.INVITE)
					eps[name] = r.placed(t, name, ins[name].Body(), media[where[name]])
					if contact, _ := ins[name].Contact(); !strings.Contains(contact.URI, "@"+where[name].String()) {
						t.Errorf("%s sees the contact %q", name, contact.URI)
					}
				}
				if eps["c"] != eps["e"] {
					t.Error("two phones at one place have endpoints of their own")
				}
				if r.media.opened != 4 { // the caller, and three places
					t.Errorf("%d endpoints were opened", r.media.opened)
				}
				if tc.early != "" {
					ins[tc.early].Respond(183, describedBy(phones[tc.early]))
					ep := r.placed(t, "the caller", caller.Expect(t, 183).Body(), insideMedia)
					if heard := r.media.bridge[ep]; heard != eps[tc.early] || heard.remote.RTP.Addr() != phones[tc.early].Addr().Addr() {
						t.Errorf("the caller hears %v to %v", heard.local, heard.remote.RTP)
					}
				}
				ins[tc.winner].Answer(describedBy(phones[tc.winner]))
				ok := caller.Expect(t, 200)
				caller.Ack()
				synctest.Wait()
				near := r.placed(t, "the caller", ok.Body(), insideMedia)
				far := r.media.bridge[near]
				if far != eps[tc.winner] || far.remote.RTP.Addr() != phones[tc.winner].Addr().Addr() || !far.expect || !near.expect {
					t.Errorf("the caller is bridged with %v to %v", far.local, far.remote.RTP)
				}
				if n := len(r.media.open); n != 2 {
					t.Errorf("%d endpoints are open in a call of two", n)
				}
				// What comes later stays at the place.
				callee := ins[tc.winner].Call()
				held := callee.ReInvite(t, strings.Replace(describedBy(phones[tc.winner]), "m=audio 4000", "m=audio 4002", 1))
				r.placed(t, "the callee", held.Body(), media[where[tc.winner]])
				caller.Bye(t)
				callee.ExpectBye(t)
				if rec := r.expectRecord(calls.Answered, 200, "caller"); rec.ToSlot != tc.winner {
					t.Errorf("answered by %q", rec.ToSlot)
				}
			})
		})
	}
}

// A call whose phones share a place opens no more than its two endpoints, wherever that is.
func TestPhonesOfOnePlaceShareAnEndpoint(t *testing.T) {
	for name, place := range map[string]netip.AddrPort{"inside": insideSIP, "provider": providerSIP, "six": sixSIP} {
		t.Run(name, func(t *testing.T) {
			runPlaces(t, func(t *testing.T, r *rig) {
				a, b, c := r.phone("a"), r.phone("b", sitting(place)), r.phone("c", sitting(place))
				r.numbers["4bc"] = []string{"b", "c"}
				caller := a.Invite("4bc", sdpFor(a, "8"))
				in, other := b.Expect(t, message.INVITE), c.Expect(t, message.INVITE)
				if string(in.Body()) != string(other.Body()) {
					t.Error("they are described different things")
				}
				if r.media.opened != 2 {
					t.Errorf("%d endpoints were opened", r.media.opened)
				}
				in.Respond(486, "")
				other.Respond(486, "")
				caller.Expect(t, 486)
			})
		})
	}
}

// A call that is taken over from inside has its other side where the other party is.
func TestPlaceOfTakeOver(t *testing.T) {
	runPlaces(t, func(t *testing.T, r *rig) {
		bob, bob2, ann := r.phone("bob"), r.phone("bob2"), r.phone("ann", sitting(sixSIP))
		first := bob.Invite("4ann", sdpFor(bob, "8"))
		callee := ann.Expect(t, message.INVITE).Answer(describedBy(ann))
		first.Expect(t, 200)
		first.Ack()
		callee.ExpectAck(t)
		x := bob2.Invite("4ann", sdpFor(bob2, "8"), "Replaces: "+first.Replaces(), "Require: replaces")
		re := callee.ExpectRequest(t, message.INVITE)
		far := r.placed(t, "who stays", re.Body(), sixMedia)
		re.Respond(200, describedBy(ann))
		re.ExpectAck(t)
		near := r.placed(t, "who takes over", x.Expect(t, 200).Body(), insideMedia)
		x.Ack()
		first.ExpectBye(t)
		synctest.Wait() // the old call closes its media
		if r.media.bridge[near] != far {
			t.Errorf("bridged with %v", r.media.bridge[near].local)
		}
		x.Bye(t)
		callee.ExpectBye(t)
	})
}

// A call without an offer is opened where who answers is.
func TestPlaceOfLateOffer(t *testing.T) {
	runPlaces(t, func(t *testing.T, r *rig) {
		a, b, c := r.phone("a"), r.phone("b"), r.phone("c", sitting(sixSIP))
		r.numbers["4bc"] = []string{"b", "c"}
		caller := a.Invite("4bc", "")
		b.Expect(t, message.INVITE)
		callee := c.Expect(t, message.INVITE).Answer(describedBy(c))
		ok := caller.Expect(t, 200)
		near := r.placed(t, "the caller", ok.Body(), insideMedia)
		caller.Ack(sdpFor(a, "8"))
		ack := callee.ExpectAck(t)
		if far := r.placed(t, "the callee", ack.Body(), sixMedia); r.media.bridge[near] != far || r.media.opened != 2 {
			t.Errorf("bridged with %v, %d opened", r.media.bridge[near].local, r.media.opened)
		}
		caller.Bye(t)
		callee.ExpectBye(t)
	})
}

// Without a free port at another place the phones there are not rung, and the others are.
func TestNoPortAtAnotherPlace(t *testing.T) {
	runPlaces(t, func(t *testing.T, r *rig) {
		a, b, c := r.phone("a"), r.phone("b"), r.phone("c", sitting(providerSIP))
		r.numbers["4bc"] = []string{"b", "c"}
		r.media.most = 2
		caller := a.Invite("4bc", sdpFor(a, "8"))
		in := b.Expect(t, message.INVITE)
		c.ExpectNone(t, message.INVITE, 0)
		callee := in.Answer(sdpFor(b, "8"))
		caller.Expect(t, 200)
		caller.Ack()
		caller.Bye(t)
		callee.ExpectBye(t)
		rec := r.expectRecord(calls.Answered, 200, "caller")
		if len(rec.Legs) != 2 || rec.Legs[1].Status != 503 {
			t.Errorf("legs %+v", rec.Legs)
		}
	})
}

// A phone that cannot be rung gives back only its own number, not those whose turn to be rung has not come yet.
func TestNumbersBehindOneThatCannotBeRung(t *testing.T) {
	runPlaces(t, func(t *testing.T, r *rig) {
		a, b, _, d := r.phone("a"), r.phone("b"), r.phone("c", sitting(providerSIP)), r.phone("d")
		r.numbers["500"] = []string{"b", "c", "d"}
		r.change = func(p *routing.Plan) {
			for i := range p.Targets {
				p.Targets[i].Number = "4" + p.Targets[i].SlotID
			}
		}
		r.media.most = 2
		caller := a.Invite("500", sdpFor(a, "8"))
		b.Expect(t, message.INVITE).Ring()
		in := d.Expect(t, message.INVITE)
		if n := r.counted(); n["500"] != 1 || n["4b"] != 1 || n["4c"] != 0 || n["4d"] != 1 {
			t.Errorf("while it rings %v are counted", n)
		}
		callee := r.answerTo(caller, in, d)
		hangUp(t, caller, callee)
	})
}
