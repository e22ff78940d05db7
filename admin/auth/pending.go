package auth

import (
	"sync"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/secret"
)

// maxPending bounds the beginnings that wait for their end.
const maxPending = 10000

// pending keeps what was begun and waits for its end, by a random token: a login that waits for its second factor, a
// question that a passkey is to sign. It is in memory: what was begun before a restart is begun again.
type pending[T any] struct {
	life time.Duration

	mu   sync.Mutex
	held map[string]begun[T]
}

type begun[T any] struct {
	value T
	until time.Time
}

func newPending[T any](life time.Duration) *pending[T] {
	return &pending[T]{life: life, held: make(map[string]begun[T])}
}

// put keeps a value and returns the token for it.
func (p *pending[T]) put(value T) string {
	token, now := secret.Token(), time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.held) >= maxPending {
		p.sweep(now)
	}
	p.held[token] = begun[T]{value, now.Add(p.life)}
	return token
}

// sweep forgets what has ended, and half of the rest when that does not make room.
func (p *pending[T]) sweep(now time.Time) {
	for k, b := range p.held {
		if !now.Before(b.until) {
			delete(p.held, k)
		}
	}
	if len(p.held) < maxPending {
		return
	}
	for k := range p.held {
		if len(p.held) <= maxPending/2 {
			return
		}
		delete(p.held, k)
	}
}

// get returns what waits, and leaves it there.
func (p *pending[T]) get(token string) (T, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	b, ok := p.held[token]
	if !ok || !time.Now().Before(b.until) {
		var none T
		return none, false
	}
	return b.value, true
}

// take returns what waits and forgets it: nothing is taken twice.
func (p *pending[T]) take(token string) (T, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	b, ok := p.held[token]
	delete(p.held, token)
	if !ok || !time.Now().Before(b.until) {
		var none T
		return none, false
	}
	return b.value, true
}
