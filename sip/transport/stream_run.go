package transport

import (
	"context"
	"errors"
	"net"
	"os"
	"time"
)

// run is the connection's life.
func (c *streamConn) run(ctx context.Context) {
	told := true // after a fault it is not known who has heard of the flow
	c.layer.faults.Guard(placeConnection, func() { told = c.live(ctx) }, c.broken)()
	c.layer.forget(c)
	if !told {
		return
	}
	c.mu.Lock()
	reason := c.reason
	c.mu.Unlock()
	c.handler.FlowClosed(&c.flow, reason)
}

// live opens the connection as far as is left to do, and reads until it ends. It is false when nobody can have
// heard of the flow: a handshake that came to nothing.
func (c *streamConn) live(ctx context.Context) bool {
	if !c.accepted {
		if err := c.dial(ctx); err != nil {
			c.close(err)
			return true
		}
	}
	r, rest, err := c.handshake()
	switch {
	case err != nil:
		c.countHandshake(err)
		c.close(err)
		return !c.accepted
	case c.accepted && c.proto != TCP && !c.layer.establish(c):
		c.close(errGaveWay)
		return false
	}
	if err := c.open(); err != nil {
		c.close(err)
		return true
	}
	r.run(rest)
	return true
}

// handshake does what is to be done before messages can pass, within the limit for that. It returns the
// connection's reader and what it has read already.
func (c *streamConn) handshake() (r *streamReader, rest []byte, err error) {
	if c.proto == TCP {
		return newStreamReader(c), nil, nil
	}
	_ = c.conn.SetReadDeadline(time.Now().Add(c.layer.limits.Handshake)) // a closed connection shows in the read
	if c.proto.Secure() {
		if err := c.handshakeTLS(); err != nil {
			return nil, nil, err
		}
	}
	r = newStreamReader(c)
	if c.proto.websocket() {
		rest, err = c.upgrade(r)
	}
	return r, rest, err
}

// countHandshake counts a handshake that failed.
func (c *streamConn) countHandshake(err error) {
	c.mu.Lock()
	ended := c.closed // by a cap, which has counted it, or by the end of the layer
	c.mu.Unlock()
	switch {
	case ended:
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.layer.count.drop(DropHandshakeTimeout)
	default:
		c.layer.count.drop(DropHandshake)
	}
}

// dial opens the connection to the target.
func (c *streamConn) dial(ctx context.Context) error {
	if c.connected() { // see Layer.Connect
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.layer.limits.Dial)
	defer cancel()
	conn, err := c.layer.network.Dial(ctx, c.source, c.target.Addr)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		conn.Close()
		return net.ErrClosed
	}
	c.attach(conn)
	c.startWriter()
	return nil
}
