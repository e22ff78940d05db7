package b2bua

import (
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/routing"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/siptest"
)

func TestRedirection(t *testing.T) {
	for _, c := range []struct {
		name    string
		contact func(b, d *siptest.Phone) string
		follows bool
	}{
		{"inside number", func(_, _ *siptest.Phone) string { return "<sip:44@" + domain + ">" }, true},
		{"inside number at our address", func(_, _ *siptest.Phone) string { return "<sip:44@10.0.0.1:5060>" }, true},
		{"inside number as tel", func(_, _ *siptest.Phone) string { return "<tel:44>" }, true},
		{"second of two", func(_, _ *siptest.Phone) string { return "<sip:0900@" + domain + ">, <sip:44@" + domain + ">;q=0.5" }, true},
		{"outside number", func(_, _ *siptest.Phone) string { return "<sip:0900123456@" + domain + ">" }, false},
		{"other system", func(_, _ *siptest.Phone) string { return "<sip:44@evil.example>" }, false},
		{"another phone's contact", func(_, d *siptest.Phone) string { return "<" + d.Contact() + ">" }, false},
		{"itself", func(b, _ *siptest.Phone) string { return "<" + b.Contact() + ">" }, false},
		{"its own number", func(_, _ *siptest.Phone) string { return "<sip:42@" + domain + ">" }, false},
		{"http", func(_, _ *siptest.Phone) string { return "<http://evil.example/>" }, false},
		{"nothing", func(_, _ *siptest.Phone) string { return "" }, false},
		{"nonsense", func(_, _ *siptest.Phone) string { return "<<<>>>;;;" }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			run(t, nil, func(t *testing.T, r *rig) {
				a, b, d := r.phone("a"), r.phone("b"), r.phone("d")
				r.numbers["42"], r.numbers["44"] = []string{"b"}, []string{"d"}
				caller := a.Invite("42", sdpFor(a, "8"))
				var lines []string
				if contact := c.contact(b, d); contact != "" {
					lines = []string{"Contact: " + contact}
				}
				b.Expect(t, message.INVITE).Respond(302, "", lines...)
				if !c.follows {
					caller.Expect(t, 480)
					d.ExpectNone(t, message.INVITE, time.Second)
					if rec := r.last(); len(rec.Legs) != 1 || rec.Legs[0].Status != 302 || rec.Legs[0].Result != "error" {
						t.Errorf("legs %+v", rec.Legs)
					}
					return
				}
				in := d.Expect(t, message.INVITE)
				if r.live.NumberCalls("44") != 1 || r.live.NumberCalls("42") != 1 {
					t.Error("the numbers are not counted")
				}
				callee := in.Answer(sdpFor(d, "8"))
				caller.Expect(t, 200)
				caller.Ack()
				callee.ExpectAck(t)
				caller.Bye(t)
				callee.ExpectBye(t)
				rec := r.expectRecord(calls.Answered, 200, byCaller)
				if rec.ToSlot != "d" || len(rec.Legs) != 2 || rec.Legs[0].Result != "redirected" || rec.Legs[1].Result != "answered" {
					t.Errorf("record %+v", rec.Legs)
				}
			})
		})
	}
}

func TestRedirectionToAnotherContactOfTheSlot(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		d := r.phone("d")
		r.numbers["42"] = []string{"b"}
		// The second one registers while the first rings: it does not ring by itself.
		caller := a.Invite("42", sdpFor(a, "8"))
		in := b.Expect(t, message.INVITE)
		r.loc.mu.Lock()
		r.loc.contacts["b"] = append(r.loc.contacts["b"], r.loc.contacts["d"]...)
		r.loc.mu.Unlock()
		in.Respond(301, "", "Contact: <"+d.Contact()+">")
		d.Expect(t, message.INVITE).Respond(486, "")
		caller.Expect(t, 486)
	})
}

// TestRedirectionInACircle: phones that send a call round end it.
func TestRedirectionInACircle(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a := r.phone("a")
		names := []string{"b", "c", "d", "e", "f", "g", "h"}
		phones := make([]*siptest.Phone, len(names))
		for i, n := range names {
			phones[i] = r.phone(n)
			r.numbers["4"+itoa(i)] = []string{n}
		}
		caller := a.Invite("40", sdpFor(a, "8"))
		for i := range maxRedirections + 1 {
			phones[i].Expect(t, message.INVITE).Respond(302, "", "Contact: <sip:4"+itoa(i+1)+"@"+domain+">")
		}
		caller.Expect(t, 480)
		phones[maxRedirections+1].ExpectNone(t, message.INVITE, time.Second)

		caller = a.Invite("40", sdpFor(a, "8"))
		phones[0].Expect(t, message.INVITE).Respond(302, "", "Contact: <sip:41@"+domain+">")
		phones[1].Expect(t, message.INVITE).Respond(302, "", "Contact: <sip:40@"+domain+">")
		caller.Expect(t, 480)
	})
}

// TestRedirectionNeverLeavesTheHouse: neither a mobile's outside number nor a number that is nobody's is dialled.
func TestRedirectionNeverLeavesTheHouse(t *testing.T) {
	for name, change := range map[string]func(*routing.Plan){
		"mobile":   func(p *routing.Plan) { p.Targets[0].Outside = "+491701234567" },
		"no owner": func(p *routing.Plan) { p.OwnerType = "" },
		"refused":  func(p *routing.Plan) { p.Outcome = routing.Forbidden },
	} {
		t.Run(name, func(t *testing.T) {
			run(t, nil, func(t *testing.T, r *rig) {
				a, b, d := r.phone("a"), r.phone("b"), r.phone("d")
				r.numbers["42"], r.numbers["44"] = []string{"b"}, []string{"d"}
				r.change = func(p *routing.Plan) {
					if p.Number == "44" {
						change(p)
					}
				}
				caller := a.Invite("42", sdpFor(a, "8"))
				b.Expect(t, message.INVITE).Respond(302, "", "Contact: <sip:44@"+domain+">")
				caller.Expect(t, 480)
				d.ExpectNone(t, message.INVITE, time.Second)
			})
		})
	}
}

// TestRedirectionAsTheSlot: what may be called is what the redirecting slot may call, not what the caller may.
func TestRedirectionAsTheSlot(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b, d := r.phone("a"), r.phone("b"), r.phone("d")
		r.numbers["42"], r.numbers["44"] = []string{"b"}, []string{"d"}
		var asked []string
		r.ask = func(q routing.Request) { asked = append(asked, q.Called+" by "+q.Caller.SlotID) }
		caller := a.Invite("42", sdpFor(a, "8"))
		b.Expect(t, message.INVITE).Respond(302, "", "Contact: <sip:44@"+domain+">")
		d.Expect(t, message.INVITE).Respond(603, "")
		caller.Expect(t, 603)
		if len(asked) != 2 || asked[1] != "44 by b" {
			t.Errorf("asked %q", asked)
		}
	})
}
