package transport_test

import (
	"bytes"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// An answer over UDP leaves from the address that was asked, which has its own interface and shown address.
func TestAnswersFromTheAddressAsked(t *testing.T) {
	inside, provider, six := "udp://127.0.0.2:0", "udp://127.0.0.3:0", "udp://[::1]:0"
	l, h := start(t, transport.Config{
		Listen:     []string{inside, provider, six},
		Interfaces: map[string]string{provider: "provider", six: "provider"},
		Advertise:  map[string]netip.AddrPort{provider: netip.MustParseAddrPort("198.51.100.1:0")},
	})
	for _, b := range l.Addrs() {
		c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(b.Addr)) // hears nothing from elsewhere
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.Write(options(transport.UDP, 1, "")); err != nil {
			t.Fatal(err)
		}
		f := next(t, h.in).Flow
		want, local := "provider", b.Addr
		switch b.Entry {
		case inside:
			want = ""
		case provider:
			local = netip.AddrPortFrom(netip.MustParseAddr("198.51.100.1"), b.Addr.Port())
		}
		if f.Interface() != want || f.Local() != local {
			t.Errorf("%s: interface %q, shown as %v", b.Entry, f.Interface(), f.Local())
		}
		buf := make([]byte, 2000)
		_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
		if n, err := c.Read(buf); err != nil || !bytes.HasPrefix(buf[:n], []byte("SIP/2.0 200")) {
			t.Errorf("%s: %q, %v", b.Entry, buf[:n], err)
		}
	}
}
