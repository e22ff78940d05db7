package media

import (
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

// BenchmarkRelay takes packets through the whole path of a poll loop, without
// the wait: receive, check, count, send. One packet per endpoint and round, as
// in life. The time includes the benchmark's own send into the endpoint.
func BenchmarkRelay(b *testing.B) {
	const streams = 64
	p, l, in, targets := relayRig(b, streams)
	pkt := rtpPacket(8, 0, 0, 1, make([]byte, 160)...)
	b.ReportAllocs()
	seq := uint16(0)
	for i := 0; b.Loop(); i++ {
		if i%streams == 0 {
			seq++
			pkt[2], pkt[3] = byte(seq>>8), byte(seq)
		}
		relayOne(b, l, in, pkt, &targets[i%streams], 1)
	}
	b.StopTimer()
	if tot := p.Totals(); tot.RTP < uint64(b.N) {
		b.Fatalf("relayed %d of %d", tot.RTP, b.N)
	}
}

func TestRelayAllocatesNothing(t *testing.T) {
	p, l, in, targets := relayRig(t, 1)
	pkt := rtpPacket(8, 0, 0, 1, make([]byte, 160)...)
	if n := testing.AllocsPerRun(1000, func() { relayOne(t, l, in, pkt, &targets[0], 1) }); n != 0 {
		t.Errorf("%v allocations per packet", n)
	}
	if p.Totals().RTP < 1000 {
		t.Errorf("relayed %d packets", p.Totals().RTP)
	}
}

// relayRig makes a plane whose loop is not running, streams calls through it,
// and a socket that sends to them.
func relayRig(t testing.TB, streams int) (p *Plane, l *loop, in int, targets []sockaddr) {
	p, err := New(Config{Address: localhost, PortMin: 61000, PortMax: 65000, Loops: 1, MaxRate: 1 << 40})
	if err != nil {
		t.Fatal(err)
	}
	in, err = bindUDP(netip.AddrPortFrom(localhost, 0))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(in); p.release() })
	sa, err := unix.Getsockname(in)
	if err != nil {
		t.Fatal(err)
	}
	source := netip.AddrPortFrom(localhost, uint16(sa.(*unix.SockaddrInet4).Port))
	sink := newPhone(t, localhost)
	targets = make([]sockaddr, streams)
	for i := range targets {
		a, c := mustOpen(t, p, Options{}), mustOpen(t, p, Options{})
		t.Cleanup(func() { a.Close(); c.Close() })
		a.SetRemote(Remote{RTP: source, Send: true, Receive: true})
		c.SetRemote(sink.remote())
		Bridge(a, c)
		targets[i].set(a.Local())
	}
	// The first endpoint woke the loop: that event first, so that it is not counted.
	n, err := unix.EpollWait(p.loops[0].epoll, p.loops[0].events[:], 0)
	if err != nil {
		t.Fatal(err)
	}
	p.loops[0].serve(n)
	return p, p.loops[0], in, targets
}

// relayOne sends one packet and lets the loop serve what epoll reports.
func relayOne(t testing.TB, l *loop, in int, pkt []byte, to *sockaddr, want int) {
	if errno := send(in, pkt, to); errno != 0 {
		t.Fatal(errno)
	}
	n, err := unix.EpollWait(l.epoll, l.events[:], 0)
	if err != nil || n < want {
		t.Fatalf("%d events, %v", n, err)
	}
	l.serve(n)
}
