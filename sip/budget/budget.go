// Package budget bounds how often somebody may do something: token buckets by key, in tables of fixed size. A flood of forged
// keys costs no memory: a key that finds its set full takes the place of the one that was used longest ago, which then
// begins anew with a full bucket.
//
// The package starts no goroutine and imports nothing of the project.
package budget

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

const (
	sets = 1024
	ways = 4
)

// Table holds a bucket for each key. It is safe for use by several goroutines.
type Table struct {
	rate, burst float64
	seed        maphash.Seed
	sets        [sets]set
}

type set struct {
	mu      sync.Mutex
	buckets [ways]bucket
}

type bucket struct {
	key    uint64
	tokens float64
	last   time.Time
}

// New makes a table in which every key may act burst times at once and rate times per second in the long run.
func New(rate, burst int) *Table {
	return &Table{rate: float64(rate), burst: float64(burst), seed: maphash.MakeSeed()}
}

// Take counts one act of key and reports whether it is within the budget.
func (t *Table) Take(key string, now time.Time) bool {
	return t.take(maphash.String(t.seed, key), now)
}

// TakeFrom does the same for a source of messages. IPv6 counts by /64.
func (t *Table) TakeFrom(a netip.Addr, now time.Time) bool {
	return t.take(maphash.Comparable(t.seed, Source(a)), now)
}

func (t *Table) take(key uint64, now time.Time) bool {
	s := &t.sets[key%sets]
	s.mu.Lock()
	defer s.mu.Unlock()
	b := &s.buckets[0]
	for i := range s.buckets {
		c := &s.buckets[i]
		if c.key == key && !c.last.IsZero() {
			b = c
			break
		}
		if c.last.Before(b.last) {
			b = c
		}
	}
	if b.key != key || b.last.IsZero() {
		*b = bucket{key: key, tokens: t.burst, last: now}
	}
	if d := now.Sub(b.last).Seconds(); d > 0 {
		b.tokens = min(b.tokens+d*t.rate, t.burst)
		b.last = now
	}
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

// Source is the unit that counts by: an IPv4 address or an IPv6 /64.
func Source(a netip.Addr) netip.Addr {
	a = a.Unmap()
	if a.Is4() || !a.IsValid() {
		return a
	}
	b := a.As16()
	clear(b[8:])
	return netip.AddrFrom16(b)
}

// Shared is one bucket for all. It is safe for use by several goroutines.
type Shared struct {
	rate, burst float64

	mu     sync.Mutex
	tokens float64
	last   time.Time
}

// NewShared makes a full bucket.
func NewShared(rate, burst int) *Shared {
	return &Shared{rate: float64(rate), burst: float64(burst), tokens: float64(burst)}
}

// Take counts one act and reports whether it is within the budget.
func (s *Shared) Take(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := now.Sub(s.last).Seconds(); d > 0 {
		if !s.last.IsZero() {
			s.tokens = min(s.tokens+d*s.rate, s.burst)
		}
		s.last = now
	}
	if s.tokens < 1 {
		return false
	}
	s.tokens--
	return true
}
