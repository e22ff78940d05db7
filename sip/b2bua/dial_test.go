package b2bua

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/routing"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/siptest"
)

// dial asks for a call of phone a.
func (r *rig) dial(to string) (string, error) {
	r.t.Helper()
	return r.ua.Dial(context.Background(), calls.Dial{SlotID: "a", UserID: "u-a", To: to, By: "u-boss"})
}

// dialled asks for a call that has to begin.
func (r *rig) dialled(to string) string {
	r.t.Helper()
	id, err := r.dial(to)
	if err != nil {
		r.t.Fatal(err)
	}
	return id
}

// lifts answers the INVITE of the system at the phone that is to call.
func lifts(t *testing.T, a *siptest.Phone) *siptest.Call {
	t.Helper()
	in := a.Expect(t, message.INVITE)
	in.Ring()
	call := in.Answer(sdpFor(a, "8"))
	call.ExpectAck(t)
	return call
}

func TestDial(t *testing.T) {
	cases := map[string]func(t *testing.T, r *rig, a, b *siptest.Phone){
		"both answer": func(t *testing.T, r *rig, a, b *siptest.Phone) {
			id := r.dialled("4b")
			in := a.Expect(t, message.INVITE)
			if got := in.From().URI; got != "sip:4b@"+domain {
				t.Errorf("the phone is shown %s", got)
			}
			if v, ok := r.table.Get(id); !ok || v.State != calls.Routing || len(v.Ringing) != 1 || v.Ringing[0] != "a" || v.To != "4b" || v.FromUser != "u-a" {
				t.Errorf("in the table %+v", v)
			}
			b.ExpectNone(t, message.INVITE, time.Second)
			in.Ring()
			desk := in.Answer(sdpFor(a, "8"))
			desk.ExpectAck(t)
			ep := r.media.at(t, in.Body())
			call := b.Expect(t, message.INVITE)
			if got := call.From().URI; got != "sip:a@"+domain {
				t.Errorf("the callee is shown %s", got)
			}
			synctest.Wait()
			if got := r.sounds(ep); len(got) != 0 {
				t.Errorf("before it rings the phone hears %v", got)
			}
			call.Ring()
			synctest.Wait()
			r.media.mu.Lock()
			if ep.plays != r.ua.clips.ringback() {
				t.Error("while it rings the phone hears no ringback")
			}
			r.media.mu.Unlock()
			if v, _ := r.table.Get(id); v.State != calls.Ringing || r.table.Len() != 1 || r.live.SlotCalls("a") != 2 {
				t.Errorf("while it rings %+v, %d calls of the slot", v, r.live.SlotCalls("a"))
			}
			callee := call.Answer(sdpFor(b, "8"))
			callee.ExpectAck(t)
			re := takeOver(t, desk, a)
			r.bridged(re.Body(), call.Body())
			if got := re.Header(message.HPAssertedIdentity); !strings.Contains(got, "sip:4b@") {
				t.Errorf("the phone is shown %q when it is connected", got)
			}
			synctest.Wait()
			if n := r.live.SlotCalls("a"); n != 1 || r.live.SlotCalls("b") != 1 || r.ua.Active() != 1 || len(r.media.open) != 2 {
				t.Errorf("%d calls of the slot, %d active, %d endpoints", n, r.ua.Active(), len(r.media.open))
			}
			callee.Bye(t)
			desk.ExpectBye(t).OK()
			rec := r.expectRecord(calls.Answered, 200, byCallee)
			if rec.ID != id || rec.AskedBy != "u-boss" || rec.FromUser != "u-a" || rec.FromSlot != "a" || rec.From != "a" || rec.To != "4b" || rec.ToSlot != "b" || len(r.rec.all()) != 1 {
				t.Errorf("record %+v", rec)
			}
		},
		"the phone hangs up while it rings": func(t *testing.T, r *rig, a, b *siptest.Phone) {
			r.dialled("4b")
			desk := lifts(t, a)
			b.Expect(t, message.INVITE).Ring()
			desk.Bye(t)
			b.Expect(t, message.CANCEL)
			r.expectRecord(calls.Cancelled, 487, byCaller)
		},
		"the phone declines": func(t *testing.T, r *rig, a, b *siptest.Phone) {
			r.dialled("4b")
			a.Expect(t, message.INVITE).Respond(603, "")
			b.ExpectNone(t, message.INVITE, time.Second)
			if rec := r.expectRecord(calls.Declined, 603, byCallee); !strings.HasPrefix(rec.Cause, "the phone that was to call: ") {
				t.Errorf("cause %q", rec.Cause)
			}
		},
		"the phone does not answer": func(t *testing.T, r *rig, a, b *siptest.Phone) {
			r.dialled("4b")
			a.Expect(t, message.INVITE).Ring()
			a.Expect(t, message.CANCEL)
			b.ExpectNone(t, message.INVITE, time.Second)
			r.expectRecord(calls.NoAnswer, 480, bySystem)
		},
		"the number is busy when it is called": func(t *testing.T, r *rig, a, b *siptest.Phone) {
			r.dialled("4b")
			desk := lifts(t, a)
			b.Expect(t, message.INVITE).Respond(486, "")
			desk.ExpectBye(t).OK() // behind the tone
			rec := r.expectRecord(calls.Busy, 486, byCallee)
			if rec.AskedBy != "u-boss" {
				t.Errorf("record %+v", rec)
			}
		},
		"the phone hears that it is busy": func(t *testing.T, r *rig, a, b *siptest.Phone) {
			r.dialled("4b")
			in := a.Expect(t, message.INVITE)
			desk := in.Answer(sdpFor(a, "8"))
			desk.ExpectAck(t)
			ep := r.media.at(t, in.Body())
			b.Expect(t, message.INVITE).Respond(486, "")
			synctest.Wait()
			if got := r.sounds(ep); len(got) != 1 || got[0] != "refused" {
				t.Errorf("the phone hears %v", got)
			}
			desk.Bye(t) // it does not want to hear it out
		},
		"ended from outside while the phone rings": func(t *testing.T, r *rig, a, b *siptest.Phone) {
			id := r.dialled("4b")
			a.Expect(t, message.INVITE).Ring()
			if !r.table.Hangup(id, "ended by boss") {
				t.Error("there is no such call")
			}
			a.Expect(t, message.CANCEL)
			r.expectRecord(calls.Failed, 487, bySystem)
		},
		"ended from outside while the number rings": func(t *testing.T, r *rig, a, b *siptest.Phone) {
			id := r.dialled("4b")
			desk := lifts(t, a)
			b.Expect(t, message.INVITE).Ring()
			synctest.Wait()
			r.table.Hangup(id, "ended by boss")
			b.Expect(t, message.CANCEL)
			desk.ExpectBye(t).OK()
			r.expectRecord(calls.Failed, 487, bySystem)
		},
		"the routing has changed meanwhile": func(t *testing.T, r *rig, a, b *siptest.Phone) {
			r.dialled("4b")
			in := a.Expect(t, message.INVITE)
			r.router.mu.Lock()
			delete(r.numbers, "4b")
			r.router.mu.Unlock()
			desk := in.Answer(sdpFor(a, "8"))
			desk.ExpectAck(t)
			desk.ExpectBye(t).OK()
			r.expectRecord(calls.Rejected, 404, bySystem)
		},
		"a redirection of the phone": func(t *testing.T, r *rig, a, b *siptest.Phone) {
			r.dialled("4b")
			a.Expect(t, message.INVITE).Respond(302, "", "Contact: <sip:4b@"+domain+">")
			b.ExpectNone(t, message.INVITE, time.Second)
			r.expectRecord(calls.Failed, 480, byCallee)
		},
		"the phone holds while it waits, and key presses are taken": func(t *testing.T, r *rig, a, b *siptest.Phone) {
			r.dialled("4b")
			desk := lifts(t, a)
			call := b.Expect(t, message.INVITE)
			call.Ring()
			desk.Send(message.INFO, "application/dtmf", "1").Expect(t, 200)
			desk.ReInvite(t, sdpFor(a, "8", "a=sendonly"))
			desk.ReInvite(t, sdpFor(a, "8"))
			x := desk.Refer("4a", "")
			if got := x.Final(t).Status(); got != 500 {
				t.Errorf("a transfer of who is called: %d", got)
			}
			callee := call.Answer(sdpFor(b, "8"))
			callee.ExpectAck(t)
			takeOver(t, desk, a)
			desk.Bye(t)
			callee.ExpectBye(t).OK()
			r.expectRecord(calls.Answered, 200, byCaller)
		},
	}
	for name, fn := range cases {
		t.Run(name, func(t *testing.T) {
			run(t, nil, func(t *testing.T, r *rig) { fn(t, r, r.phone("a"), r.phone("b")) })
		})
	}
}

