package media

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/pion/rtcp"
)

var localhost = netip.MustParseAddr("127.0.0.1")

// startPlane runs a plane on ports that nobody gets by chance (above the
// ephemeral range) until the test ends.
func startPlane(t testing.TB, change func(*Config)) *Plane {
	t.Helper()
	cfg := Config{
		Address: localhost, PortMin: 61000, PortMax: 65000, Loops: 2,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	if change != nil {
		change(&cfg)
	}
	p, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
		if s := p.Ports(); s.Used != 0 {
			t.Errorf("%d pairs in use after Run", s.Used)
		}
	})
	return p
}

// phone is the far end of an endpoint: an RTP and an RTCP socket.
type phone struct {
	t         testing.TB
	rtp, rtcp *net.UDPConn
}

func newPhone(t testing.TB, ip netip.Addr) *phone {
	t.Helper()
	f := &phone{t: t}
	for _, c := range []**net.UDPConn{&f.rtp, &f.rtcp} {
		conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, 0)))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		*c = conn
	}
	return f
}

func addrOf(c *net.UDPConn) netip.AddrPort { return c.LocalAddr().(*net.UDPAddr).AddrPort() }

func (f *phone) remote() Remote {
	return Remote{RTP: addrOf(f.rtp), RTCP: addrOf(f.rtcp), Send: true, Receive: true, DTMFPayloadType: 101, ClockRate: 8000, Codec: "PCMA"}
}

func (f *phone) send(c *net.UDPConn, to netip.AddrPort, b []byte) {
	f.t.Helper()
	if _, err := c.WriteToUDPAddrPort(b, to); err != nil {
		f.t.Fatal(err)
	}
}

// expect reads one datagram and compares it and its source.
func (f *phone) expect(c *net.UDPConn, from netip.AddrPort, want []byte) {
	f.t.Helper()
	b := make([]byte, 2048)
	_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
	n, src, err := c.ReadFromUDPAddrPort(b)
	if err != nil {
		f.t.Fatal(err)
	}
	if src != from || !bytes.Equal(b[:n], want) {
		f.t.Fatalf("got %x from %s, want %x from %s", b[:n], src, want, from)
	}
}

// empty checks that nothing is queued. Call it after something that was sent
// later has been seen elsewhere.
func (f *phone) empty(c *net.UDPConn) {
	f.t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(time.Millisecond))
	if n, src, err := c.ReadFromUDPAddrPort(make([]byte, 2048)); !errors.Is(err, os.ErrDeadlineExceeded) {
		f.t.Fatalf("got %d bytes from %s, error %v, want nothing", n, src, err)
	}
}

// eventually polls until ok.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("not within 10 s: %s", what)
		}
		<-tick.C
	}
}

func mustOpen(t testing.TB, p *Plane, o Options) *Endpoint {
	t.Helper()
	e, err := p.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// call opens two bridged endpoints with a phone each.
func call(t testing.TB, p *Plane) (a, b *Endpoint, fa, fb *phone) {
	t.Helper()
	ip := p.cfg.Address
	fa, fb = newPhone(t, ip), newPhone(t, ip)
	a = mustOpen(t, p, Options{})
	b = mustOpen(t, p, Options{Near: a})
	a.SetRemote(fa.remote())
	b.SetRemote(fb.remote())
	Bridge(a, b)
	return a, b, fa, fb
}

func report(t testing.TB) []byte {
	t.Helper()
	b, err := rtcp.Marshal([]rtcp.Packet{&rtcp.SenderReport{SSRC: 7, PacketCount: 3}, &rtcp.SourceDescription{}})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func openFDs(t testing.TB) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
