package media

import (
	"errors"
	"math/rand/v2"
	"sync"
	"time"
)

// ErrNoPorts is returned by Plane.Open when every port pair is in use, rests
// since a moment only, or is held by another process.
var ErrNoPorts = errors.New("media: no free port pair")

// minRest is what a closed pair rests even when the pool is exhausted.
const minRest = time.Second

// PortStats counts port pairs.
type PortStats struct {
	Total       int // all pairs of the range
	Free        int
	Used        int // open endpoints
	Quarantined int // closed a short while ago, or found busy
}

// pool hands out port pairs by index. Free pairs are taken in random order, so
// that a port says nothing about the next one; closed pairs rest in a queue.
type pool struct {
	mu         sync.Mutex
	total      int
	quarantine time.Duration
	free       []uint16
	rest       []resting // ring, cap total
	head, n    int       // first of rest and their number
	used       int
}

type resting struct {
	since time.Duration
	pair  uint16
}

func newPool(pairs int, quarantine time.Duration) *pool {
	p := &pool{total: pairs, quarantine: quarantine, free: make([]uint16, pairs), rest: make([]resting, pairs)}
	for i := range p.free {
		p.free[i] = uint16(i)
	}
	return p
}

// reclaim frees the pairs whose rest is over at now. The caller holds p.mu.
func (p *pool) reclaim(now time.Duration) {
	for p.n > 0 && now-p.rest[p.head].since >= p.quarantine {
		p.free = append(p.free, p.shift())
	}
}

// shift removes the pair that rests longest. The caller holds p.mu.
func (p *pool) shift() uint16 {
	pair := p.rest[p.head].pair
	p.head = (p.head + 1) % p.total
	p.n--
	return pair
}

// take hands out a pair, or reports false when there is none.
func (p *pool) take(now time.Duration) (int, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reclaim(now)
	if n := len(p.free); n > 0 {
		i := rand.IntN(n)
		pair := p.free[i]
		p.free[i] = p.free[n-1]
		p.free = p.free[:n-1]
		p.used++
		return int(pair), true
	}
	if p.n > 0 && now-p.rest[p.head].since >= min(minRest, p.quarantine) {
		p.used++
		return int(p.shift()), true
	}
	return 0, false
}

// giveBack returns a pair that carried no traffic; it is free at once.
func (p *pool) giveBack(pair int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.used--
	p.free = append(p.free, uint16(pair))
}

// retire lets a pair rest from now on.
func (p *pool) retire(pair int, now time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.used--
	p.rest[(p.head+p.n)%p.total] = resting{since: now, pair: uint16(pair)}
	p.n++
}

func (p *pool) stats(now time.Duration) PortStats {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reclaim(now)
	return PortStats{Total: p.total, Free: len(p.free), Used: p.used, Quarantined: p.n}
}
