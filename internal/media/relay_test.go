package media

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"
)

func TestRelay(t *testing.T) {
	for _, ip := range []string{"127.0.0.1", "::1"} {
		t.Run(ip, func(t *testing.T) {
			p := startPlane(t, func(c *Config) { c.Address = netip.MustParseAddr(ip) })
			a, b, fa, fb := call(t, p)
			if a.Local().Port()%2 != 0 || a.LocalRTCP().Port() != a.Local().Port()+1 || a.Local().Addr().String() != ip {
				t.Fatalf("local %s and %s", a.Local(), a.LocalRTCP())
			}
			for i := range uint16(3) {
				there, back := rtpPacket(8, i, uint32(i)*160, 1, 0xaa, byte(i)), rtpPacket(8, i, uint32(i)*160, 2, 0xbb)
				fa.send(fa.rtp, a.Local(), there)
				fb.expect(fb.rtp, b.Local(), there)
				fb.send(fb.rtp, b.Local(), back)
				fa.expect(fa.rtp, a.Local(), back)
			}
			r := report(t)
			fa.send(fa.rtcp, a.LocalRTCP(), r)
			fb.expect(fb.rtcp, b.LocalRTCP(), r)
			fb.send(fb.rtcp, b.LocalRTCP(), r)
			fa.expect(fa.rtcp, a.LocalRTCP(), r)
			s := a.Stats()
			if s.Packets != 3 || s.Bytes != 3*14 || s.Sent != 3 || s.SentBytes != 3*13 || s.RTCP != 1 || s.SentRTCP != 1 ||
				s.Lost != 0 || s.SSRC != 1 || s.PayloadType != 8 || s.Codec != "PCMA" || s.Source != addrOf(fa.rtp) || s.First.IsZero() {
				t.Errorf("figures %+v", s)
			}
			eventually(t, "totals", func() bool { tot := p.Totals(); return tot.RTP == 6 && tot.RTCP == 2 })
		})
	}
}

func TestRelayAcrossLoops(t *testing.T) {
	p := startPlane(t, nil)
	a, b, fa, fb := call(t, p)
	other := p.loops[1]
	moved := mustOpen(t, p, Options{Near: &Endpoint{plane: p, loop: other}})
	moved.SetRemote(fb.remote())
	Bridge(a, moved)
	b.Close()
	x := rtpPacket(0, 1, 1, 1)
	fa.send(fa.rtp, a.Local(), x)
	fb.expect(fb.rtp, moved.Local(), x)
	fb.send(fb.rtp, moved.Local(), x)
	fa.expect(fa.rtp, a.Local(), x)
}

func TestMux(t *testing.T) {
	p := startPlane(t, nil)
	a, b, fa, fb := call(t, p)
	r := fa.remote()
	r.RTCP = r.RTP
	a.SetRemote(r)
	sr := report(t)
	fa.send(fa.rtp, a.Local(), rtpPacket(0, 1, 1, 1))
	fb.expect(fb.rtp, b.Local(), rtpPacket(0, 1, 1, 1))
	fa.send(fa.rtp, a.Local(), sr) // shared port there, own port here
	fb.expect(fb.rtcp, b.LocalRTCP(), sr)
	fb.send(fb.rtcp, b.LocalRTCP(), sr)
	fa.expect(fa.rtp, a.Local(), sr)
	if s := a.Stats(); s.RTCP != 1 || s.Packets != 1 || s.SentRTCP != 1 {
		t.Errorf("figures %+v", s)
	}
}

func TestHold(t *testing.T) {
	p := startPlane(t, nil)
	a, b, fa, fb := call(t, p)
	r := fb.remote()
	r.Send = false
	b.SetRemote(r) // nothing to b
	x, r0 := rtpPacket(0, 1, 1, 1), report(t)
	fa.send(fa.rtp, a.Local(), x)
	eventually(t, "held packet", func() bool { return b.Stats().Dropped[DropHeld] == 1 })
	fa.send(fa.rtcp, a.LocalRTCP(), r0) // RTCP goes on
	fb.expect(fb.rtcp, b.LocalRTCP(), r0)
	fb.send(fb.rtp, b.Local(), x) // music still comes from b
	fa.expect(fa.rtp, a.Local(), x)
	fb.empty(fb.rtp)

	r.Receive = false // inactive
	b.SetRemote(r)
	fb.send(fb.rtp, b.Local(), x)
	eventually(t, "packet of a silenced side", func() bool { return b.Stats().Dropped[DropDirection] == 1 })
	fa.empty(fa.rtp)

	// Old-style hold: no address, then back with the same one.
	r = fb.remote()
	b.SetRemote(Remote{RTP: netip.MustParseAddrPort("0.0.0.0:4000")})
	fa.send(fa.rtp, a.Local(), x)
	eventually(t, "second held packet", func() bool { return b.Stats().Dropped[DropHeld] == 2 })
	b.SetRemote(r)
	fa.send(fa.rtp, a.Local(), x)
	fb.expect(fb.rtp, b.Local(), x)
	fb.empty(fb.rtp)
}

