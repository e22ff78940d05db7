package testnet

import (
	"math/rand/v2"
	"net"
	"slices"
	"testing"
	"time"
)

func TestFatesFollowTheirShares(t *testing.T) {
	const n = 100_000
	for _, tc := range []struct {
		name                  string
		impair                Impair
		lost, twice, overtake float64
	}{
		{"nothing", Impair{Delay: time.Millisecond}, 0, 0, 0},
		{"loss", Impair{Loss: 0.05}, 0.05, 0, 0},
		{"all lost", Impair{Loss: 1, Duplicate: 1}, 1, 0, 0},
		{"duplicates", Impair{Duplicate: 0.1}, 0, 0.1, 0},
		{"order", Impair{Delay: time.Millisecond, Jitter: 10 * time.Millisecond, Reorder: 0.2}, 0, 0, 0.2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, again := rand.New(rand.NewPCG(7, 0)), rand.New(rand.NewPCG(7, 0))
			var lost, twice, late float64
			for range n {
				at := tc.impair.fate(r)
				if !slices.Equal(at, tc.impair.fate(again)) {
					t.Fatal("the same seed gives another fate")
				}
				switch len(at) {
				case 0:
					lost++
				case 2:
					twice++
				}
				for _, d := range at {
					if d < tc.impair.Delay || d > tc.impair.Delay+2*tc.impair.Jitter {
						t.Fatalf("a delay of %v", d)
					}
					if d > tc.impair.Delay+tc.impair.Jitter {
						late++
					}
				}
			}
			near := func(what string, got, want float64) {
				if got /= n; got < want-0.01 || got > want+0.01 {
					t.Errorf("%s: %.3f, want %.3f", what, got, want)
				}
			}
			near("lost", lost, tc.lost)
			near("twice", twice, tc.twice)
			near("late", late, tc.overtake)
		})
	}
}

// TestLossyRelaysBothWays sends numbered packets through to an echo and back.
func TestLossyRelaysBothWays(t *testing.T) {
	echo, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer echo.Close()
	go func() {
		b := make([]byte, 100)
		for {
			n, from, err := echo.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			_, _ = echo.WriteToUDPAddrPort(b[:n], from)
		}
	}()
	l, err := NewLossy(echo.LocalAddr().(*net.UDPAddr).AddrPort(), Impair{Seed: 1, Loss: 0.1, Duplicate: 0.1, Reorder: 0.2, Jitter: 3 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(l.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const n = 250
	for i := range n {
		if _, err := c.Write([]byte{byte(i)}); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[byte]int{}
	disorder, last := 0, -1
	b := make([]byte, 100)
	for {
		_ = c.SetReadDeadline(time.Now().Add(500 * time.Millisecond))
		if _, err := c.Read(b); err != nil {
			break
		}
		seen[b[0]]++
		if int(b[0]) < last {
			disorder++
		}
		last = int(b[0])
	}
	twice := 0
	for _, k := range seen {
		if k > 1 {
			twice++
		}
	}
	p := l.Passed()
	if len(seen) == n || len(seen) < n*6/10 || twice == 0 || disorder == 0 || p.Lost == 0 || p.Duplicated == 0 || p.Delayed == 0 {
		t.Errorf("%d of %d came back, %d twice, %d out of order; %+v", len(seen), n, twice, disorder, p)
	}
}
