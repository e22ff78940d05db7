package transport

import (
	"context"
	"net"
)

// run is the connection's life.
func (c *streamConn) run(ctx context.Context) {
	told := c.live(ctx)
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
		if err := c.open(ctx); err != nil {
			c.close(err)
			return true
		}
	}
	if c.proto != TCP {
		if err := c.handshake(); err != nil {
			c.countHandshake(err)
			c.close(err)
			return !c.accepted
		}
		if c.accepted && !c.layer.establish(c) {
			c.close(errGaveWay)
			return false
		}
		if err := c.sendEarly(); err != nil {
			c.close(err)
			return true
		}
	}
	newStreamReader(c).run()
	return true
}

// open dials the target.
func (c *streamConn) open(ctx context.Context) error {
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