func TestLatchedOverTheWire(t *testing.T) {
	var mu sync.Mutex
	var events []Event
	p := startPlane(t, nil)
	a, b, fa, fb := call(t, p)
	b.Close()
	b = mustOpen(t, p, Options{Near: a, Notify: func(e Event) { mu.Lock(); events = append(events, e); mu.Unlock() }})
	// b's phone announces an address where nobody is, at another host.
	r := fb.remote()
	r.RTP, r.RTCP = netip.MustParseAddrPort("127.0.0.9:4000"), netip.AddrPort{}
	b.SetRemote(r)
	Bridge(a, b)
	for i := range uint16(6) {
		fb.send(fb.rtp, b.Local(), rtpPacket(0, i, 0, 2))
	}
	fa.expect(fa.rtp, a.Local(), rtpPacket(0, 4, 0, 2))
	fa.expect(fa.rtp, a.Local(), rtpPacket(0, 5, 0, 2))
	x := rtpPacket(0, 1, 1, 1)
	fa.send(fa.rtp, a.Local(), x)
	fb.expect(fb.rtp, b.Local(), x)
	// Its RTCP follows the host of RTP; a stranger's is refused.
	sr := report(t)
	fb.send(fb.rtcp, b.LocalRTCP(), sr)
	fa.expect(fa.rtcp, a.LocalRTCP(), sr)
	fa.send(fa.rtcp, a.LocalRTCP(), sr)
	fb.expect(fb.rtcp, b.LocalRTCP(), sr)
	stranger := newPhone(t, netip.MustParseAddr("127.0.0.66"))
	stranger.send(stranger.rtcp, b.LocalRTCP(), sr)
	for i := range uint16(9) {
		stranger.send(stranger.rtp, b.Local(), rtpPacket(0, i, 0, 9))
	}
	eventually(t, "stranger refused", func() bool { return b.Stats().Dropped[DropSource] == 4+1+9 })
	s := b.Stats()
	if s.Source != addrOf(fb.rtp) || s.Rejected.Addr() != netip.MustParseAddr("127.0.0.66") || s.Packets != 2 {
		t.Errorf("figures %+v", s)
	}
	fa.empty(fa.rtp)
	mu.Lock()
	defer mu.Unlock()
	if len(events) != 2 || events[0].Kind != Latched || events[0].Addr != addrOf(fb.rtp) || events[1].Kind != FirstPacket {
		t.Errorf("events %+v", events)
	}
}

func TestRebridge(t *testing.T) {
	p := startPlane(t, nil)
	a, b, fa, _ := call(t, p)
	c, d, fc, fd := call(t, p)
	Bridge(a, c) // transfer: b and d are left alone
	x := rtpPacket(0, 1, 1, 1)
	fa.send(fa.rtp, a.Local(), x)
	fc.expect(fc.rtp, c.Local(), x)
	fd.send(fd.rtp, d.Local(), x)
	eventually(t, "d has no peer", func() bool { return d.Stats().Dropped[DropUnbridged] == 1 })
	if a.peer != c || c.peer != a || b.peer != nil || d.peer != nil {
		t.Fatal("peers are not a-c")
	}
	Unbridge(c)
	fa.send(fa.rtp, a.Local(), x)
	eventually(t, "a has no peer", func() bool { return a.Stats().Dropped[DropUnbridged] == 1 })
	Bridge(a, a) // echo
	fa.send(fa.rtp, a.Local(), x)
	fa.expect(fa.rtp, a.Local(), x)
	a.Close()
	Bridge(a, b)
	if a.peer != nil || b.peer != nil {
		t.Fatal("a closed endpoint was bridged")
	}
	fc.empty(fc.rtp)
}

