package media

import (
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// ErrSecurity is returned by Endpoint.Secure, wrapped with the reason, for settings that
// cannot be used.
var ErrSecurity = errors.New("media: unusable security setting")

// Security says how the media of an endpoint is protected. The zero value is not at all.
type Security struct {
	// In opens what the remote sends, Out protects what it is sent, both as agreed on by
	// signalling (SDES, RFC 4568). Both are set or none.
	In, Out Keys
	// DTLS, when set, takes the keys from a handshake instead.
	DTLS *DTLS
	// ICE, when set, lets the remote show by connectivity checks where it is. It needs RTCP on
	// the RTP port. What SetRemote says of addresses then means nothing but where the remote
	// might be.
	ICE *ICE
}

// guard protects the media of one endpoint. Endpoint.mu guards it.
type guard struct {
	in, out *cryptor
	// previous opens what the remote still sends with the key before, until the first
	// packet under the new one.
	previous *cryptor
	shake    *association // nil: keys come by signalling
	agent    *agent       // nil: no ICE
	clearly  bool         // ICE without any protection of media
	scratch  []byte       // sealed packets, and opened ones while there are two keys
}

// Secure sets how media is protected from now on. Before SetRemote with the same
// description, so that nothing leaves in the clear. Keys that stay the same keep their
// counters; after a new key for receiving the old one is good until the remote uses the
// new one, so that a change of keys leaves no gap. A handshake is made anew when the
// remote's fingerprint or the role has changed.
func (e *Endpoint) Secure(s Security) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	plain := s.DTLS == nil && s.In.Suite == 0 && s.Out.Suite == 0
	if e.closed || plain && s.ICE == nil {
		if e.guard != nil {
			e.guard.shake.end()
			e.guard = nil
			e.aim()
		}
		return nil
	}
	g := e.guard
	if g == nil {
		g = &guard{scratch: make([]byte, 0, 512)}
	}
	var err error
	switch {
	case plain:
		g.clear()
	case s.DTLS != nil:
		g.negotiated(e, *s.DTLS)
	default:
		err = g.signalled(s.In, s.Out)
	}
	if err != nil {
		return err
	}
	switch {
	case s.ICE == nil:
		g.agent = nil
	case g.agent == nil:
		g.agent = newAgent(*s.ICE)
	case g.agent.ice != *s.ICE:
		g.agent = g.agent.restart(*s.ICE)
	}
	g.clearly = plain
	e.guard = g
	e.aim()
	return nil
}

// clear drops all keys.
func (g *guard) clear() {
	g.shake.end()
	g.in, g.out, g.previous, g.shake = nil, nil, nil, nil
}

// negotiated lets the keys come from a handshake.
func (g *guard) negotiated(e *Endpoint, d DTLS) {
	if g.shake != nil && g.shake.dtls == d {
		return
	}
	g.clear()
	g.shake = &association{e: e, dtls: d}
}

// signalled takes keys from signalling.
func (g *guard) signalled(with, by Keys) error {
	if with.Suite == 0 || by.Suite == 0 {
		return fmt.Errorf("%w: one direction has no key", ErrSecurity)
	}
	in, out := g.in, g.out
	var err error
	if in == nil || !in.keys.equal(with) {
		if in, err = newCryptor(with); err != nil {
			return fmt.Errorf("setting the key for receiving: %w", err)
		}
	}
	if out == nil || !out.keys.equal(by) {
		if out, err = newCryptor(by); err != nil {
			return fmt.Errorf("setting the key for sending: %w", err)
		}
	}
	if g.shake != nil {
		g.clear()
	}
	if in != g.in {
		g.previous = g.in
	}
	g.in, g.out = in, out
	return nil
}

// exported takes keys from a handshake.
func (g *guard) exported(k exportedKeys) error {
	in, err := newCryptor(k.in)
	if err != nil {
		return err
	}
	out, err := newCryptor(k.out)
	if err != nil {
		return err
	}
	g.in, g.out, g.previous = in, out, nil
	return nil
}

// control takes what is neither RTP nor RTCP: connectivity checks and handshakes. taken is
// false for all else. The caller holds e.mu.
func (e *Endpoint) control(b []byte, sock int, src netip.AddrPort, now time.Duration, out *outbox) (taken bool, drop Drop) {
	g := e.guard
	switch {
	case g.agent != nil && isSTUN(b):
		return true, e.check(b, sock, src, now, out)
	case g.shake != nil && sock == rtpSocket && isDTLS(b):
		if !e.mayShake(src) {
			e.rejected = src
			return true, DropSource
		}
		return true, g.shake.record(b, src, now)
	}
	return false, relayed
}

// mayShake reports whether src may shake hands: with ICE who has proved to be the remote,
// else the announced address, another port of its host, or the host of the signalling.
func (e *Endpoint) mayShake(src netip.AddrPort) bool {
	switch a := e.guard.agent; {
	case a != nil:
		return a.admits(src)
	case e.latch.source.IsValid():
		return src == e.latch.source
	case src == e.latch.announced:
		return true
	}
	return e.iface.plausible(src) && !e.plane.own(src) && e.latch.announced.IsValid() &&
		(src.Addr() == e.latch.announced.Addr() || src.Addr() == e.latch.near)
}

// check answers a connectivity check.
func (e *Endpoint) check(b []byte, sock int, src netip.AddrPort, now time.Duration, out *outbox) Drop {
	if sock != rtpSocket || !e.iface.plausible(src) || e.plane.own(src) {
		e.rejected = src
		return DropSource
	}
	answer, changed, drop := e.guard.agent.check(b, src, now)
	if answer != nil {
		var to sockaddr
		to.set(src)
		if errno := send(e.fd[rtpSocket], answer, &to); errno != 0 {
			e.sendErrors++
		}
	}
	if changed {
		e.latch.source = e.guard.agent.target()
		e.aim()
		out.add(Event{Kind: Latched, Endpoint: e, Addr: e.latch.source})
	}
	return drop
}

// greet begins a handshake that is ours to begin. The caller holds e.mu and is a poll loop.
func (e *Endpoint) greet(now time.Duration) {
	g := e.guard
	if g == nil || g.shake == nil || !g.shake.dtls.Client || g.shake.running || g.shake.done {
		return
	}
	to := e.latch.target()
	if g.agent != nil {
		to = g.agent.target()
	}
	if to.IsValid() {
		g.shake.begin(to, now)
	}
}

// open decrypts a datagram in place and returns its new length.
func (g *guard) open(sock int, b []byte) (size int, drop Drop) {
	if g.clearly {
		return len(b), relayed
	}
	if g.in == nil {
		return 0, DropKey
	}
	if g.previous == nil {
		plain, drop := g.in.open(sock, b[:0], b)
		if drop == relayed {
			g.shake.heard()
		}
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
	if g.clearly {
		return b, relayed
	}
	if g.out == nil {
		return nil, DropKey
	}
	if n := len(b) + sealed; cap(g.scratch) < n {
		g.scratch = make([]byte, 0, n)
	}
	return g.out.seal(sock, g.scratch[:0], b)
}

// proves reports whether a packet that has been opened shows that it is the remote's.
func (g *guard) proves() bool { return g != nil && !g.clearly }

// suite is the suite in use for what comes in.
func (g *guard) suite() Suite {
	if g == nil || g.in == nil {
		return 0
	}
	return g.in.keys.Suite
}
