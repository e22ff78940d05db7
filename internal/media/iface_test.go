package media

import (
	"errors"
	"net/netip"
	"testing"
)

func TestChooseInterface(t *testing.T) {
	ip := netip.MustParseAddr
	inside4 := Interface{Name: "inside", Address: ip("192.0.2.1")}
	inside6 := Interface{Name: "inside", Address: ip("2001:db8::1")}
	provider := Interface{Name: "provider", Address: ip("198.51.100.1")}
	nameless := Interface{Address: ip("203.0.113.1")}
	tests := []struct {
		name   string
		have   []Interface
		wanted string
		remote string
		want   string // address, "" for none
	}{
		{"by name", []Interface{inside4, provider}, "provider", "", "198.51.100.1"},
		{"no name is the first", []Interface{inside4, provider}, "", "", "192.0.2.1"},
		{"no name is the one without", []Interface{inside4, nameless}, "", "", "203.0.113.1"},
		{"unknown name, a choice", []Interface{inside4, provider}, "guests", "", ""},
		{"unknown name, no choice", []Interface{nameless}, "guests", "", "203.0.113.1"},
		{"unknown name, no choice but the family", []Interface{inside4, inside6}, "guests", "2001:db8::9", "2001:db8::1"},
		{"by family", []Interface{inside4, inside6}, "inside", "2001:db8::9", "2001:db8::1"},
		{"by family, mapped", []Interface{inside6, inside4}, "inside", "::ffff:192.0.2.9", "192.0.2.1"},
		{"family unknown", []Interface{inside6, inside4}, "inside", "", "2001:db8::1"},
		{"family that it has not", []Interface{inside4, provider}, "inside", "2001:db8::9", "192.0.2.1"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			p := &Plane{cfg: Config{Interfaces: tc.have}}
			var remote netip.Addr
			if tc.remote != "" {
				remote = ip(tc.remote)
			}
			got := ""
			if n := p.choose(tc.wanted, remote); n != nil {
				got = n.Address.String()
			}
			if got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// A call from one interface and family to another: each phone sees packets from
// the address that its own side was given.
func TestRelayAcrossInterfaces(t *testing.T) {
	six, second := netip.MustParseAddr("::1"), netip.MustParseAddr("127.0.0.2")
	p := startPlane(t, func(c *Config) {
		c.Interfaces = []Interface{{Address: six}, {Name: "provider", Address: second, Advertise: netip.MustParseAddr("127.0.0.3")}}
	})
	a := mustOpen(t, p, Options{Remote: six})
	b := mustOpen(t, p, Options{Interface: "provider", Near: a})
	defer a.Close()
	defer b.Close()
	if a.Local().Addr() != six || b.Local().Addr() != netip.MustParseAddr("127.0.0.3") {
		t.Fatalf("advertised %s and %s", a.Local(), b.Local())
	}
	fa, fb := newPhone(t, six), newPhone(t, localhost)
	a.SetRemote(fa.remote())
	b.SetRemote(fb.remote())
	Bridge(a, b)
	from := netip.AddrPortFrom(second, b.Local().Port())
	pkt := rtpPacket(8, 1, 160, 7, 1, 2, 3)
	fa.send(fa.rtp, a.Local(), pkt)
	fb.expect(fb.rtp, from, pkt)
	fb.send(fb.rtp, from, pkt)
	fa.expect(fa.rtp, a.Local(), pkt)
	fa.send(fa.rtcp, a.LocalRTCP(), report(t))
	fb.expect(fb.rtcp, netip.AddrPortFrom(second, from.Port()+1), report(t))

	if _, err := p.Open(Options{Interface: "guests"}); !errors.Is(err, ErrInterface) {
		t.Errorf("an interface that is not there: %v", err)
	}
	// The range of ports is ours on every interface: nobody can aim one call at another by it.
	a.SetRemote(Remote{RTP: netip.AddrPortFrom(localhost, 4000), Send: true, Receive: true})
	if r := a.Stats().Announced; r != addrOf(fa.rtp) {
		t.Errorf("an IPv4 address was taken for an IPv6 endpoint: %s", r)
	}
}
