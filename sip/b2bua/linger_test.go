package b2bua

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/koppelfeld/koppelfeld/sip/siptest"
)

// TestLingering: what a call keeps for a peer that is not heard any more lasts as long as the timers of RFC 3261 say, and no longer: 64*T1
// for the ACK of our 2xx (section 13.3.1.4), and as much for an answer to each of our requests. Its audio is given back when it ends.
func TestLingering(t *testing.T) {
	const wait = 32 * time.Second // 64*T1
	silent := func(r *rig, p *siptest.Phone) {
		r.net.SetLink(p.Addr().Addr(), server.Addr(), siptest.Link{Down: true})
	}
	for _, c := range []struct {
		name       string // what is not heard
		ends, gone time.Duration
		begin      func(t *testing.T, r *rig, a, b *siptest.Phone)
	}{
		{"the ACK and the answer to our BYE", wait, 2 * wait, func(_ *testing.T, r *rig, a, b *siptest.Phone) {
			r.answered(a, b)
			silent(r, a)
		}},
		{"the ACK before the callee hangs up, and the answer to our BYE", 0, 2 * wait, func(t *testing.T, r *rig, a, b *siptest.Phone) {
			_, callee := r.answered(a, b)
			silent(r, a)
			callee.ExpectAck(t)
			callee.Bye(t)
		}},
		{"the answer to our BYE", 0, wait, func(t *testing.T, r *rig, a, b *siptest.Phone) {
			caller, _ := r.connect(a, b, "4b")
			silent(r, b)
			caller.Bye(t)
		}},
		{"the answers to our CANCEL and INVITE", 0, wait, func(t *testing.T, r *rig, a, b *siptest.Phone) {
			caller, _ := r.ringing(a, b)
			silent(r, b)
			caller.Cancel(t)
			caller.Expect(t, 487)
		}},
		{"the answer to our BYE for a 2xx that comes long after our CANCEL", 0, 2 * wait, func(t *testing.T, r *rig, a, b *siptest.Phone) {
			caller, in := r.ringing(a, b)
			r.net.SetLink(b.Addr().Addr(), server.Addr(), siptest.Link{Delay: wait - time.Second})
			in.Answer(sdpFor(b, "8"))
			caller.Cancel(t)
			caller.Expect(t, 487)
			silent(r, b)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			run(t, nil, func(t *testing.T, r *rig) {
				c.begin(t, r, r.phone("a"), r.phone("b"))
				start := time.Now()
				at := func(d time.Duration, active, open int) {
					t.Helper()
					time.Sleep(time.Until(start.Add(d)))
					synctest.Wait()
					r.media.mu.Lock()
					defer r.media.mu.Unlock()
					if r.ua.Active() != active || r.ua.Open() != open || (len(r.media.open) > 0) != (active > 0) {
						t.Errorf("after %v there are %d calls, %d with what has not gone, and %d endpoints", d, r.ua.Active(), r.ua.Open(), len(r.media.open))
					}
				}
				if c.ends > 0 {
					at(c.ends-time.Second, 1, 1)
				}
				at(c.ends+time.Second, 0, 1)
				at(c.gone-2*time.Second, 0, 1)
				at(c.gone+time.Second, 0, 0)
			})
		})
	}
}
