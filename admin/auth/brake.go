package auth

import (
	"sync"
	"time"
)

// maxBraked bounds the keys that a brake remembers.
const maxBraked = 20000

// brake slows guessing: each key holds so many attempts, and gets one back in
// each period. It remembers only keys that have spent some.
type brake struct {
	burst int
	every time.Duration

	mu   sync.Mutex
	full map[string]time.Time // when the key has all its attempts again
}

func newBrake(burst int, every time.Duration) *brake {
	return &brake{burst: burst, every: every, full: make(map[string]time.Time)}
}

// take spends one attempt of the key. It returns 0, or how long until there is
// one; then none was spent.
func (b *brake) take(key string, now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	at, known := b.full[key]
	if at.Before(now) {
		at = now
	}
	// at-now is the time in which what was spent comes back.
	if wait := at.Sub(now) - time.Duration(b.burst-1)*b.every; wait > 0 {
		return wait
	}
	if !known && len(b.full) >= maxBraked {
		b.sweep(now)
	}
	b.full[key] = at.Add(b.every)
	return 0
}

// sweep forgets the keys that have all their attempts, and half of the others
// when that does not make room: a flood of keys must not fill the memory.
func (b *brake) sweep(now time.Time) {
	for k, at := range b.full {
		if !at.After(now) {
			delete(b.full, k)
		}
	}
	if len(b.full) < maxBraked {
		return
	}
	for k := range b.full {
		if len(b.full) <= maxBraked/2 {
			return
		}
		delete(b.full, k)
	}
}

// giveBack returns one attempt that take spent.
func (b *brake) giveBack(key string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if at, ok := b.full[key]; ok {
		b.full[key] = at.Add(-b.every)
	}
}

// forget gives the key all its attempts.
func (b *brake) forget(key string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.full, key)
}

// maxHomes bounds the pairs that homes remembers.
const maxHomes = 20000

// homes remembers which users have logged in from which sources since the start.
type homes struct {
	mu    sync.Mutex
	known map[string]struct{}
}

func (h *homes) has(key string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, ok := h.known[key]
	return ok
}

// add remembers a pair, in place of any other when there are too many.
func (h *homes) add(key string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := h.known[key]; !ok && len(h.known) >= maxHomes {
		for k := range h.known {
			delete(h.known, k)
			break
		}
	}
	h.known[key] = struct{}{}
}
