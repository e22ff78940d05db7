package b2bua

import (
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/koppelfeld/koppelfeld/sip/auth"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/siptest"
)

// strictBrake lets nobody guess more than twice.
type strictBrake struct {
	mu    sync.Mutex
	wrong map[netip.Addr]int
}

func (b *strictBrake) Admit(_ *message.Message, from netip.Addr) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.wrong[from] < 2
}

func (b *strictBrake) Judge(_ *message.Message, from netip.Addr, v auth.Verdict) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if v == auth.Wrong || v == auth.Unknown {
		b.wrong[from]++
	}
}

func TestGuessingPasswordsWithINVITEIsBraked(t *testing.T) {
	brake := &strictBrake{wrong: map[netip.Addr]int{}}
	run(t, func(c *Config) { c.Brake = brake }, func(t *testing.T, r *rig) {
		guesser := r.phone("a", func(c *siptest.PhoneConfig) { c.Password = "guess" })
		b := r.phone("b")
		transactions := func() (n int) {
			synctest.Wait()
			for _, sh := range r.stack.Shards() {
				n += sh.Transactions()
			}
			return n
		}
		before := transactions()
		for range 2 {
			guesser.Invite("4b", sdpFor(guesser, "8")).Expect(t, 401)
		}
		if n := transactions() - before; n != 0 {
			t.Errorf("%d transactions are kept for a guesser", n)
		}
		guesser.Invite("4b", sdpFor(guesser, "8")) // its credentials are not looked at any more
		// Others are not concerned.
		r.phone("c")
		call := r.phones["c"].Invite("4b", sdpFor(r.phones["c"], "8"))
		b.Expect(t, message.INVITE).Respond(486, "")
		call.Expect(t, 486)
		for from, n := range brake.wrong {
			if n != 2 {
				t.Errorf("%d guesses from %s were looked at", n, from)
			}
		}
	})
}
