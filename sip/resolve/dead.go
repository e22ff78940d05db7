package resolve

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/koppelfeld/koppelfeld/sip/transport"
)

const (
	deadFirst = 30 * time.Second // after the first failure, doubled by each further one
	deadMost  = 5 * time.Minute
	maxDead   = 4096
)

// dead remembers targets that did not answer.
type dead struct {
	some atomic.Bool // there may be entries
	mu   sync.Mutex
	list map[transport.Target]corpse
}

type corpse struct {
	until time.Time
	times int
}

func (d *dead) init() { d.list = map[transport.Target]corpse{} }

// mark notes a failure. One that follows soon after the last weighs more.
func (d *dead) mark(t transport.Target, now time.Time) {
	t = key(t)
	d.mu.Lock()
	defer d.mu.Unlock()
	c, ok := d.list[t]
	if !ok && len(d.list) >= maxDead {
		d.evict(now)
	}
	if now.Sub(c.until) > deadMost {
		c.times = 0
	}
	if !c.until.After(now) { // several calls that fail at once count as one failure
		c.until = now.Add(min(deadFirst<<min(c.times, 10), deadMost))
		c.times++
	}
	d.list[t] = c
	d.some.Store(true)
}

// key leaves out what does not name the peer.
func key(t transport.Target) transport.Target {
	return transport.Target{Proto: t.Proto, Addr: t.Addr}
}

// evict makes room; d.mu is held.
func (d *dead) evict(now time.Time) {
	for t, c := range d.list {
		if !c.until.After(now) {
			delete(d.list, t)
		}
	}
	for t := range d.list {
		if len(d.list) < maxDead {
			break
		}
		delete(d.list, t)
	}
}

func (d *dead) clear(t transport.Target) {
	if !d.some.Load() {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.list, key(t))
	d.some.Store(len(d.list) > 0)
}

// last moves the dead behind the others; a list of dead ones alone stays as it is.
func (d *dead) last(targets []transport.Target, now time.Time) []transport.Target {
	if !d.some.Load() || len(targets) < 2 {
		return targets
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	out := make([]transport.Target, 0, len(targets))
	for _, down := range [...]bool{false, true} {
		for _, t := range targets {
			if d.list[key(t)].until.After(now) == down {
				out = append(out, t)
			}
		}
	}
	return out
}

func (d *dead) len(now time.Time) (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.list {
		if c.until.After(now) {
			n++
		}
	}
	return n
}
