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

// checker takes 4711 and notes what it was asked.
type checker struct {
	mu    sync.Mutex
	asked []string
	take  time.Duration
	err   error // in place of an answer
	odd   bool  // it panics
}

func (k *checker) CheckPIN(_ context.Context, userID, pin string) error {
	time.Sleep(k.take)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asked = append(k.asked, userID+" "+pin)
	switch {
	case k.odd:
		panic("PIN fault")
	case k.err != nil:
		return k.err
	case pin != "4711":
		return ErrPIN
	}
	return nil
}

// pinned is a rig in which 4b may be called with the PIN only.
func pinned(t *testing.T, k *checker, fn func(t *testing.T, r *rig, a, b *siptest.Phone)) {
	t.Helper()
	run(t, func(c *Config) { c.PINs = k }, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		given := false
		r.ask = func(q routing.Request) { given = q.PIN }
		r.change = func(p *routing.Plan) {
			if p.Number == "4b" && !given {
				p.Outcome, p.Targets = routing.AskPIN, nil
				p.Command = &routing.Order{Action: routing.OrderPIN, SlotID: "a", UserID: "u-a", Number: "a", Argument: "4b"}
			}
		}
		fn(t, r, a, b)
	})
}

// keys presses keys.
func (e *fakeEndpoint) keys(keys string) {
	for i := range len(keys) {
		e.notify(media.Event{Kind: media.DTMF, Digit: keys[i], Duration: 100 * time.Millisecond})
		synctest.Wait()
	}
}

// ended lets what plays come to its end.
func (e *fakeEndpoint) ended() {
	e.m.mu.Lock()
	clip := e.plays
	e.m.mu.Unlock()
	e.notify(media.Event{Kind: media.PlaybackEnded, Clip: clip})
	synctest.Wait()
}

// askedFor dials 4b until the tones that ask for the PIN are heard.
func askedFor(t *testing.T, r *rig, a *siptest.Phone) (*siptest.Call, *fakeEndpoint) {
	t.Helper()
	call := a.Invite("4b", sdpFor(a, "8 0 101", "a=rtpmap:101 telephone-event/8000"))
	ep := r.media.at(t, call.Expect(t, 200).Body())
	call.Ack()
	ep.packet()
	synctest.Wait()
	r.hears(ep, "key in")
	return call, ep
}

// hears checks what an endpoint has played last.
func (r *rig) hears(ep *fakeEndpoint, want string) {
	r.t.Helper()
	r.media.mu.Lock()
	defer r.media.mu.Unlock()
	got := ""
	switch ep.plays {
	case nil:
	case r.ua.clips.keyIn():
		got = "key in"
	case r.ua.clips.refused():
		got = "refused"
	case r.ua.clips.ringback():
		got = "ringback"
	default:
		got = "something else"
	}
	if got != want {
		r.t.Errorf("hears %q, want %q", got, want)
	}
}

// through takes the call that goes on, and connects it.
func through(t *testing.T, r *rig, call *siptest.Call, ep *fakeEndpoint, a, b *siptest.Phone) *siptest.Call {
	t.Helper()
	in := b.Expect(t, message.INVITE)
	if from := in.Header(message.HFrom); !strings.Contains(from, "sip:a@") {
		t.Errorf("From: %s", from)
	}
	in.Ring()
	synctest.Wait()
	r.hears(ep, "ringback")
	callee := in.Answer(sdpFor(b, "8"))
	re := call.ExpectRequest(t, message.INVITE)
	if !strings.Contains(re.Header(message.HPAssertedIdentity), "sip:4b@") {
		t.Errorf("shown %q", re.Header(message.HPAssertedIdentity))
	}
	re.Respond(200, sdpFor(a, "8"))
	re.ExpectAck(t)
	synctest.Wait()
	return callee
}

