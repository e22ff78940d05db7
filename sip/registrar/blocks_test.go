package registrar_test

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/koppelfeld/koppelfeld/sip/registrar"
	"github.com/koppelfeld/koppelfeld/sip/siptest"
)

// Who is blocked can be seen, and let in again.
func TestBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := siptest.NewNetwork(t, 1)
		p := start(t, n, func(c *registrar.Config) { c.Brake = registrar.BrakeConfig{PerSource: 3, PerAccount: 5} })
		bad := func(c *siptest.PhoneConfig) { c.Password = "falsch" }
		for i := range uint16(3) {
			phone(t, n, "u2", netip.AddrPortFrom(desk.Addr(), 7000+i), bad).SendRegister(siptest.Registration{}).Expect(t, 401)
		}
		if got := p.Blocks(); len(got) != 0 {
			t.Fatalf("blocked too early: %+v", got)
		}
		phone(t, n, "u2", netip.AddrPortFrom(desk.Addr(), 7010), bad).SendRegister(siptest.Registration{}).Expect(t, 401)
		got := p.Blocks()
		if len(got) != 1 || got[0].Source != desk.Addr() || got[0].Account != "" || got[0].Failures != 4 || !got[0].Until.After(time.Now()) {
			t.Fatalf("blocked: %+v", got)
		}
		for i := range byte(2) { // elsewhere, for the same account
			phone(t, n, "u2", netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, 0, i}), 7000), bad).SendRegister(siptest.Registration{}).Expect(t, 401)
		}
		account := ""
		for _, b := range p.Blocks() {
			if !b.Source.IsValid() {
				account = b.Account
			}
		}
		if account != "u2" {
			t.Fatalf("the account is not blocked, or has another name: %+v", p.Blocks())
		}
		for _, c := range []struct {
			from    netip.Addr
			account string
			want    bool
		}{{desk.Addr(), "", true}, {desk.Addr(), "", false}, {netip.Addr{}, "u1", false}, {netip.Addr{}, "u2", true}} {
			if got := p.Release(c.from, c.account); got != c.want {
				t.Errorf("release of %v %q: %v", c.from, c.account, got)
			}
		}
		phone(t, n, "u2", netip.AddrPortFrom(desk.Addr(), 7020), nil).Register(t)
		if got := p.Blocks(); len(got) != 0 {
			t.Errorf("released, and still blocked: %+v", got)
		}
	})
}
