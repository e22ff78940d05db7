package registrar_test

import (
	"bytes"
	"log/slog"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/koppelfeld/koppelfeld/sip/registrar"
	"github.com/koppelfeld/koppelfeld/sip/siptest"
)

// After a restart a registered phone is not locked out by wrong passwords from its address.
func TestBrakeKnowsRegistrationsAfterRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := siptest.NewNetwork(t, 1)
		change := func(c *registrar.Config) {
			c.Brake = registrar.BrakeConfig{PerSource: 5}
			c.File = filepath.Join(t.TempDir(), "locations")
		}
		file := ""
		p := start(t, n, func(c *registrar.Config) { change(c); file = c.File })
		good := phone(t, n, "u1", desk, nil)
		good.Register(t)
		p.stop()
		p = start(t, n, func(c *registrar.Config) { change(c); c.File = file })
		bad := func(c *siptest.PhoneConfig) { c.Password = "falsch" }
		for i := range uint16(6) {
			phone(t, n, "u2", netip.AddrPortFrom(desk.Addr(), 7000+i), bad).SendRegister(siptest.Registration{}).Expect(t, 401)
		}
		phone(t, n, "u2", netip.AddrPortFrom(desk.Addr(), 7100), bad).SendRegister(siptest.Registration{})
		synctest.Wait()
		if p.Stats().Braked != 1 {
			t.Errorf("%d left without answer, want 1", p.Stats().Braked)
		}
		good.Register(t)
	})
}

// Many addresses and a flood fill neither the log nor the time after it.
func TestBrakeUnderAFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := siptest.NewNetwork(t, 1)
		var log bytes.Buffer
		p := start(t, n, func(c *registrar.Config) {
			c.Brake = registrar.BrakeConfig{PerSource: 2, PerAccount: 1000}
			c.Log = slog.New(slog.NewTextHandler(&log, nil))
		})
		good := phone(t, n, "u1", desk, nil)
		good.Register(t)
		for i := range uint16(200) { // of its own account, so each is looked at
			bad := phone(t, n, "u1", netip.AddrPortFrom(desk.Addr(), 7000+i), func(c *siptest.PhoneConfig) { c.Password = "falsch" })
			bad.SendRegister(siptest.Registration{}).Expect(t, 401)
		}
		for i := range byte(200) {
			for port := range uint16(3) {
				at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, 0, i}), 7000+port)
				phone(t, n, "u2", at, func(c *siptest.PhoneConfig) { c.Password = "falsch" }).SendRegister(siptest.Registration{}).Expect(t, 401)
			}
		}
		p.stop()
		if lines := strings.Count(log.String(), "wrong passwords"); lines == 0 || lines > 10 {
			t.Errorf("%d lines of log:\n%s", lines, log.String())
		}
	})
}

// A block ends, and the flood before it is forgiven then.
func TestBrakeForgivesAFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := siptest.NewNetwork(t, 1)
		start(t, n, func(c *registrar.Config) { c.Brake = registrar.BrakeConfig{PerSource: 2, PerAccount: 1000} })
		phone(t, n, "u1", desk, nil).Register(t)
		guess := func(user string, port uint16) {
			phone(t, n, user, netip.AddrPortFrom(desk.Addr(), port), func(c *siptest.PhoneConfig) { c.Password = "falsch" }).SendRegister(siptest.Registration{}).Expect(t, 401)
		}
		for i := range uint16(500) {
			guess("u1", 7000+i)
		}
		time.Sleep(20 * time.Minute)
		guess("u2", 8000) // one mistake
		phone(t, n, "u3", netip.AddrPortFrom(desk.Addr(), 8001), nil).Register(t)
	})
}
