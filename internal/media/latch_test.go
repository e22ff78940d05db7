package media

import (
	"net/netip"
	"testing"
	"time"
)

var (
	sdpAddr  = netip.MustParseAddrPort("192.168.1.20:4000")
	natAddr  = netip.MustParseAddrPort("203.0.113.9:61000")
	evilAddr = netip.MustParseAddrPort("198.51.100.66:9999")
	samePort = netip.MustParseAddrPort("192.168.1.20:4100")
)

// arrival is one packet in a latching script.
type arrival struct {
	at   time.Duration
	src  netip.AddrPort
	ssrc uint32
	seq  uint16
	want bool // accepted
}

// run makes n packets in sequence, of which the last accepted-th on are accepted.
func run(at time.Duration, src netip.AddrPort, ssrc uint32, seq uint16, n, from int) []arrival {
	var out []arrival
	for i := range n {
		out = append(out, arrival{at + time.Duration(i)*20*time.Millisecond, src, ssrc, seq + uint16(i), i+1 >= from})
	}
	return out
}

func join(parts ...[]arrival) []arrival {
	var out []arrival
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

func TestLatch(t *testing.T) {
	const never = 1000
	interleaved := func() []arrival {
		var out []arrival
		good, evil := run(0, natAddr, 1, 10, 8, 5), run(1, evilAddr, 2, 900, 8, never)
		for i := range good {
			out = append(out, good[i], evil[i])
		}
		return out
	}
	tests := []struct {
		name   string
		near   netip.Addr
		script []arrival
		source netip.AddrPort
	}{
		{"announced at once", netip.Addr{}, run(0, sdpAddr, 1, 1, 3, 1), sdpAddr},
		{"announced long after the window", netip.Addr{}, run(time.Hour, sdpAddr, 1, 1, 1, 1), sdpAddr},
		{"behind NAT after five", netip.Addr{}, run(0, natAddr, 1, 1, 6, 5), natAddr},
		{"four are not enough", netip.Addr{}, run(0, natAddr, 1, 1, 4, never), netip.AddrPort{}},
		{"sequence wraps", netip.Addr{}, run(0, natAddr, 1, 65533, 6, 5), natAddr},
		{"same host other port after two", netip.Addr{}, run(0, samePort, 1, 1, 3, 2), samePort},
		{"signalling host after two", natAddr.Addr(), run(0, natAddr, 1, 1, 3, 2), natAddr},
		{"gap starts over", netip.Addr{}, join(run(0, natAddr, 1, 1, 4, never), run(90*time.Millisecond, natAddr, 1, 6, 6, 5)), natAddr},
		{"other SSRC starts over", netip.Addr{}, join(run(0, natAddr, 1, 1, 4, never), run(90*time.Millisecond, natAddr, 2, 5, 6, 5)), natAddr},
		{"duplicates prove nothing", netip.Addr{}, join(run(0, natAddr, 1, 7, 1, never), run(1, natAddr, 1, 7, 1, never),
			run(2, natAddr, 1, 7, 1, never), run(3, natAddr, 1, 7, 1, never), run(4, natAddr, 1, 7, 1, never)), netip.AddrPort{}},
		{"pinned to the announced", netip.Addr{}, join(run(0, sdpAddr, 1, 1, 2, 1), run(time.Millisecond, evilAddr, 2, 1, 20, never)), sdpAddr},
		{"pinned to the learned", netip.Addr{}, join(run(0, natAddr, 1, 1, 6, 5), run(200*time.Millisecond, evilAddr, 2, 1, 20, never)), natAddr},
		{"announced wins over learned", netip.Addr{}, join(run(0, natAddr, 1, 1, 6, 5), run(time.Minute, sdpAddr, 3, 1, 2, 1), run(time.Minute, natAddr, 1, 7, 9, never)), sdpAddr},
		{"first packet begins the window", netip.Addr{}, run(10*time.Second, natAddr, 1, 1, 5, 5), natAddr},
		{"too slow", netip.Addr{}, join(run(0, natAddr, 1, 1, 1, never), run(3100*time.Millisecond, natAddr, 1, 2, 9, never)), netip.AddrPort{}},
		{"two candidates, first to five", netip.Addr{}, interleaved(), natAddr},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			var l latch
			l.reset(sdpAddr, tc.near, 0)
			for i, p := range tc.script {
				before := l.target()
				ok, changed := l.accept(p.src, header{ssrc: p.ssrc, seq: p.seq}, p.at, false)
				if ok != p.want {
					t.Fatalf("packet %d of %s: accepted %v, want %v", i, p.src, ok, p.want)
				}
				if changed != (l.target() != before) {
					t.Fatalf("packet %d: changed %v, target %s then %s", i, changed, before, l.target())
				}
			}
			if l.source != tc.source {
				t.Errorf("source %s, want %s", l.source, tc.source)
			}
		})
	}
}

func TestLatchManyStrangers(t *testing.T) {
	// Addresses that send one packet each cannot push out one that has a run.
	var l latch
	l.reset(sdpAddr, netip.Addr{}, 0)
	for i := range 5 {
		ok, _ := l.accept(natAddr, header{ssrc: 1, seq: uint16(i)}, 0, false)
		if ok != (i == 4) {
			t.Fatalf("packet %d accepted %v", i, ok)
		}
		if i == 0 {
			continue
		}
		for port := range uint16(50) {
			l.accept(netip.AddrPortFrom(evilAddr.Addr(), 1000+port), header{ssrc: uint32(port)}, 0, false)
		}
	}
}

