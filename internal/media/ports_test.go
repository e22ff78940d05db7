package media

import (
	"testing"
	"time"
)

func TestPool(t *testing.T) {
	p := newPool(3, time.Minute)
	var taken []int
	for range 3 {
		pair, ok := p.take(0)
		if !ok {
			t.Fatal("no pair although the pool is fresh")
		}
		taken = append(taken, pair)
	}
	if _, ok := p.take(0); ok {
		t.Fatal("a fourth pair of three")
	}
	p.retire(taken[0], 0)
	p.retire(taken[1], 500*time.Millisecond)
	if _, ok := p.take(900 * time.Millisecond); ok {
		t.Fatal("a pair was reused before its shortest rest")
	}
	if got, want := p.stats(900*time.Millisecond), (PortStats{3, 0, 1, 2}); got != want {
		t.Fatalf("stats %+v, want %+v", got, want)
	}
	// Exhausted: the one that rests longest is taken early.
	if pair, ok := p.take(time.Second); !ok || pair != taken[0] {
		t.Fatalf("took %d, %v, want %d", pair, ok, taken[0])
	}
	p.giveBack(taken[0])
	// With a free pair the resting one is left alone.
	if pair, ok := p.take(10 * time.Second); !ok || pair != taken[0] {
		t.Fatalf("took %d, %v, want %d", pair, ok, taken[0])
	}
	if got, want := p.stats(time.Minute+time.Second), (PortStats{3, 1, 2, 0}); got != want {
		t.Fatalf("stats after the quarantine %+v, want %+v", got, want)
	}
}

func TestPoolRandomAndComplete(t *testing.T) {
	const n = 1000
	p := newPool(n, 0)
	seen := make(map[int]bool)
	ascending := 0
	last := -1
	for range n {
		pair, ok := p.take(0)
		if !ok || seen[pair] {
			t.Fatalf("pair %d: ok %v, seen %v", pair, ok, seen[pair])
		}
		seen[pair] = true
		if pair == last+1 {
			ascending++
		}
		last = pair
	}
	if ascending > n/10 {
		t.Errorf("%d of %d pairs follow their predecessor", ascending, n)
	}
	for round := range 5 {
		for pair := range n {
			p.retire(pair, time.Duration(round))
		}
		for range n {
			if _, ok := p.take(time.Duration(round)); !ok {
				t.Fatal("a pair was lost")
			}
		}
	}
}

func BenchmarkPool(b *testing.B) {
	p := newPool(5000, 0)
	for b.Loop() {
		pair, _ := p.take(0)
		p.retire(pair, 0)
	}
}
