package b2bua

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/siptest"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// devices is a locator that knows GRUUs: "sip:slot@test.example;gr=instance".
type devices struct{ *locator }

func (d devices) Device(u message.URI) (slotID, instance string, ok bool) {
	gr, ok := u.Param("gr")
	return u.User, gr, ok
}

// TestFlowsOfOneDevice: a device with two flows is rung over one of them, and over the other when that fails.
func TestFlowsOfOneDevice(t *testing.T) {
	for _, c := range []struct {
		name  string
		fail  func(t *testing.T, r *rig, first *siptest.Phone)
		least time.Duration
	}{
		{"answers at once", nil, 0},
		{"edge proxy has lost the flow", func(t *testing.T, _ *rig, first *siptest.Phone) {
			first.Expect(t, message.INVITE).Respond(430, "")
		}, 0},
		{"overloaded", func(t *testing.T, _ *rig, first *siptest.Phone) {
			first.Expect(t, message.INVITE).Respond(503, "")
		}, 0},
		{"connection breaks", func(t *testing.T, r *rig, first *siptest.Phone) {
			first.Expect(t, message.INVITE)
			r.net.Cut(server.Addr(), first.Addr().Addr())
		}, 0},
		{"connection has ended before", func(_ *testing.T, r *rig, first *siptest.Phone) {}, 0},
		{"silent", func(_ *testing.T, r *rig, first *siptest.Phone) {
			r.net.SetLink(server.Addr(), first.Addr().Addr(), siptest.Link{Down: true})
		}, 4 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			run(t, nil, func(t *testing.T, r *rig) {
				a, first, second := r.phone("a"), r.phone("b1", overTCP), r.phone("b2")
				one, other := r.loc.contacts["b1"][0], r.loc.contacts["b2"][0]
				one.Others = []Contact{other}
				r.loc.contacts["b"] = []Contact{one}
				r.numbers["500"] = []string{"b"}
				if c.name == "connection has ended before" {
					r.net.Cut(server.Addr(), first.Addr().Addr())
					synctest.Wait()
				}
				if c.least > 0 {
					c.fail(t, r, first)
				}
				began := time.Now()
				caller := a.Invite("500", sdpFor(a, "8"))
				if c.fail == nil {
					talk(t, a, first, caller, first.Expect(t, message.INVITE))
					second.ExpectNone(t, message.INVITE, time.Second)
					return
				}
				if c.least == 0 && c.name != "connection has ended before" {
					c.fail(t, r, first)
				}
				in := second.Expect(t, message.INVITE)
				if d := time.Since(began); d < c.least || d > c.least+time.Second {
					t.Errorf("after %v", d)
				}
				if in.URI() != other.URI {
					t.Errorf("Request-URI %s, want %s", in.URI(), other.URI)
				}
				talk(t, a, second, caller, in)
				if rec := r.expectRecord(calls.Answered, 200, byCaller); len(rec.Legs) != 1 {
					t.Errorf("legs %+v", rec.Legs)
				}
			})
		})
	}
}

// TestCallToOneDevice: a GRUU reaches the device that it names, and no other of the slot.
func TestCallToOneDevice(t *testing.T) {
	var loc *locator
	change := func(c *Config) {
		loc = c.Locator.(*locator)
		c.Locator = devices{loc}
		c.SlotNumber = func(slot string) string { return map[string]string{"b": "500"}[slot] }
	}
	for _, c := range []struct {
		name, uri string
		rings     [2]bool
		status    int
	}{
		{"first", "sip:b@test.example;gr=one", [2]bool{true, false}, 0},
		{"second", "sip:b@test.example;gr=two", [2]bool{false, true}, 0},
		{"not registered", "sip:b@test.example;gr=three", [2]bool{}, 480},
		{"slot without a number", "sip:a@test.example;gr=one", [2]bool{}, 404},
		{"the number", "sip:500@test.example", [2]bool{true, true}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			run(t, change, func(t *testing.T, r *rig) {
				a, one, two := r.phone("a"), r.phone("b1"), r.phone("b2")
				r.loc.contacts["b"] = []Contact{r.loc.contacts["b1"][0], r.loc.contacts["b2"][0]}
				r.loc.contacts["b"][0].Instance, r.loc.contacts["b"][1].Instance = "one", "two"
				r.numbers["500"] = []string{"b"}
				caller := a.InviteURI(c.uri, sdpFor(a, "8"))
				if c.status != 0 {
					caller.Expect(t, c.status)
					return
				}
				for i, p := range []*siptest.Phone{one, two} {
					if c.rings[i] {
						p.Expect(t, message.INVITE).Ring()
					} else {
						p.ExpectNone(t, message.INVITE, time.Second)
					}
				}
				caller.Expect(t, 180)
				caller.Cancel(t)
				caller.Expect(t, 487)
			})
		})
	}
}