func TestOwnAddresses(t *testing.T) {
	p := startPlane(t, nil)
	a, b, _, fb := call(t, p)
	r := fb.remote()
	r.RTP = b.Local()
	b.SetRemote(r)
	if got := b.Stats().Announced; got == b.Local() {
		t.Error("an endpoint took itself as its remote")
	}
	// Both sides announce the other's port: a packet must not circle.
	ra, rb := fb.remote(), fb.remote()
	ra.RTP, rb.RTP = b.Local(), a.Local()
	a.SetRemote(ra)
	b.SetRemote(rb)
	if d := b.deliver(a, rtpSocket, rtpPacket(0, 1, 1, 1), 0); d != DropSend {
		t.Errorf("a packet to the endpoint it came from: %s, want %s", d, DropSend)
	}
}

func TestEvents(t *testing.T) {
	p := startPlane(t, nil)
	events := make(chan Event, 100)
	fa, fb := newPhone(t, localhost), newPhone(t, localhost)
	a := mustOpen(t, p, Options{Notify: func(e Event) { events <- e }, Timeout: 100 * time.Millisecond})
	b := mustOpen(t, p, Options{Near: a})
	a.SetRemote(fa.remote())
	b.SetRemote(fb.remote())
	Bridge(a, b)
	next := func(kind EventKind) Event {
		t.Helper()
		select {
		case e := <-events:
			if e.Kind != kind || e.Endpoint != a {
				t.Fatalf("event %+v, want kind %d", e, kind)
			}
			return e
		case <-time.After(10 * time.Second):
			t.Fatalf("no event of kind %d", kind)
		}
		panic("unreachable")
	}
	if s := a.Stats(); s.FirstAfter != -1 || s.PayloadType != -1 || !s.First.IsZero() {
		t.Errorf("figures of a fresh endpoint %+v", s)
	}
	a.Expect(true)
	if e := next(Timeout); e.Duration < 100*time.Millisecond {
		t.Errorf("silence %s", e.Duration)
	}
	fa.send(fa.rtp, a.Local(), rtpPacket(8, 1, 160, 1))
	next(FirstPacket)
	fa.send(fa.rtp, a.Local(), rtpPacket(101, 2, 320, 1, event(9, true, 800)...))
	if e := next(DTMF); e.Digit != '9' || e.Duration != 100*time.Millisecond {
		t.Errorf("digit %q for %s", e.Digit, e.Duration)
	}
	next(Timeout) // again after packets
	if s := a.Stats(); s.FirstAfter < 100*time.Millisecond {
		t.Errorf("first packet after %s", s.FirstAfter)
	}
	// Not while nothing is expected from this side.
	r := fa.remote()
	r.Receive = false
	a.SetRemote(r)
	a.mu.Lock()
	a.silent = false
	a.mu.Unlock()
	var out outbox
	a.tick(p.now()+time.Hour, nil, &out)
	if out.n != 0 {
		t.Errorf("event %+v on hold", out.events[0])
	}
	a.SetRemote(fa.remote())
	next(Timeout)
	a.Expect(false)
	a.tick(p.now()+time.Hour, nil, &out)
	if out.n != 0 || len(events) != 0 {
		t.Error("timeout although nothing is expected")
	}
}

func TestLimits(t *testing.T) {
	p := startPlane(t, func(c *Config) { c.MaxRate = 10 })
	a, b, fa, fb := call(t, p)
	for i := range uint16(30) {
		fa.send(fa.rtp, a.Local(), rtpPacket(0, i, 0, 1))
	}
	eventually(t, "rate limit", func() bool { s := a.Stats(); return s.Packets >= 10 && s.Packets+s.Dropped[DropRate] == 30 })
	if s := a.Stats(); s.Packets > 20 { // 10, or twice that over a second's end
		t.Errorf("%d packets at 10 a second", s.Packets)
	}
	for _, bad := range [][]byte{{}, {0x80}, make([]byte, 100), append(rtpPacket(0, 1, 1, 1), make([]byte, maxDatagram)...)} {
		fb.send(fb.rtp, b.Local(), bad)
	}
	fb.send(fb.rtcp, b.LocalRTCP(), rtpPacket(0, 1, 1, 1))
	eventually(t, "malformed", func() bool { return b.Stats().Dropped[DropMalformed] == 5 })
}

