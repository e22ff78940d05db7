package testnet

import (
	"math/rand/v2"
	"sync"
	"time"
)

// Impair says what happens to packets on their way. Everything is decided by Seed and the order of the packets.
type Impair struct {
	Seed      uint64
	Loss      float64       // share of the packets that are lost, 0 to 1
	Duplicate float64       // share that comes twice
	Reorder   float64       // share that is overtaken: delayed by Jitter more
	Delay     time.Duration // of every packet
	Jitter    time.Duration // at most, more, at random
}

// fate is what happens to one packet: when its copies arrive. None is a loss.
func (i *Impair) fate(r *rand.Rand) []time.Duration {
	// All numbers are drawn for each packet, so that one share can be changed without moving the others.
	loss, twice, late, first, second := r.Float64(), r.Float64(), r.Float64(), r.Float64(), r.Float64()
	if loss < i.Loss {
		return nil
	}
	d := i.Delay + time.Duration(first*float64(i.Jitter))
	if late < i.Reorder {
		d += i.Jitter
	}
	if twice < i.Duplicate {
		return []time.Duration{d, i.Delay + time.Duration(second*float64(i.Jitter))}
	}
	return []time.Duration{d}
}

// Passed counts packets.
type Passed struct{ In, Lost, Duplicated, Delayed uint64 }

// road is what packets go over, in both directions.
type road struct {
	impair Impair

	mu     sync.Mutex
	rand   *rand.Rand
	passed Passed
	closed bool
	timers map[*time.Timer]struct{}
}

func newRoad(impair Impair) *road {
	return &road{impair: impair, rand: rand.New(rand.NewPCG(impair.Seed, 0)), timers: map[*time.Timer]struct{}{}}
}

func (r *road) counts() Passed {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.passed
}

// close loses what is still on its way.
func (r *road) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	for t := range r.timers {
		t.Stop()
	}
}

// pass sends a packet on, or not, or late, or twice. send must not block; b is copied where it has to wait.
func (r *road) pass(b []byte, send func([]byte)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	at := r.impair.fate(r.rand)
	r.passed.In++
	switch {
	case len(at) == 0:
		r.passed.Lost++
	case len(at) > 1:
		r.passed.Duplicated++
	}
	for _, d := range at {
		if d <= 0 {
			send(b)
			continue
		}
		r.passed.Delayed++
		r.later(d, append([]byte(nil), b...), send)
	}
}

// later sends after d unless the road is closed; r.mu is held.
func (r *road) later(d time.Duration, b []byte, send func([]byte)) {
	var t *time.Timer
	t = time.AfterFunc(d, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.timers, t)
		if !r.closed {
			send(b)
		}
	})
	r.timers[t] = struct{}{}
}