// TestPathIsFollowed: the INVITE goes to the edge proxy with its Path as Route, in the dialog its Record-Route counts, and a
// strict router gets itself in the Request-URI.
func TestPathIsFollowed(t *testing.T) {
	for _, c := range []struct {
		name, recordRoute string
		uri               string
		routes            string
	}{
		{"loose", "<sip:10.0.1.2;lr>", "sip:phone@192.168.1.9", "<sip:10.0.1.2;lr>"},
		{"strict", "<sip:10.0.1.2>", "sip:10.0.1.2", "<sip:phone@192.168.1.9>"},
		{"two, the first strict", "<sip:far.test;lr>, <sip:10.0.1.2>", "sip:10.0.1.2", "<sip:far.test;lr>,<sip:phone@192.168.1.9>"},
	} {
		t.Run(c.name, func(t *testing.T) {
			run(t, nil, func(t *testing.T, r *rig) {
				a, edge := r.phone("a"), r.phone("edge")
				r.loc.contacts["edge"][0].URI = "sip:phone@192.168.1.9"
				r.loc.contacts["edge"][0].Path = []string{"<sip:token@10.0.1.2;lr;ob>", "<sip:inner.test;lr>"}
				caller := a.Invite("4edge", sdpFor(a, "8"))
				in := edge.Expect(t, message.INVITE)
				if in.URI() != "sip:phone@192.168.1.9" || routesOf(in.Message) != "<sip:token@10.0.1.2;lr;ob>,<sip:inner.test;lr>" {
					t.Errorf("INVITE %s, Route %s", in.URI(), routesOf(in.Message))
				}
				callee := in.Answer(sdpFor(edge, "8"), "Record-Route: "+c.recordRoute, "Contact: <sip:phone@192.168.1.9>")
				caller.Expect(t, 200)
				caller.Ack()
				if ack := callee.ExpectAck(t); ack.URI() != c.uri || routesOf(ack) != c.routes {
					t.Errorf("ACK %s, Route %s", ack.URI(), routesOf(ack))
				}
				caller.Bye(t)
				if bye := callee.ExpectBye(t); bye.URI() != c.uri || routesOf(bye.Message) != c.routes {
					t.Errorf("BYE %s, Route %s", bye.URI(), routesOf(bye.Message))
				}
			})
		})
	}
}

// TestPathWithoutItsFlow: the connection to the edge proxy has ended, so its own URI says where it is.
func TestPathWithoutItsFlow(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, edge := r.phone("a"), r.phone("edge")
		r.loc.contacts["x"] = []Contact{{URI: "sip:phone@192.168.1.9", Path: []string{"<sip:" + edge.Addr().String() + ";lr>"}}}
		r.numbers["500"] = []string{"x"}
		caller := a.Invite("500", sdpFor(a, "8"))
		talk(t, a, edge, caller, edge.Expect(t, message.INVITE))
	})
}

func routesOf(m *message.Message) string {
	s := ""
	for v := range m.Values(message.HRoute) {
		if s != "" {
			s += ","
		}
		s += v
	}
	return s
}

// TestDialogWithADevice: the peer's contact is its GRUU and its connection has ended: the BYE takes its new flow.
func TestDialogWithADevice(t *testing.T) {
	change := func(c *Config) { c.Locator = devices{c.Locator.(*locator)} }
	run(t, change, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b", overTCP)
		caller := a.Invite("4b", sdpFor(a, "8"))
		in := b.Expect(t, message.INVITE)
		in.Answer(sdpFor(b, "8"), "Contact: <sip:b@test.example;gr=one>")
		caller.Expect(t, 200)
		caller.Ack()
		r.net.Cut(server.Addr(), b.Addr().Addr())
		synctest.Wait()
		again := r.phone("b", func(c *siptest.PhoneConfig) {
			c.Addr = netip.MustParseAddrPort("10.0.1.99:5060")
			c.Proto = transport.UDP
		})
		r.loc.contacts["b"] = r.loc.contacts["b"][1:]
		r.loc.contacts["b"][0].Instance = "one"
		caller.Bye(t)
		if bye := again.Expect(t, message.BYE); bye.URI() != "sip:b@test.example;gr=one" {
			t.Errorf("BYE %s", bye.URI())
		} else {
			bye.OK()
		}
	})
}