func TestNotifyPanicAndClose(t *testing.T) {
	p := startPlane(t, nil)
	fa := newPhone(t, localhost)
	var calls int
	a := mustOpen(t, p, Options{Notify: func(Event) { calls++; panic("a fault of the caller") }})
	a.SetRemote(fa.remote())
	fa.send(fa.rtp, a.Local(), rtpPacket(0, 1, 1, 1))
	eventually(t, "panic counted", func() bool { return p.Totals().Dropped[DropPanic] == 1 })
	// The loop goes on; and Notify may close its endpoint.
	closed := make(chan struct{})
	b := mustOpen(t, p, Options{Near: a, Notify: func(e Event) { e.Endpoint.Close(); close(closed) }})
	b.SetRemote(fa.remote())
	fa.send(fa.rtp, b.Local(), rtpPacket(0, 1, 1, 1))
	select {
	case <-closed:
	case <-time.After(10 * time.Second):
		t.Fatal("the loop does not go on")
	}
}

func TestPortsBusyAndExhausted(t *testing.T) {
	// A port of the range is held by someone else: RTP of one pair, RTCP of another.
	p := startPlane(t, func(c *Config) { c.PortMin, c.PortMax = 65101, 65110; c.Quarantine = time.Hour })
	for _, port := range []uint16{65102, 65107} {
		c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(localhost, port)))
		if err != nil {
			t.Skip(err)
		}
		defer c.Close()
	}
	ports := make(map[uint16]*Endpoint)
	for range 2 {
		e := mustOpen(t, p, Options{})
		ports[e.Local().Port()] = e
	}
	if ports[65104] == nil || ports[65108] == nil {
		t.Fatalf("got ports %v", ports)
	}
	if _, err := p.Open(Options{}); !errors.Is(err, ErrNoPorts) {
		t.Fatalf("error %v, want %v", err, ErrNoPorts)
	}
	if got, want := p.Ports(), (PortStats{Total: 4, Used: 2, Quarantined: 2}); got != want {
		t.Errorf("ports %+v, want %+v", got, want)
	}
	ports[65104].Close()
	ports[65104].Close() // twice is fine
	if _, err := p.Open(Options{}); !errors.Is(err, ErrNoPorts) {
		t.Fatalf("error %v right after a close, want %v", err, ErrNoPorts)
	}
	if got, want := p.Ports(), (PortStats{Total: 4, Used: 1, Quarantined: 3}); got != want {
		t.Errorf("ports %+v, want %+v", got, want)
	}
}

func TestNoLeak(t *testing.T) {
	p := startPlane(t, func(c *Config) { c.Quarantine = time.Nanosecond })
	before := openFDs(t)
	for range 4 {
		var all []*Endpoint
		for i := range 250 {
			o := Options{}
			if i%2 == 1 {
				o.Near = all[i-1]
			}
			all = append(all, mustOpen(t, p, o))
			if i%2 == 1 {
				Bridge(all[i-1], all[i])
			}
		}
		for _, e := range all {
			e.Close()
		}
	}
	if after := openFDs(t); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
	if s := p.Ports(); s.Used != 0 || s.Free != s.Total {
		t.Errorf("ports %+v", s)
	}
	for _, l := range p.loops {
		if l.count.Load() != 0 {
			t.Error("a loop still has endpoints")
		}
	}
}

func TestCloseWhileTrafficFlows(t *testing.T) {
	p := startPlane(t, func(c *Config) { c.Quarantine = time.Nanosecond })
	fa := newPhone(t, localhost)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	targets := make(chan netip.AddrPort, 16)
	wg.Go(func() { // a phone that never stops sending
		var to [16]netip.AddrPort
		for i := uint16(0); ctx.Err() == nil; i++ {
			select {
			case a := <-targets:
				to[i%16] = a
			default:
			}
			for _, a := range to {
				if a.IsValid() {
					_, _ = fa.rtp.WriteToUDPAddrPort(rtpPacket(0, i, 0, 1), a)
				}
			}
		}
	})
	spare := mustOpen(t, p, Options{})
	spare.SetRemote(fa.remote())
	var churn sync.WaitGroup
	for range 4 {
		churn.Go(func() {
			for range 50 {
				a, err := p.Open(Options{Notify: func(e Event) { e.Endpoint.Stats() }})
				if err != nil {
					t.Error(err)
					return
				}
				b, err := p.Open(Options{})
				if err != nil {
					t.Error(err)
					return
				}
				a.SetRemote(fa.remote())
				b.SetRemote(fa.remote())
				Bridge(a, b)
				targets <- a.Local()
				a.Expect(true)
				Bridge(a, spare)
				b.Close()
				a.Stats()
				a.Close()
			}
		})
	}
	churn.Wait()
}