// TestDialRefused: what cannot be is said at once, and no phone rings.
func TestDialRefused(t *testing.T) {
	needsPIN := func(p *routing.Plan) {
		p.Outcome, p.Targets, p.Command = routing.AskPIN, nil, &routing.Order{Action: routing.OrderPIN}
	}
	cases := []struct {
		name   string
		to     string
		before func(r *rig)
		result calls.Result
		status int
	}{
		{"no such number", "999", nil, calls.Rejected, 404},
		{"busy", "4b", func(r *rig) { r.busy["4b"] = true; r.live.AddNumber("4b") }, calls.Busy, 486},
		{"a function code", "*8", func(r *rig) { r.codes(map[string]string{"*8": routing.CodePickupGroup}) }, calls.Rejected, 403},
		{"with a PIN only", "4b", func(r *rig) { r.change = needsPIN }, calls.Rejected, 403},
		{"no phone", "4b", func(r *rig) { r.loc.contacts["a"] = nil }, calls.Unreachable, 480},
		{"too many calls", "4b", func(r *rig) {
			for range 8 {
				r.live.AddSlot("a")
			}
		}, calls.Rejected, 486},
		{"no port", "4b", func(r *rig) { r.media.full = true }, calls.Unreachable, 480},
		{"stopping", "4b", func(r *rig) { r.ua.stopping.Store(true) }, "", 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			run(t, nil, func(t *testing.T, r *rig) {
				a := r.phone("a")
				r.phone("b")
				if c.before != nil {
					c.before(r)
				}
				_, err := r.dial(c.to)
				var refused *calls.Refusal
				switch {
				case c.status == 0:
					if err == nil || errors.As(err, &refused) {
						t.Errorf("error %v", err)
					}
				case !errors.As(err, &refused) || refused.Result != c.result || refused.Status != c.status || refused.Cause == "":
					t.Errorf("refused with %+v (%v)", refused, err)
				case strings.Contains(refused.Cause, "PIN") != (c.name == "with a PIN only"):
					t.Errorf("the cause is %q", refused.Cause)
				}
				a.ExpectNone(t, message.INVITE, time.Second)
				r.live.RemoveNumber("4b")
				if c.name != "busy" {
					r.live.AddNumber("4b")
				}
				if c.name == "too many calls" {
					for range 8 {
						r.live.RemoveSlot("a")
					}
				}
			})
		})
	}
}

