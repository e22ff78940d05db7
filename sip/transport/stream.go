package transport

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// streamConn is one connection, the Link of its only flow. Its run goroutine dials (when we
// opened it) and reads; a writer goroutine exists only while bytes wait that the kernel
// did not take at once.
type streamConn struct {
	layer    *Layer
	handler  Handler
	wg       *sync.WaitGroup
	proto    Proto
	flow     Flow
	local    netip.AddrPort
	accepted bool
	source   netip.Addr  // what an accepted one is counted by; where a dialled one leaves from
	target   Target      // when dialled
	proved   atomic.Bool // see Flow.Prove
	place    place       // guarded by Layer.mu

	mu       sync.Mutex
	conn     net.Conn        // nil while dialling
	raw      syscall.RawConn // for direct reads and writes; nil when the connection has none
	pending  []byte          // waits for the writer
	inFlight int             // bytes the writer is writing
	writing  bool
	done     chan struct{} // closed when the connection ends
	closed   bool
	reason   error

	// The direct write's arguments and result; the function is made once.
	tryBytes []byte
	tryN     int
	tryErr   error
	tryFn    func(fd uintptr) bool
}

func (l *Layer) newStreamConn(proto Proto, local, remote netip.AddrPort) *streamConn {
	c := &streamConn{layer: l, proto: proto, local: local, done: make(chan struct{})}
	c.flow = Flow{link: c, remote: remote}
	return c
}

// Proto is the connection's protocol.
func (c *streamConn) Proto() Proto { return c.proto }

// Local is the advertised address.
func (c *streamConn) Local() netip.AddrPort { return c.local }

// Closed reports whether the connection has ended.
func (c *streamConn) Closed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// attach gives the connection its socket.
func (c *streamConn) attach(conn net.Conn) {
	c.conn = conn
	if sc, ok := conn.(syscall.Conn); ok {
		if raw, err := sc.SyscallConn(); err == nil {
			c.raw, c.tryFn = raw, c.tryWrite
		}
	}
}

func (c *streamConn) tryWrite(fd uintptr) bool {
	c.tryN, c.tryErr = writeNow(fd, c.tryBytes)
	return true
}

// SendTo writes at once what the kernel takes and queues the rest.
func (c *streamConn) SendTo(b []byte, _ netip.AddrPort) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return ErrFlowClosed
	}
	size := len(b)
	if c.raw != nil && !c.writing {
		c.tryBytes, c.tryN = b, 0
		err := c.raw.Write(c.tryFn)
		c.tryBytes = nil
		if err == nil && c.tryErr != nil && c.tryErr != syscall.EAGAIN && c.tryErr != syscall.EINTR {
			err = c.tryErr
		}
		if err != nil {
			c.closeLocked(err)
			return ErrFlowClosed
		}
		b = b[max(c.tryN, 0):]
	}
	if len(b) > 0 {
		if len(b) == size && len(c.pending)+c.inFlight+len(b) > c.layer.limits.MaxQueue {
			c.layer.count.drop(DropSendQueue)
			return ErrQueueFull
		}
		c.pending = append(c.pending, b...)
		c.startWriter()
	}
	c.layer.count.traffic(c.proto).out(size)
	return nil
}

// startWriter starts the writer when there is work for it; c.mu is held.
func (c *streamConn) startWriter() {
	if c.conn != nil && !c.writing && !c.closed && len(c.pending) > 0 {
		c.writing = true
		c.wg.Go(c.write)
	}
}

// write empties the queue and ends.
func (c *streamConn) write() {
	for {
		c.mu.Lock()
		b := c.pending
		c.pending, c.inFlight = nil, len(b)
		if len(b) == 0 || c.closed {
			c.writing, c.inFlight = false, 0
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
		for len(b) > 0 {
			// The deadline is for headway, not for the whole queue.
			_ = c.conn.SetWriteDeadline(time.Now().Add(c.layer.limits.Write))
			n, err := c.conn.Write(b[:min(len(b), 16<<10)])
			b = b[n:]
			if err != nil {
				if errors.Is(err, os.ErrDeadlineExceeded) {
					c.layer.count.drop(DropWriteTimeout)
				}
				c.close(err)
				break
			}
		}
		_ = c.conn.SetWriteDeadline(time.Time{})
	}
}

// close ends the connection; the first reason counts. The reader reports it.
func (c *streamConn) close(reason error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closeLocked(reason)
}

func (c *streamConn) closeLocked(reason error) {
	if c.closed {
		return
	}
	c.closed, c.reason, c.pending = true, reason, nil
	close(c.done)
	if c.conn != nil {
		c.conn.Close()
	}
}

// run is the connection's life.
func (c *streamConn) run(ctx context.Context) {
	if c.accepted {
		newStreamReader(c).run()
	} else if err := c.open(ctx); err != nil {
		c.close(err)
	} else {
		newStreamReader(c).run()
	}
	c.layer.forget(c)
	c.mu.Lock()
	reason := c.reason
	c.mu.Unlock()
	c.handler.FlowClosed(&c.flow, reason)
}

// open dials the target.
func (c *streamConn) open(ctx context.Context) error {
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
