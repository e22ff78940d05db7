package transport

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"
)

// streamListener accepts connections.
type streamListener struct {
	layer *Layer
	entry string
	iface string
	proto Proto
	ln    net.Listener
	bound netip.AddrPort
	local netip.AddrPort // advertised
}

func newStreamListener(l *Layer, a bindAddr, ln net.Listener) *streamListener {
	bound := addrPortOf(ln.Addr())
	return &streamListener{layer: l, entry: a.entry, iface: a.iface, proto: a.proto, ln: ln, bound: bound, local: a.advertised(bound)}
}

// accept takes connections until the listener is closed. No fault of accept ends it
// otherwise: out of descriptors it waits and tries again.
func (s *streamListener) accept(ctx context.Context) {
	const least, most = 5 * time.Millisecond, time.Second
	wait := time.Duration(0)
	for {
		conn, err := s.ln.Accept()
		if err == nil {
			wait = 0
			s.layer.admit(s, conn)
			continue
		}
		if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
			return
		}
		s.layer.count.drop(DropAcceptError)
		if wait == 0 {
			s.layer.log.Warn("sip accept failed, trying again", "listener", s.entry, "error", err)
		}
		wait = min(max(2*wait, least), most)
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// admit starts an accepted connection. At a cap a stranger's connection ends for it, or it is refused.
func (l *Layer) admit(s *streamListener, conn net.Conn) {
	remote := addrPortOf(conn.RemoteAddr())
	source := sourceKey(remote.Addr())
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ctx == nil {
		conn.Close()
		return
	}
	c := l.newStreamConn(s, remote)
	c.accepted, c.source = true, source
	if s.proto == TCP {
		if !l.roomFor(source) {
			conn.Close()
			return
		}
		l.caps.addAccepted(c)
	} else {
		l.roomForHandshake(source)
		l.caps.addHandshake(c)
	}
	c.attach(conn)
	l.start(c)
}

// establish counts an accepted connection whose handshake is over among the others. It is false when there is no
// room for it, or when it had to give way meanwhile.
func (l *Layer) establish(c *streamConn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.caps.all[c]; !ok || !l.roomFor(c.source) {
		return false
	}
	l.caps.addAccepted(c)
	return true
}

// roomForHandshake ends the oldest unfinished handshake where there are too many; l.mu is held.
func (l *Layer) roomForHandshake(source netip.Addr) {
	if l.caps.handshaking(source) >= l.limits.MaxHandshakesPerSource {
		l.count.drop(DropHandshakeLimit)
		l.caps.evictHandshake(source)
	}
	if l.caps.handshakes.Len() >= l.limits.MaxHandshakes {
		l.count.drop(DropHandshakeLimit)
		l.caps.evictHandshake(netip.Addr{})
	}
}

// roomFor is room for a connection from a source, which has a cap of its own; l.mu is held.
func (l *Layer) roomFor(source netip.Addr) bool {
	if l.caps.count(source) >= l.limits.MaxConnectionsPerSource {
		l.count.drop(DropSourceLimit)
		if !l.caps.evict(source) {
			return false
		}
	}
	return l.room()
}

// room reports whether another connection may be had, and makes room for it if it can; l.mu is held.
func (l *Layer) room() bool {
	if l.caps.established < l.limits.MaxConnections {
		return true
	}
	l.count.drop(DropConnLimit)
	return l.caps.evict(netip.Addr{})
}

// dial returns the flow of the connection dialled to t, starting one if there is none.
func (l *Layer) dial(t Target) (*Flow, error) {
	var fits []*streamListener
	for _, s := range l.listeners {
		if s.proto == t.Proto {
			fits = append(fits, s)
		}
	}
	s, err := pick(l, fits, t.Addr.Addr(), func(s *streamListener) netip.Addr { return s.bound.Addr() })
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closing.Load() {
		return nil, ErrStopped
	}
	if c := l.dialled[t]; c != nil && !c.Closed() {
		return &c.flow, nil
	}
	if !l.room() {
		return nil, ErrTooManyConnections
	}
	c := l.newStreamConn(s, t.Addr)
	c.target, c.source = t, s.bound.Addr()
	l.caps.addDialled(c)
	l.dialled[t] = c
	if l.ctx != nil {
		l.start(c)
	}
	return &c.flow, nil
}

// start begins a connection's life; l.mu is held and Run is running.
func (l *Layer) start(c *streamConn) {
	c.handler, c.wg = l.handler, l.wg
	ctx := l.ctx
	c.wg.Go(l.faults.Guard(placeConnection, func() { c.run(ctx) }))
}

// forget removes an ended connection from the tables.
func (l *Layer) forget(c *streamConn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.caps.remove(c)
	if !c.accepted && l.dialled[c.target] == c {
		delete(l.dialled, c.target)
	}
}

// pause waits, at most until the layer stops.
func (l *Layer) pause(d time.Duration) {
	l.mu.Lock()
	ctx := l.ctx
	l.mu.Unlock()
	if ctx == nil {
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func addrPortOf(a net.Addr) netip.AddrPort {
	if t, ok := a.(*net.TCPAddr); ok {
		ap := t.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}