func TestLatchReopen(t *testing.T) {
	var l latch
	l.reset(sdpAddr, netip.Addr{}, 0)
	l.accept(natAddr, header{seq: 1}, 0, false)
	l.reopen(time.Minute) // the answer
	for i := range uint16(4) {
		if ok, _ := l.accept(natAddr, header{seq: 2 + i}, time.Minute+time.Second, false); ok != (i == 3) {
			t.Fatalf("packet %d accepted %v", i, ok)
		}
	}
	l.reopen(2 * time.Minute) // learned: stays pinned
	if ok, _ := l.accept(natAddr, header{seq: 50}, 3*time.Minute, false); !ok {
		t.Fatal("the learned source is refused")
	}
}

// TestLatchMistaken has a stranger speak first, from a third host, while the phone behind a NAT is
// silent: it is believed until the phone speaks from where its signalling comes.
func TestLatchMistaken(t *testing.T) {
	phone := netip.AddrPortFrom(natAddr.Addr(), 40000)
	learn := func(l *latch, src netip.AddrPort, at time.Duration, n int) (taken int) {
		for i := range n {
			if ok, _ := l.accept(src, header{ssrc: uint32(src.Port()), seq: uint16(i)}, at+time.Duration(i)*20*time.Millisecond, false); ok {
				taken++
			}
		}
		return taken
	}
	fresh := func() *latch {
		var l latch
		l.reset(sdpAddr, natAddr.Addr(), 0)
		if learn(&l, evilAddr, 0, 6) != 2 || l.source != evilAddr {
			t.Fatal("the stranger is not believed")
		}
		return &l
	}
	l := fresh()
	if learn(l, phone, time.Second, 6) != 2 || l.source != phone {
		t.Errorf("the phone is not heard: %s", l.source)
	}
	if learn(l, evilAddr, 1500*time.Millisecond, 10) != 0 {
		t.Error("the stranger is heard again")
	}
	l = fresh()
	if learn(l, samePort, 4*time.Second, 10) != 0 {
		t.Error("after the window another one is heard")
	}
	l.reopen(10 * time.Second) // the answer
	if learn(l, phone, 11*time.Second, 6) != 2 || l.source != phone {
		t.Errorf("the phone is not heard after the answer: %s", l.source)
	}
	l.reopen(12 * time.Second)
	if learn(l, samePort, 12*time.Second, 10) != 0 {
		t.Error("a source at the phone's host was left")
	}
	l = fresh()
	if third := netip.MustParseAddrPort("198.51.100.99:7"); learn(l, third, time.Second, 10) != 0 {
		t.Error("one stranger was left for another")
	}
}

// TestLatchLostMapping has the NAT of a phone give it another port. The phone describes itself again, as before.
func TestLatchLostMapping(t *testing.T) {
	after := netip.AddrPortFrom(natAddr.Addr(), 62000)
	for _, tc := range []struct {
		name    string
		heard   time.Duration // the old source, last
		renewed bool
		at      time.Duration // the new one, first
		proven  bool
		taken   int // of 6 packets
	}{
		{"not described again", 0, false, 10 * time.Second, false, 0},
		{"described again", 9 * time.Second, true, 10 * time.Second, false, 2},
		{"described again, protected", 9 * time.Second, true, 10 * time.Second, true, 6},
		{"the old one speaks", 9900 * time.Millisecond, true, 10 * time.Second, false, 0},
		{"too late", 9 * time.Second, true, 14 * time.Second, false, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var l latch
			l.reset(sdpAddr, natAddr.Addr(), 0)
			for i := range uint16(2) {
				l.accept(natAddr, header{seq: i}, 0, false)
			}
			if tc.renewed {
				l.renew(10 * time.Second)
			}
			l.heard = tc.heard
			taken := 0
			for i := range uint16(6) {
				if ok, _ := l.accept(after, header{ssrc: 5, seq: i}, tc.at+time.Duration(i)*20*time.Millisecond, tc.proven); ok {
					taken++
				}
			}
			if taken != tc.taken {
				t.Errorf("%d packets taken, want %d", taken, tc.taken)
			}
		})
	}
}

func TestPlausible(t *testing.T) {
	iface := func(addr string) *Interface { return &Interface{Address: netip.MustParseAddr(addr)} }
	tests := []struct {
		bound, addr string
		want        bool
	}{
		{"192.0.2.1", "203.0.113.9:4000", true},
		{"192.0.2.1", "10.1.2.3:4000", true},
		{"192.0.2.1", "203.0.113.9:0", false},
		{"192.0.2.1", "127.0.0.1:53", false},
		{"127.0.0.1", "127.0.0.1:4000", true},
		{"192.0.2.1", "224.0.1.1:4000", false},
		{"192.0.2.1", "255.255.255.255:4000", false},
		{"192.0.2.1", "0.0.0.0:4000", false},
		{"192.0.2.1", "[2001:db8::1]:4000", false},
		{"2001:db8::1", "[2001:db8::2]:4000", true},
		{"2001:db8::1", "[ff02::1]:4000", false},
		{"2001:db8::1", "[::1]:4000", false},
		{"::1", "[::1]:4000", true},
	}
	for _, tc := range tests {
		if got := iface(tc.bound).plausible(netip.MustParseAddrPort(tc.addr)); got != tc.want {
			t.Errorf("bound to %s: %s is plausible %v, want %v", tc.bound, tc.addr, got, tc.want)
		}
	}
}
