package transport

import (
	"context"
	"net/netip"
	"time"
)

// Connect finds out whether a target takes connections: it opens one, or takes the one that is open, and
// tells done within the given time, on another goroutine, with the flow or why there is none. FlowTo returns the same
// flow from then on. An error means that done is never called.
func (l *Layer) Connect(t Target, within time.Duration, done func(*Flow, error)) error {
	t, err := l.streamTarget(t)
	if err != nil {
		return err
	}
	s, err := l.listenerFor(t)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ctx == nil {
		return ErrStopped
	}
	ctx := l.ctx
	l.wg.Go(l.faults.Guard(placeConnect, func() {
		ctx, cancel := context.WithTimeout(ctx, within)
		defer cancel()
		f, err := (*Flow)(nil), errFault
		l.faults.Guard(placeConnect, func() { f, err = l.connect(ctx, t, s) })()
		done(f, err)
	}))
	return nil
}

// streamTarget is a target as connections are found by: with a name over TLS only. WebSocket clients are no targets.
func (l *Layer) streamTarget(t Target) (Target, error) {
	switch {
	case t.Proto.websocket():
		return t, ErrNoDial
	case !t.Proto.Secure():
		t.Name = ""
	case l.certs == nil:
		return t, ErrNoTLS
	}
	t.Addr, t.Local = netip.AddrPortFrom(t.Addr.Addr().Unmap(), t.Addr.Port()), netip.AddrPort{}
	return t, nil
}

// connect opens a connection and makes it the one to the target.
func (l *Layer) connect(ctx context.Context, t Target, s *streamListener) (*Flow, error) {
	l.mu.Lock()
	if c := l.dialled[t]; c != nil && c.connected() {
		l.mu.Unlock()
		return &c.flow, nil
	}
	l.mu.Unlock()
	conn, err := l.network.Dial(ctx, s.bound.Addr(), t.Addr)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ctx == nil {
		conn.Close()
		return nil, ErrStopped
	}
	if c := l.dialled[t]; c != nil && !c.Closed() { // somebody was faster
		conn.Close()
		return &c.flow, nil
	}
	if !l.room() {
		conn.Close()
		return nil, ErrTooManyConnections
	}
	c := l.newStreamConn(s, t.Addr)
	c.target, c.source = t, s.bound.Addr()
	c.attach(conn)
	l.caps.addDialled(c)
	l.dialled[t] = c
	l.start(c)
	return &c.flow, nil
}

// connected reports whether the connection is open, not just being opened.
func (c *streamConn) connected() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.closed && c.conn != nil
}

// listenerFor is the listener from whose address a connection to the target leaves.
func (l *Layer) listenerFor(t Target) (*streamListener, error) {
	var fits []*streamListener
	for _, s := range l.listeners {
		if s.proto == t.Proto {
			fits = append(fits, s)
		}
	}
	return pick(l, fits, t.Addr.Addr(), func(s *streamListener) netip.Addr { return s.bound.Addr() })
}
