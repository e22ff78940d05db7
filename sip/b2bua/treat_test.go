package b2bua

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/internal/media"
	"github.com/koppelfeld/koppelfeld/routing"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/siptest"
)

// orders takes the orders of function codes.
type orders struct {
	mu   sync.Mutex
	done []routing.Order
	take time.Duration
	err  error
	odd  bool // it panics
}

func (o *orders) Command(ctx context.Context, order routing.Order) error {
	if o.odd {
		panic("order fault")
	}
	select {
	case <-time.After(o.take):
	case <-ctx.Done():
		return ctx.Err()
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.done = append(o.done, order)
	return o.err
}

// codes makes numbers that begin with * function codes of these actions.
func (r *rig) codes(actions map[string]string) {
	r.router.mu.Lock()
	defer r.router.mu.Unlock()
	for n := range actions {
		r.numbers[n] = nil
	}
	r.change = func(p *routing.Plan) {
		action, ok := actions[p.Number]
		if !ok {
			return
		}
		p.Outcome, p.Command = routing.Command, &routing.Order{Action: action, SlotID: p.CallerNumber, UserID: "u-" + p.CallerNumber, Number: p.CallerNumber}
		p.Number, p.Targets, p.Shown, p.ShownCalled = "", nil, routing.Identity{}, routing.Identity{}
	}
}

// coded is a rig with phone a, function codes and what they order.
func coded(t *testing.T, o *orders, fn func(t *testing.T, r *rig, a *siptest.Phone), change ...func(*Config)) {
	t.Helper()
	run(t, func(c *Config) {
		c.Commands = o
		for _, f := range change {
			f(c)
		}
	}, func(t *testing.T, r *rig) {
		a := r.phone("a")
		r.codes(map[string]string{"*26": routing.CodeDNDOn, "*99": routing.CodeEcho, "*98": routing.CodeOwnNumber})
		fn(t, r, a)
	})
}

// sounds are what an endpoint has played.
func (r *rig) sounds(ep *fakeEndpoint) (names []string) {
	r.media.mu.Lock()
	defer r.media.mu.Unlock()
	for _, c := range ep.played {
		switch c {
		case r.ua.clips.accepted():
			names = append(names, "accepted")
		case r.ua.clips.refused():
			names = append(names, "refused")
		case r.ua.clips.prompt():
			names = append(names, "prompt")
		default:
			names = append(names, "digits")
		}
	}
	return names
}

// packet lets the first packet come to an endpoint.
func (e *fakeEndpoint) packet() { e.notify(media.Event{Kind: media.FirstPacket}) }

// TestFunctionCode: an order is carried out while it rings, then the caller hears how it went, is hung up and has a record.
func TestFunctionCode(t *testing.T) {
	for name, tc := range map[string]struct {
		number  string
		o       *orders
		sound   string
		cause   string
		carried int
	}{
		"done":         {"*26", &orders{take: time.Second}, "accepted", "function code dnd_on: done", 1},
		"failed":       {"*26", &orders{err: errors.New("the database is away")}, "refused", "function code dnd_on: failed: the database is away", 1},
		"too slow":     {"*26", &orders{take: time.Minute}, "refused", "function code dnd_on: failed: context deadline exceeded", 0},
		"own number":   {"*98", &orders{}, "digits", "function code own_number: done", 0},
		"echo":         {"*99", &orders{}, "prompt", "function code echo: done", 0},
		"order faults": {"*26", &orders{odd: true}, "refused", "function code dnd_on: failed: internal error", 0},
	} {
		t.Run(name, func(t *testing.T) {
			o := tc.o
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, 1, func(c *Config) { c.Commands = o })
				a := r.phone("a")
				r.codes(map[string]string{"*26": routing.CodeDNDOn, "*99": routing.CodeEcho, "*98": routing.CodeOwnNumber})
				call := a.Invite(tc.number, sdpFor(a, "111 9 8 101", "a=rtpmap:111 opus/48000/2", "a=rtpmap:101 telephone-event/8000", "m=video 4002 RTP/AVP 34"))
				if tc.number == "*26" {
					call.Expect(t, 180)
				}
				ok := call.Expect(t, 200)
				call.Ack()
				body := string(ok.Body())
				if !strings.Contains(body, " RTP/AVP 9 8 101\r\n") || !strings.Contains(body, "m=video 0 ") || strings.Contains(body, "opus") {
					t.Errorf("answer\n%s", body)
				}
				ep := r.media.at(t, ok.Body())
				synctest.Wait()
				if got := r.sounds(ep); got != nil {
					t.Errorf("plays %v before anything came", got)
				}
				ep.packet()
				synctest.Wait()
				if got := r.sounds(ep); len(got) != 1 || got[0] != tc.sound {
					t.Errorf("plays %v", got)
				}
				if m, _ := ep.state(); m.Formats[0].Name != "G722" || !m.Send {
					t.Errorf("in %+v", m)
				}
				ep.notify(media.Event{Kind: media.PlaybackEnded, Clip: ep.plays})
				if tc.number == "*99" {
					synctest.Wait()
					r.media.mu.Lock()
					if r.media.bridge[ep] != ep {
						t.Error("no echo")
					}
					r.media.mu.Unlock()
					a.ExpectNone(t, message.BYE, echoFor-time.Second)
				}
				call.ExpectBye(t).OK()
				rec := r.expectRecord(calls.Answered, 200, bySystem)
				if rec.Cause != tc.cause || rec.From != "a" || rec.To != tc.number || rec.MediaCaller == nil || rec.AnswerAt.IsZero() {
					t.Errorf("record %+v", rec)
				}
				if len(o.done) != tc.carried {
					t.Errorf("carried out: %+v", o.done)
				}
				if n := r.ua.panics.Swap(0); n > 0 != o.odd {
					t.Errorf("%d faults", n)
				}
				r.finish()
			})
		})
	}
}

