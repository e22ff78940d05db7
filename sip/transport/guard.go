package transport

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

// costGarbage is what something unparseable takes from its source's budget, in messages.
const costGarbage = 20

// bucket is a token bucket: it holds at most burst tokens and gains rate per second.
type bucket struct {
	tokens float64
	last   time.Time
}

// take removes cost tokens if that many are there.
func (b *bucket) take(now time.Time, cost, rate, burst float64) bool {
	b.fill(now, rate, burst)
	if b.tokens < cost {
		return false
	}
	b.tokens -= cost
	return true
}

// charge removes cost tokens, down to a debt of one second's worth.
func (b *bucket) charge(now time.Time, cost, rate, burst float64) {
	b.fill(now, rate, burst)
	b.tokens = max(b.tokens-cost, -rate)
}

func (b *bucket) fill(now time.Time, rate, burst float64) {
	if b.last.IsZero() {
		b.tokens = burst
	} else if d := now.Sub(b.last).Seconds(); d > 0 {
		b.tokens = min(b.tokens+d*rate, burst)
	}
	b.last = now
}

// sourceKey is the unit that budgets and caps count by: an IPv4 address or an IPv6 /64.
func sourceKey(a netip.Addr) netip.Addr {
	if a.Is4() || a.Is4In6() {
		return a.Unmap()
	}
	b := a.As16()
	clear(b[8:])
	return netip.AddrFrom16(b)
}

const (
	guardSets = 1024
	guardWays = 4
)

// guard holds a budget per source in a table of fixed size. A source that finds its set
// full takes the place of the one seen longest ago, so a flood of forged sources costs no memory.
// It belongs to one reader and does not lock.
type guard struct {
	seed        maphash.Seed
	rate, burst float64
	sets        [guardSets][guardWays]guardEntry
}

type guardEntry struct {
	key    netip.Addr
	bucket bucket
}

func newGuard(l Limits) *guard {
	return &guard{seed: maphash.MakeSeed(), rate: float64(l.SourceRate), burst: float64(l.SourceBurst)}
}

// source returns the budget of a source.
func (g *guard) source(a netip.Addr) *bucket {
	key := sourceKey(a)
	set := &g.sets[maphash.Comparable(g.seed, key)%guardSets]
	oldest := 0
	for i := range set {
		if set[i].key == key {
			return &set[i].bucket
		}
		if set[i].bucket.last.Before(set[oldest].bucket.last) {
			oldest = i
		}
	}
	set[oldest] = guardEntry{key: key}
	return &set[oldest].bucket
}

// allow takes one message from a source's budget.
func (g *guard) allow(a netip.Addr, now time.Time) bool {
	return g.source(a).take(now, 1, g.rate, g.burst)
}

// garbage charges a source for something unparseable.
func (g *guard) garbage(a netip.Addr, now time.Time) {
	g.source(a).charge(now, costGarbage, g.rate, g.burst)
}

// sharedBucket is a budget for all readers together.
type sharedBucket struct {
	mu   sync.Mutex
	rate float64
	b    bucket
}

func (s *sharedBucket) take(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.take(now, 1, s.rate, s.rate)
}
