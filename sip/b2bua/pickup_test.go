package b2bua

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/routing"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/siptest"
)

// pickups is a rig in which *8 takes calls that ring at 4b.
func pickups(t *testing.T, fn func(t *testing.T, r *rig, a, b, p *siptest.Phone)) {
	t.Helper()
	run(t, nil, func(t *testing.T, r *rig) {
		a, b, p := r.phone("a"), r.phone("b"), r.phone("p")
		r.codes(map[string]string{"*8": routing.CodePickupGroup})
		before := r.change
		r.change = func(plan *routing.Plan) {
			if before(plan); plan.Command != nil {
				plan.Command.Numbers = []string{"4b"}
			}
		}
		fn(t, r, a, b, p)
	})
}

// dialPickup dials the code until it is answered and acknowledged.
func dialPickup(t *testing.T, p *siptest.Phone) *siptest.Call {
	t.Helper()
	call := p.Invite("*8", sdpFor(p, "8 0"))
	call.Expect(t, 200)
	call.Ack()
	return call
}

// connected takes the re-INVITE that connects who has picked up with the caller.
func joinPickup(t *testing.T, r *rig, picker, caller *siptest.Call, p *siptest.Phone) {
	t.Helper()
	re := picker.ExpectRequest(t, message.INVITE)
	if !strings.Contains(re.Header(message.HPAssertedIdentity), "sip:a@") {
		t.Errorf("shown %q", re.Header(message.HPAssertedIdentity))
	}
	re.Respond(200, sdpFor(p, "8"))
	re.ExpectAck(t)
	ok := caller.Expect(t, 200)
	if !strings.Contains(ok.Header(message.HPAssertedIdentity), "sip:p@") {
		t.Errorf("the caller is shown %q", ok.Header(message.HPAssertedIdentity))
	}
	caller.Ack()
	r.bridged(ok.Body(), re.Body())
}

func TestPickup(t *testing.T) {
	cases := map[string]func(t *testing.T, r *rig, a, b, p *siptest.Phone){
		"a call that rings": func(t *testing.T, r *rig, a, b, p *siptest.Phone) {
			for range 4 { // both shards, in whatever order
				caller := a.Invite("4b", sdpFor(a, "8 0"))
				in := b.Expect(t, message.INVITE)
				in.Ring()
				caller.Expect(t, 180)
				picker := dialPickup(t, p)
				joinPickup(t, r, picker, caller, p)
				cancel := b.Expect(t, message.CANCEL)
				if !strings.Contains(cancel.Header(message.HReason), "Call completed elsewhere") {
					t.Errorf("%s", cancel.Raw())
				}
				synctest.Wait()
				if r.live.NumberCalls("4b") != 0 || r.live.NumberCalls("p") != 1 || r.live.SlotCalls("p") != 1 {
					t.Error("wrong counts")
				}
				caller.Bye(t)
				picker.ExpectBye(t).OK()
				rec := r.last()
				if rec.ToSlot != "p" || rec.ToUser != "u-p" || rec.Result != calls.Answered || !strings.Contains(rec.Cause, "picked up while it rang at 4b") {
					t.Errorf("record %+v", rec)
				}
				all := r.rec.all()
				if own := all[len(all)-2]; !strings.Contains(own.Cause, rec.ID) || own.To != "*8" || own.Result != calls.Answered {
					t.Errorf("record of who picks up: %+v", own)
				}
			}
		},
		"no call rings": func(t *testing.T, r *rig, a, b, p *siptest.Phone) {
			call := p.Invite("*8", sdpFor(p, "8"))
			ep := r.media.at(t, call.Expect(t, 200).Body())
			call.Ack()
			ep.packet()
			synctest.Wait()
			if got := r.sounds(ep); len(got) != 1 || got[0] != "refused" {
				t.Errorf("hears %v", got)
			}
			call.ExpectBye(t).OK()
		},
		"two at once": func(t *testing.T, r *rig, a, b, p *siptest.Phone) {
			q := r.phone("q")
			caller := a.Invite("4b", sdpFor(a, "8 0"))
			b.Expect(t, message.INVITE).Ring()
			caller.Expect(t, 180)
			first, second := p.Invite("*8", sdpFor(p, "8")), q.Invite("*8", sdpFor(q, "8"))
			first.Expect(t, 200)
			second.Expect(t, 200)
			first.Ack()
			second.Ack()
			time.Sleep(10 * time.Second)
			var failed int
			for _, rec := range r.rec.all() {
				if strings.Contains(rec.Cause, "failed: no call rings there") {
					failed++
				}
			}
			if failed > 1 {
				t.Errorf("%d heard failure", failed)
			}
			r.table.HangupAll("end")
		},
		"answer crosses": func(t *testing.T, r *rig, a, b, p *siptest.Phone) {
			caller := a.Invite("4b", sdpFor(a, "8 0"))
			in := b.Expect(t, message.INVITE)
			in.Ring()
			caller.Expect(t, 180)
			call := p.Invite("*8", sdpFor(p, "8"))
			ok := call.Expect(t, 200)
			callee := in.Answer(sdpFor(b, "8"))
			established(t, caller, callee)
			call.Ack()
			ep := r.media.at(t, ok.Body())
			ep.packet()
			synctest.Wait()
			if got := r.sounds(ep); len(got) != 1 || got[0] != "refused" {
				t.Errorf("hears %v", got)
			}
			call.ExpectBye(t).OK()
			caller.Bye(t)
			callee.ExpectBye(t).OK()
		},
		"who picks up gives up before": func(t *testing.T, r *rig, a, b, p *siptest.Phone) {
			caller := a.Invite("4b", sdpFor(a, "8 0"))
			in := b.Expect(t, message.INVITE)
			in.Ring()
			caller.Expect(t, 180)
			call := p.Invite("*8", sdpFor(p, "8"))
			call.Expect(t, 200)
			call.Bye(t)
			callee := in.Answer(sdpFor(b, "8"))
			established(t, caller, callee)
			caller.Bye(t)
			callee.ExpectBye(t).OK()
		},
		"who picks up hangs up at once": func(t *testing.T, r *rig, a, b, p *siptest.Phone) {
			caller := a.Invite("4b", sdpFor(a, "8 0"))
			b.Expect(t, message.INVITE).Ring()
			caller.Expect(t, 180)
			picker := dialPickup(t, p)
			picker.ExpectRequest(t, message.INVITE)
			picker.SendBye()
			time.Sleep(2 * time.Second)
			if r.ua.Active() != 0 {
				t.Error("the call goes on")
			}
		},
		"the caller hangs up meanwhile": func(t *testing.T, r *rig, a, b, p *siptest.Phone) {
			caller := a.Invite("4b", sdpFor(a, "8 0"))
			b.Expect(t, message.INVITE).Ring()
			caller.Expect(t, 180)
			picker := dialPickup(t, p)
			re := picker.ExpectRequest(t, message.INVITE)
			caller.Cancel(t)
			caller.Expect(t, 487)
			re.Respond(200, sdpFor(p, "8"))
			picker.ExpectBye(t).OK()
		},
	}
	for name, fn := range cases {
		t.Run(name, func(t *testing.T) { pickups(t, fn) })
	}
}