// TestFunctionCodeEnds: the caller may go at any time, and hold, change codecs or send key presses meanwhile.
func TestFunctionCodeEnds(t *testing.T) {
	cases := map[string]func(t *testing.T, r *rig, a *siptest.Phone){
		"cancel while it is carried out": func(t *testing.T, r *rig, a *siptest.Phone) {
			call := a.Invite("*26", sdpFor(a, "8 0"))
			call.Expect(t, 180)
			call.Cancel(t)
			call.Expect(t, 487)
			if rec := r.expectRecord(calls.Cancelled, 487, byCaller); rec.Cause != "function code dnd_on: under way; the caller gave up" {
				t.Errorf("cause %q", rec.Cause)
			}
		},
		"hangs up while it hears": func(t *testing.T, r *rig, a *siptest.Phone) {
			call := a.Invite("*99", sdpFor(a, "8 0"))
			call.Expect(t, 200)
			call.Ack()
			call.Bye(t)
			if rec := r.expectRecord(calls.Answered, 200, byCaller); rec.Cause != "function code echo: done; caller hung up" {
				t.Errorf("cause %q", rec.Cause)
			}
		},
		"holds and resumes, changes codecs, sends keys": func(t *testing.T, r *rig, a *siptest.Phone) {
			call := a.Invite("*99", sdpFor(a, "8 0"))
			ok := call.Expect(t, 200)
			call.Ack()
			ep := r.media.at(t, ok.Body())
			for _, step := range []struct{ offer, answer string }{
				{sdpFor(a, "8 0", "a=sendonly"), "a=recvonly"},
				{sdpFor(a, "8 0"), "RTP/AVP 8 0\r\n"},
				{sdpFor(a, "9 0", g722), "RTP/AVP 9 0\r\n"},
			} {
				if res := call.ReInvite(t, step.offer); !strings.Contains(string(res.Body()), step.answer) {
					t.Errorf("answer to\n%s\nis\n%s", step.offer, res.Body())
				}
			}
			call.Send(message.INVITE, contentSDP, sdpFor(a, "18")).Expect(t, 488)
			call.Send(message.INFO, "application/dtmf-relay", "Signal=5\r\nDuration=160\r\n").Expect(t, 200)
			call.Send(message.REFER, "", "", "Refer-To: <sip:4b@"+domain+">").Expect(t, 500)
			synctest.Wait()
			if m, _ := ep.state(); m.Codec != "G722" {
				t.Errorf("%+v", m)
			}
			call.Bye(t)
		},
		"offers nothing in a re-INVITE": func(t *testing.T, r *rig, a *siptest.Phone) {
			call := a.Invite("*99", sdpFor(a, "8 0"))
			call.Expect(t, 200)
			call.Ack()
			again := call.Send(message.INVITE, "", "")
			if res := again.Expect(t, 200); !strings.Contains(string(res.Body()), "RTP/AVP 8 0\r\n") {
				t.Errorf("offer\n%s", res.Body())
			}
			call.Ack(sdpFor(a, "0"))
			call.Bye(t)
		},
		"makes no offer": func(t *testing.T, r *rig, a *siptest.Phone) {
			call := a.Invite("*26", "")
			ok := call.Expect(t, 200)
			call.Ack(sdpFor(a, "0"))
			ep := r.media.at(t, ok.Body())
			ep.packet()
			synctest.Wait()
			if got := r.sounds(ep); len(got) != 1 || got[0] != "accepted" {
				t.Errorf("plays %v", got)
			}
			call.ExpectBye(t).OK()
			r.expectRecord(calls.Answered, 200, bySystem)
		},
		"no offer, and no answer to ours": func(t *testing.T, r *rig, a *siptest.Phone) {
			call := a.Invite("*26", "")
			call.Expect(t, 200)
			call.Ack()
			call.ExpectBye(t).OK()
		},
		"requires an offer of ours": func(t *testing.T, r *rig, a *siptest.Phone) {
			call := a.Invite("*26", "", "Require: 100rel")
			call.Expect(t, 200)
			call.Ack(sdpFor(a, "0"))
			call.ExpectBye(t).OK()
		},
		"requires 100rel": func(t *testing.T, r *rig, a *siptest.Phone) {
			call := a.Invite("*26", sdpFor(a, "8"), "Require: 100rel")
			call.Prack(call.Expect(t, 180)).Expect(t, 200)
			call.Expect(t, 200)
			call.Ack()
			call.ExpectBye(t).OK()
		},
		"never acknowledges": func(t *testing.T, r *rig, a *siptest.Phone) {
			call := a.Invite("*26", sdpFor(a, "8"))
			call.Expect(t, 200)
			call.ExpectBye(t).OK()
		},
		"nothing comes from it": func(t *testing.T, r *rig, a *siptest.Phone) {
			call := a.Invite("*26", sdpFor(a, "8"))
			ep := r.media.at(t, call.Expect(t, 200).Body())
			call.Ack()
			time.Sleep(soundAfter + time.Millisecond)
			if got := r.sounds(ep); len(got) != 1 {
				t.Errorf("plays %v", got)
			}
			call.ExpectBye(t).OK()
		},
		"has no codec of ours": func(t *testing.T, r *rig, a *siptest.Phone) {
			a.Invite("*26", sdpFor(a, "18")).Expect(t, 488)
			r.expectRecord(calls.Failed, 488, bySystem)
		},
		"no port is free": func(t *testing.T, r *rig, a *siptest.Phone) {
			r.media.full = true
			a.Invite("*26", sdpFor(a, "8")).Expect(t, 503)
		},
		"by the table of calls": func(t *testing.T, r *rig, a *siptest.Phone) {
			call := a.Invite("*99", sdpFor(a, "8"))
			call.Expect(t, 200)
			call.Ack()
			synctest.Wait()
			r.table.HangupAll("the administrator says so")
			call.ExpectBye(t).OK()
		},
		"a transfer cannot end there": func(t *testing.T, r *rig, a *siptest.Phone) {
			b := r.phone("b")
			caller, callee := r.connect(a, b, "4b")
			caller.Send(message.REFER, "", "", "Refer-To: <sip:*26@"+domain+">").Expect(t, 202)
			expectFrag(t, caller, 403)
			caller.Bye(t)
			callee.ExpectBye(t).OK()
		},
	}
	for name, fn := range cases {
		t.Run(name, func(t *testing.T) { coded(t, &orders{take: 100 * time.Millisecond}, fn) })
	}
}