// TestDialTooOften: a slot has one budget of calls, whoever asks for them.
func TestDialTooOften(t *testing.T) {
	run(t, func(c *Config) { c.Limits.Attempts = 1 }, func(t *testing.T, r *rig) {
		r.phone("a")
		n := 0
		for range 10 {
			var refused *calls.Refusal
			if _, err := r.dial("999"); errors.As(err, &refused) && refused.Status == 404 {
				n++
			}
		}
		if n != 5 || r.ua.Refused() != 5 {
			t.Errorf("%d of 10 were looked at", n)
		}
	})
}

// TestDialAutoAnswer: the phone is asked to answer by itself where that is wished.
func TestDialAutoAnswer(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a := r.phone("a")
		r.phone("b")
		id, err := r.ua.Dial(context.Background(), calls.Dial{SlotID: "a", UserID: "u-a", To: "4b", AutoAnswer: true})
		if err != nil {
			t.Fatal(err)
		}
		in := a.Expect(t, message.INVITE)
		if got := in.Header(message.HAlertInfo); !strings.Contains(got, "alert-autoanswer") || !strings.Contains(string(in.Raw()), "Call-Info: <sip:"+domain+">;answer-after=0") {
			t.Errorf("%s", in.Raw())
		}
		in.Ring()
		r.table.Hangup(id, "")
		a.Expect(t, message.CANCEL)
	})
}

// TestDialSurvivesFaults: a fault ends both calls, and nothing is left.
func TestDialSurvivesFaults(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a := r.phone("a")
		r.phone("b")
		r.dialled("4b")
		in := a.Expect(t, message.INVITE)
		r.router.mu.Lock()
		r.panics = true
		r.router.mu.Unlock()
		desk := in.Answer(sdpFor(a, "8"))
		desk.ExpectAck(t)
		desk.ExpectBye(t).OK()
		if rec := r.last(); rec.Result != calls.Failed || rec.Cause != "internal error" {
			t.Errorf("record %+v", rec)
		}
	})
}
