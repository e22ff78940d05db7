package mediatest

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"
)

func TestG711(t *testing.T) {
	// Silence and extremes from ITU-T G.711, as every implementation has them.
	for _, tc := range []struct {
		codec  Codec
		sample int16
		code   byte
	}{
		{PCMU, 0, 0xff},
		{PCMU, 32767, 0x80},
		{PCMU, -32768, 0x00},
		{PCMU, -1, 0x7f},
		{PCMA, 0, 0xd5},
		{PCMA, 32767, 0xaa},
		{PCMA, -32768, 0x2a},
		{PCMA, -1, 0x55},
	} {
		var b [1]byte
		if tc.codec.Encode(b[:], []int16{tc.sample}); b[0] != tc.code {
			t.Errorf("payload type %d: %d is %#x, want %#x", tc.codec, tc.sample, b[0], tc.code)
		}
	}
	for _, c := range []Codec{PCMU, PCMA} {
		for code := range 256 {
			var s [1]int16
			var b [1]byte
			c.Decode(s[:], []byte{byte(code)})
			c.Encode(b[:], s[:])
			var again [1]int16
			c.Decode(again[:], b[:])
			if again != s { // 0x7f and 0xff of μ-law are both zero
				t.Errorf("payload type %d: %#x is %d, which is %#x", c, code, s[0], b[0])
			}
		}
		for s := -32768; s < 32768; s += 7 {
			var b [1]byte
			var d [1]int16
			c.Encode(b[:], []int16{int16(s)})
			c.Decode(d[:], b[:])
			diff, size := int(d[0])-s, s
			if diff < 0 {
				diff = -diff
			}
			if size < 0 {
				size = -size
			}
			if diff > size/16+16 {
				t.Fatalf("payload type %d: %d becomes %d", c, s, d[0])
			}
		}
	}
}

func TestPurity(t *testing.T) {
	samples := make([]int16, Rate/4)
	if got := Purity(samples, 440); got != 0 {
		t.Errorf("silence has purity %v", got)
	}
	NewTone(440, 0.5).Fill(samples)
	if got := Purity(samples, 440); got < 0.99 {
		t.Errorf("440 Hz has purity %v at 440", got)
	}
	if got := Purity(samples, 1000); got > 0.01 {
		t.Errorf("440 Hz has purity %v at 1000", got)
	}
	for _, c := range []Codec{PCMU, PCMA} {
		b, back := make([]byte, len(samples)), make([]int16, len(samples))
		c.Encode(b, samples)
		c.Decode(back, b)
		if got := Purity(back, 440); got < 0.99 {
			t.Errorf("payload type %d: purity %v", c, got)
		}
	}
}

func TestPeers(t *testing.T) {
	loop := net.IPv4(127, 0, 0, 1)
	var peers [2]*Peer
	var ticks [2]chan time.Time
	var addrs [2]netip.AddrPort
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	for i, hz := range []float64{440, 1000} {
		conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: loop})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		addrs[i] = conn.LocalAddr().(*net.UDPAddr).AddrPort()
		if peers[i], err = NewPeer(PeerConfig{Conn: conn, Codec: PCMA, Tone: hz}); err != nil {
			t.Fatal(err)
		}
		ticks[i] = make(chan time.Time)
		wg.Go(func() {
			if err := peers[i].Run(ctx, ticks[i]); err != nil {
				t.Error(err)
			}
		})
	}
	peers[0].SetRemote(addrs[1])
	peers[1].SetRemote(addrs[0])
	if peers[0].Hears(1000, time.Second) != 0 {
		t.Error("hears a tone before anything came")
	}
	for range 130 { // beyond the memory of 100 packets
		ticks[0] <- time.Time{}
		ticks[1] <- time.Time{}
	}
	deadline := time.Now().Add(10 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for peers[0].Stats().Received < 130 || peers[1].Stats().Received < 130 {
		if time.Now().After(deadline) {
			t.Fatalf("received %+v and %+v", peers[0].Stats(), peers[1].Stats())
		}
		<-tick.C
	}
	for i, hz := range []float64{1000, 440} {
		for _, d := range []time.Duration{250 * time.Millisecond, time.Second, 2 * time.Second} {
			if got := peers[i].Hears(hz, d); got < 0.95 {
				t.Errorf("peer %d hears %v of %v Hz in %s", i, got, hz, d)
			}
		}
		if got := peers[i].Hears(1440-hz, time.Second); got > 0.05 {
			t.Errorf("peer %d hears %v of its own tone", i, got)
		}
		if s := peers[i].Stats(); s.Sent != 130 || s.Source != addrs[1-i] {
			t.Errorf("peer %d: %+v", i, s)
		}
	}
}

func TestLoad(t *testing.T) {
	for _, ip := range []string{"127.0.0.1", "::1"} {
		l, err := NewLoad(netip.MustParseAddr(ip))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		s, err := NewSink(netip.MustParseAddr(ip))
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		for range 100 {
			l.Add(s.Addr())
		}
		ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
		defer cancel()
		var wg sync.WaitGroup
		wg.Go(func() { _ = s.Run(ctx) })
		start := time.Now()
		if err := l.Run(ctx); err != nil {
			t.Fatal(err)
		}
		most := uint64(5000*time.Since(start).Seconds()) + 5
		wg.Wait()
		sent, failed := l.Sent()
		if sent == 0 || sent > most || failed != 0 {
			t.Errorf("%s: sent %d, at most %d, failed %d", ip, sent, most, failed)
		}
		if s.Received() == 0 || s.Delay(0.5) == 0 {
			t.Errorf("%s: received %d, half within %s", ip, s.Received(), s.Delay(0.5))
		}
	}
}