// TestFunctionCodeMute: without the relay there is nothing to hear; the order is carried out and the refusal says so.
func TestFunctionCodeMute(t *testing.T) {
	o := &orders{}
	coded(t, o, func(t *testing.T, r *rig, a *siptest.Phone) {
		call := a.Invite("*26", sdpFor(a, "8"))
		if w := call.Expect(t, 480).HeaderNamed("Warning"); !strings.Contains(w, "dnd_on: done") {
			t.Errorf("Warning %q", w)
		}
		if rec := r.last(); len(o.done) != 1 || !strings.HasPrefix(rec.Cause, "function code dnd_on: done") {
			t.Errorf("%+v, record %+v", o.done, rec)
		}
	}, func(c *Config) { c.Media = nil })
}

// TestOrdersAreBounded: when orders hang, further ones fail at once.
func TestOrdersAreBounded(t *testing.T) {
	o := &orders{take: time.Second}
	coded(t, o, func(t *testing.T, r *rig, a *siptest.Phone) {
		for range maxOrders {
			r.ua.orders <- struct{}{}
		}
		call := a.Invite("*26", sdpFor(a, "8"))
		ep := r.media.at(t, call.Expect(t, 200).Body())
		call.Ack()
		ep.packet()
		synctest.Wait()
		if got := r.sounds(ep); len(got) != 1 || got[0] != "refused" {
			t.Errorf("plays %v", got)
		}
		call.ExpectBye(t).OK()
		for range maxOrders {
			<-r.ua.orders
		}
	})
}
