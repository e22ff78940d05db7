package media

import (
	"errors"
	"fmt"
)

// ErrSecurity is returned by Endpoint.Secure, wrapped with the reason, for settings that
// cannot be used.
var ErrSecurity = errors.New("media: unusable security setting")

// Security says how the media of an endpoint is protected. The zero value is not at all.
type Security struct {
	// In opens what the remote sends, Out protects what it is sent, both as agreed on by
	// signalling (SDES, RFC 4568). Both are set or none.
	In, Out Keys
}

// guard protects the media of one endpoint. Endpoint.mu guards it.
type guard struct {
	in, out *cryptor
	// previous opens what the remote still sends with the key before, until the first
	// packet under the new one.
	previous *cryptor
	scratch  []byte // sealed packets, and opened ones while there are two keys
}

// Secure sets how media is protected from now on. Before SetRemote with the same
// description, so that nothing leaves in the clear. Keys that stay the same keep their
// counters; after a new key for receiving the old one is good until the remote uses the
// new one, so that a change of keys leaves no gap.
func (e *Endpoint) Secure(s Security) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if s.In.Suite == 0 && s.Out.Suite == 0 {
		e.guard = nil
		return nil
	}
	if s.In.Suite == 0 || s.Out.Suite == 0 {
		return fmt.Errorf("%w: one direction has no key", ErrSecurity)
	}
	g := e.guard
	if g == nil {
		g = &guard{scratch: make([]byte, 0, 512)}
	}
	in, out := g.in, g.out
	var err error
	if in == nil || !in.keys.equal(s.In) {
		if in, err = newCryptor(s.In); err != nil {
			return fmt.Errorf("setting the key for receiving: %w", err)
		}
	}
	if out == nil || !out.keys.equal(s.Out) {
		if out, err = newCryptor(s.Out); err != nil {
			return fmt.Errorf("setting the key for sending: %w", err)
		}
	}
	if in != g.in {
		g.previous = g.in
	}
	g.in, g.out = in, out
	e.guard = g
	return nil
}

// open decrypts a datagram in place and returns its new length.
func (g *guard) open(sock int, b []byte) (size int, drop Drop) {
	if g.in == nil {
		return 0, DropKey
	}
	if g.previous == nil {
		plain, drop := g.in.open(sock, b[:0], b)
		return len(plain), drop
	}
	// A failed attempt may leave anything in its output, so not in place.
	plain, drop := g.in.open(sock, g.scratch[:0], b)
	switch drop {
	case relayed:
		g.previous = nil
	case DropAuth:
		plain, drop = g.previous.open(sock, g.scratch[:0], b)
	}
	if plain != nil {
		g.scratch = plain[:0]
	}
	return copy(b, plain), drop
}

// seal encrypts a datagram. What it returns is good until the next call.
func (g *guard) seal(sock int, b []byte) ([]byte, Drop) {
	if g.out == nil {
		return nil, DropKey
	}
	if n := len(b) + sealed; cap(g.scratch) < n {
		g.scratch = make([]byte, 0, n)
	}
	return g.out.seal(sock, g.scratch[:0], b)
}

// suite is the suite in use for what comes in.
func (g *guard) suite() Suite {
	if g == nil || g.in == nil {
		return 0
	}
	return g.in.keys.Suite
}