func TestRunOnce(t *testing.T) {
	p, err := New(Config{Address: localhost, PortMin: 61000, PortMax: 65000})
	if err != nil {
		t.Fatal(err)
	}
	e := mustOpen(t, p, Options{})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := p.Run(ctx); err != nil {
		t.Fatal(err)
	}
	e.Close() // Run did it; still fine
	if err := p.Run(ctx); !errors.Is(err, ErrClosed) {
		t.Errorf("second Run: %v", err)
	}
	if _, err := p.Open(Options{}); !errors.Is(err, ErrClosed) {
		t.Errorf("Open after Run: %v", err)
	}
}

func TestIdleLoopDoesNotTick(t *testing.T) {
	p := startPlane(t, nil)
	l := p.loops[0]
	next := p.now() + tickEvery
	if got := l.deadline(next); got != forever {
		t.Errorf("an idle loop waits until %v, want for ever", got)
	}
	e := mustOpen(t, p, Options{})
	if got := l.deadline(next); got != next {
		t.Errorf("a loop with an endpoint waits until %v, want %v", got, next)
	}
	e.Close()
	if got := l.deadline(next); got != forever {
		t.Errorf("a loop without endpoints waits until %v, want for ever", got)
	}
}

func TestSDPAimedAtOurselves(t *testing.T) {
	// A caller cannot make us send to a service on our own loopback, nor to a group.
	ours := netip.MustParseAddr("192.0.2.1")
	e := &Endpoint{plane: &Plane{}, iface: &Interface{Address: ours, Advertise: ours}}
	for _, a := range []string{"127.0.0.1:53", "[::ffff:127.0.0.1]:53", "239.1.1.1:4000", "255.255.255.255:4000", "192.0.2.9:0"} {
		e.SetRemote(Remote{RTP: netip.MustParseAddrPort(a), RTCP: netip.MustParseAddrPort(a), Send: true, Receive: true})
		if e.target[rtpSocket].size != 0 || e.target[rtcpSocket].size != 0 {
			t.Errorf("%s is a target", a)
		}
	}
	e.SetRemote(Remote{RTP: netip.MustParseAddrPort("192.0.2.9:4000"), RTCP: netip.MustParseAddrPort("127.0.0.1:53")})
	if got := e.target[rtcpSocket].addrPort(); got != netip.MustParseAddrPort("192.0.2.9:4001") {
		t.Errorf("RTCP goes to %s", got)
	}
}

func TestPlace(t *testing.T) {
	p := &Plane{loops: []*loop{{}, {}, {}}}
	set := func(i int, n, busy int64) { p.loops[i].count.Store(n); p.loops[i].busy.Store(busy) }
	tests := []struct {
		name  string
		count [3]int64
		busy  [3]int64
		want  int
	}{
		{"empty", [3]int64{}, [3]int64{}, 0},
		{"fill one first", [3]int64{1000, 0, 0}, [3]int64{20, 0, 0}, 0},
		{"first is full", [3]int64{packLimit, 0, 0}, [3]int64{20, 0, 0}, 1},
		{"first is busy", [3]int64{10, 10, 0}, [3]int64{packBusy, 20, 0}, 1},
		{"empty since a moment", [3]int64{0, 10, 0}, [3]int64{90, 20, 0}, 0},
		{"all busy", [3]int64{700, 500, 600}, [3]int64{80, 90, 80}, 1},
	}
	for _, tc := range tests {
		for i := range p.loops {
			set(i, tc.count[i], tc.busy[i])
		}
		if got := p.place(nil); got != p.loops[tc.want] {
			t.Errorf("%s: not loop %d", tc.name, tc.want)
		}
	}
}