func TestPIN(t *testing.T) {
	cases := map[string]struct {
		k  *checker
		fn func(t *testing.T, r *rig, k *checker, a, b *siptest.Phone)
	}{
		"right": {&checker{take: 50 * time.Millisecond}, func(t *testing.T, r *rig, k *checker, a, b *siptest.Phone) {
			call, ep := askedFor(t, r, a)
			ep.ended()
			ep.keys("4711#")
			callee := through(t, r, call, ep, a, b)
			if len(k.asked) != 1 || k.asked[0] != "u-a 4711" {
				t.Errorf("asked %v", k.asked)
			}
			if r.live.NumberCalls("4b") != 1 || r.live.NumberCalls("a") != 1 || r.live.SlotCalls("a") != 1 || r.live.SlotCalls("b") != 1 {
				t.Error("wrong counts")
			}
			call.Bye(t)
			callee.ExpectBye(t).OK()
			rec := r.last()
			if rec.Result != calls.Answered || rec.From != "a" || rec.FromUser != "u-a" || rec.ToSlot != "b" || rec.HangupBy != byCaller {
				t.Errorf("record %+v", rec)
			}
			all := r.rec.all()
			if own := all[len(all)-2]; own.Cause != "asked for the PIN: right, it goes on as call "+rec.ID || own.To != "4b" || own.MediaCaller == nil {
				t.Errorf("record of the question: %+v", own)
			}
			for _, rec := range all {
				if strings.Contains(rec.Cause, "4711") {
					t.Errorf("the record knows the PIN: %s", rec.Cause)
				}
			}
		}},
		"right, before the tones are over and without #": {&checker{}, func(t *testing.T, r *rig, k *checker, a, b *siptest.Phone) {
			call, ep := askedFor(t, r, a)
			ep.keys("47")
			ep.ended()
			ep.keys("11")
			time.Sleep(nextKey)
			callee := through(t, r, call, ep, a, b)
			callee.Bye(t)
			call.ExpectBye(t).OK()
		}},
		"wrong, then corrected, by INFO": {&checker{}, func(t *testing.T, r *rig, k *checker, a, b *siptest.Phone) {
			call, ep := askedFor(t, r, a)
			ep.keys("4712#")
			r.hears(ep, "refused")
			ep.keys("999") // not listened to
			ep.ended()
			r.hears(ep, "key in")
			for _, key := range []string{"9", "*", "4", "7", "1", "1"} {
				call.Send(message.INFO, "application/dtmf-relay", "Signal= "+key+"\r\nDuration=160\r\n").Expect(t, 200)
			}
			call.Send(message.INFO, "application/dtmf", "#").Expect(t, 200)
			callee := through(t, r, call, ep, a, b)
			if len(k.asked) != 2 || k.asked[1] != "u-a 4711" {
				t.Errorf("asked %v", k.asked)
			}
			callee.Bye(t)
			call.ExpectBye(t).OK()
		}},
		"wrong three times": {&checker{}, func(t *testing.T, r *rig, k *checker, a, b *siptest.Phone) {
			call, ep := askedFor(t, r, a)
			for n := range pinTries {
				ep.ended()
				ep.keys("0815#")
				r.hears(ep, "refused")
				if n < pinTries-1 {
					ep.ended()
					r.hears(ep, "key in")
				}
			}
			ep.keys("4711#")
			ep.ended()
			call.ExpectBye(t).OK()
			if rec := r.last(); rec.Cause != "asked for the PIN: failed: wrong PIN" || len(k.asked) != pinTries {
				t.Errorf("cause %q, asked %v", rec.Cause, k.asked)
			}
			b.ExpectNone(t, message.INVITE, time.Second)
		}},
		"nothing is keyed in": {&checker{}, func(t *testing.T, r *rig, k *checker, a, b *siptest.Phone) {
			call, ep := askedFor(t, r, a)
			for range pinTries {
				ep.ended()
				time.Sleep(firstKey + time.Millisecond)
				ep.ended()
			}
			call.ExpectBye(t).OK()
			if rec := r.last(); rec.Cause != "asked for the PIN: failed: no PIN was keyed in" || len(k.asked) != 0 {
				t.Errorf("cause %q, asked %v", rec.Cause, k.asked)
			}
		}},
		"as many keys as you like": {&checker{}, func(t *testing.T, r *rig, k *checker, a, b *siptest.Phone) {
			call, ep := askedFor(t, r, a)
			ep.keys(strings.Repeat("123456789012345", 20))
			r.hears(ep, "refused")
			if len(k.asked) != 1 || k.asked[0] != "u-a 123456789012" {
				t.Errorf("asked %v", k.asked)
			}
			call.Bye(t)
		}},
		"no more tries": {&checker{err: errors.New("too many wrong PINs")}, func(t *testing.T, r *rig, k *checker, a, b *siptest.Phone) {
			call, ep := askedFor(t, r, a)
			ep.keys("4711#")
			r.hears(ep, "refused")
			ep.ended()
			call.ExpectBye(t).OK()
			if rec := r.last(); rec.Cause != "asked for the PIN: failed: too many wrong PINs" {
				t.Errorf("cause %q", rec.Cause)
			}
		}},
		"the check faults": {&checker{odd: true}, func(t *testing.T, r *rig, k *checker, a, b *siptest.Phone) {
			call, ep := askedFor(t, r, a)
			ep.keys("4711#")
			r.hears(ep, "refused")
			ep.ended()
			call.ExpectBye(t).OK()
			if r.ua.panics.Swap(0) != 1 {
				t.Error("the fault was not counted")
			}
		}},
		"hangs up while it is checked": {&checker{take: time.Second}, func(t *testing.T, r *rig, k *checker, a, b *siptest.Phone) {
			call, ep := askedFor(t, r, a)
			ep.keys("4711#")
			call.Bye(t)
			b.ExpectNone(t, message.INVITE, 2*time.Second)
		}},
		"hangs up while it rings": {&checker{}, func(t *testing.T, r *rig, k *checker, a, b *siptest.Phone) {
			call, ep := askedFor(t, r, a)
			ep.keys("4711#")
			in := b.Expect(t, message.INVITE)
			in.Ring()
			synctest.Wait()
			call.Bye(t)
			b.Expect(t, message.CANCEL)
			synctest.Wait()
			if all := r.rec.all(); len(all) != 2 || all[0].Result != calls.Cancelled && all[1].Result != calls.Cancelled {
				t.Errorf("records %+v", all)
			}
		}},
		"busy": {&checker{}, func(t *testing.T, r *rig, k *checker, a, b *siptest.Phone) {
			call, ep := askedFor(t, r, a)
			ep.keys("4711#")
			b.Expect(t, message.INVITE).Respond(486, "")
			synctest.Wait()
			r.hears(ep, "refused")
			ep.ended()
			call.ExpectBye(t).OK()
			if rec := r.last(); !strings.Contains(rec.Cause, "which has failed: busy") {
				t.Errorf("cause %q", rec.Cause)
			}
		}},
		"is put on hold, and changes codecs while it rings": {&checker{}, func(t *testing.T, r *rig, k *checker, a, b *siptest.Phone) {
			call, ep := askedFor(t, r, a)
			ep.keys("4711#")
			in := b.Expect(t, message.INVITE)
			in.Ring()
			call.ReInvite(t, sdpFor(a, "0 101", "a=rtpmap:101 telephone-event/8000"))
			callee := in.Answer(sdpFor(b, "8"))
			re := call.ExpectRequest(t, message.INVITE)
			re.Respond(200, sdpFor(a, "8"))
			re.ExpectAck(t)
			synctest.Wait()
			callee.Bye(t)
			call.ExpectBye(t).OK()
		}},
		"by the table of calls": {&checker{}, func(t *testing.T, r *rig, k *checker, a, b *siptest.Phone) {
			call, ep := askedFor(t, r, a)
			ep.keys("4711#")
			b.Expect(t, message.INVITE).Ring()
			synctest.Wait()
			r.table.HangupAll("the administrator says so")
			call.ExpectBye(t).OK()
			b.Expect(t, message.CANCEL)
		}},
		"a transfer leads nowhere": {&checker{}, func(t *testing.T, r *rig, k *checker, a, b *siptest.Phone) {
			c := r.phone("c")
			caller, callee := r.connect(a, c, "4c")
			caller.Send(message.REFER, "", "", "Refer-To: <sip:4b@"+domain+">").Expect(t, 202)
			expectFrag(t, caller, 403)
			caller.Bye(t)
			callee.ExpectBye(t).OK()
		}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			pinned(t, tc.k, func(t *testing.T, r *rig, a, b *siptest.Phone) { tc.fn(t, r, tc.k, a, b) })
		})
	}
}

// TestPINNowhere: without somebody who checks PINs, or without a relay, the call is refused.
func TestPINNowhere(t *testing.T) {
	run(t, func(c *Config) { c.Media, c.PINs = nil, &checker{} }, func(t *testing.T, r *rig) {
		a := r.phone("a")
		r.codes(map[string]string{"4b": routing.OrderPIN})
		a.Invite("4b", sdpFor(a, "8")).Expect(t, 480)
	})
}

func TestPressedKey(t *testing.T) {
	for body, want := range map[string]byte{
		"Signal=5\r\nDuration=160\r\n": '5', "duration=1\nsignal = #\n": '#', "Signal=": 0, "Signal=12": 0, "": 0, "5": 0,
	} {
		if got := pressedKey("application/dtmf-relay", []byte(body)); got != want {
			t.Errorf("%q: %q", body, got)
		}
	}
	if got := pressedKey("application/dtmf", []byte(" 7\r\n")); got != '7' {
		t.Errorf("%q", got)
	}
}
