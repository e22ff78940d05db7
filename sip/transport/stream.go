package transport

import (
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gobwas/ws"
)

// streamConn is one connection, the Link of its only flow. Its run goroutine dials (when we
// opened it), shakes hands and reads; a writer goroutine exists only while bytes wait that the kernel
// did not take at once.
type streamConn struct {
	layer    *Layer
	handler  Handler
	wg       *sync.WaitGroup
	proto    Proto
	flow     Flow
	local    netip.AddrPort
	iface    string
	accepted bool
	source   netip.Addr  // what an accepted one is counted by; where a dialled one leaves from
	target   Target      // when dialled
	proved   atomic.Bool // see Flow.Prove
	place    place       // guarded by Layer.mu
	counted  bool        // among the established ones; guarded by Layer.mu
	noWait   bool        // the reader's: see wire

	// sendMu keeps messages in order on their way through TLS and WebSocket; it is taken before mu. Plain TCP does
	// without.
	sendMu sync.Mutex
	tls    *tls.Conn // nil until its handshake is over
	framed bool      // WebSocket: what is sent goes into frames
	ready  bool      // the handshake is over
	early  []byte    // messages that wait for that

	mu       sync.Mutex
	conn     net.Conn        // nil while dialling
	raw      syscall.RawConn // for direct reads and writes; nil when the connection has none
	pending  []byte          // waits for the writer
	inFlight int             // bytes the writer is writing
	writing  bool
	done     chan struct{} // closed when the connection ends
	closed   bool
	linger   bool // closed, and the writer closes the socket after the last bytes
	reason   error

	// The direct write's arguments and result; the function is made once.
	tryBytes []byte
	tryN     int
	tryErr   error
	tryFn    func(fd uintptr) bool
}

// lingerFor bounds how long the last bytes of a connection that we end may take.
const lingerFor = time.Second

func (l *Layer) newStreamConn(s *streamListener, remote netip.AddrPort) *streamConn {
	c := &streamConn{layer: l, proto: s.proto, local: s.local, iface: s.iface, done: make(chan struct{})}
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

// SendTo sends one message: what the kernel takes at once is written, the rest is queued.
func (c *streamConn) SendTo(b []byte, _ netip.AddrPort) error {
	if c.proto != TCP {
		return c.sendLayered(b)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.room(len(b)); err != nil {
		return err
	}
	if err := c.put(b); err != nil {
		return err
	}
	c.layer.count.traffic(c.proto).out(len(b))
	c.layer.tapOut(c.proto, c.local, c.flow.remote, b)
	return nil
}

// sendLayered sends one message through TLS or WebSocket, or both. Encryption costs time but waits for nobody.
func (c *streamConn) sendLayered(b []byte) error {
	c.sendMu.Lock()
	defer c.sendMu.Unlock()
	c.mu.Lock()
	err := c.room(len(b))
	c.mu.Unlock()
	if err != nil {
		return err
	}
	switch {
	case !c.ready:
		if len(c.early)+len(b) > c.layer.limits.MaxQueue {
			c.layer.count.drop(DropSendQueue)
			return ErrQueueFull
		}
		c.early = append(c.early, b...)
	case c.framed:
		err = c.sendFrame(messageOp(b), b)
	default:
		err = c.transmit(b)
	}
	if err != nil {
		return ErrFlowClosed
	}
	c.layer.count.traffic(c.proto).out(len(b))
	c.layer.tapOut(c.proto, c.local, c.flow.remote, b)
	return nil
}

// transmit sends bytes, through TLS if there is; c.sendMu is held.
func (c *streamConn) transmit(b []byte) error {
	if c.tls != nil {
		_, err := c.tls.Write(b)
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.put(b)
}

// open sends what has waited for the handshake, and lets all that follows pass.
func (c *streamConn) open() error {
	c.sendMu.Lock()
	defer c.sendMu.Unlock()
	b := c.early
	c.early, c.ready = nil, true
	if len(b) == 0 {
		return nil
	}
	return c.transmit(b)
}

// room reports whether n more bytes may wait; c.mu is held.
func (c *streamConn) room(n int) error {
	if c.closed {
		return ErrFlowClosed
	}
	if waiting := len(c.pending) + c.inFlight; waiting > 0 && waiting+n > c.layer.limits.MaxQueue {
		c.layer.count.drop(DropSendQueue)
		return ErrQueueFull
	}
	return nil
}

// put writes at once what the kernel takes and queues the rest; c.mu is held.
func (c *streamConn) put(b []byte) error {
	if c.closed {
		return ErrFlowClosed
	}
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
	if len(b) == 0 {
		return nil
	}
	// Messages have been let in by room; beyond that there are only the answers that TLS makes by itself.
	if len(c.pending)+c.inFlight+len(b) > 2*c.layer.limits.MaxQueue+maxMessageOverhead {
		c.layer.count.drop(DropSendQueue)
		c.closeLocked(ErrQueueFull)
		return ErrFlowClosed
	}
	c.pending = append(c.pending, b...)
	c.startWriter()
	return nil
}

// maxMessageOverhead is more than one message of the greatest size takes, records included.
const maxMessageOverhead = 128 << 10

// startWriter starts the writer when there is work for it; c.mu is held.
func (c *streamConn) startWriter() {
	if c.conn != nil && !c.writing && !c.closed && len(c.pending) > 0 {
		c.writing = true
		c.wg.Go(c.layer.faults.Guard(placeConnection, c.write, c.broken))
	}
}

// write empties the queue and ends.
func (c *streamConn) write() {
	for {
		c.mu.Lock()
		b := c.pending
		c.pending, c.inFlight = nil, len(b)
		if len(b) == 0 || c.closed && !c.linger {
			c.writing, c.inFlight = false, 0
			if c.linger {
				c.conn.Close()
			}
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
		for len(b) > 0 {
			// The deadline is for headway, not for the whole queue.
			if !c.writeDeadline() {
				break
			}
			n, err := c.conn.Write(b[:min(len(b), 16<<10)])
			b = b[n:]
			if err != nil {
				c.writeFailed(err)
				break
			}
		}
	}
}

// writeDeadline arms the deadline of the next write. It is false when the connection has ended for good.
func (c *streamConn) writeDeadline() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !c.closed:
		_ = c.conn.SetWriteDeadline(time.Now().Add(c.layer.limits.Write))
	case !c.linger:
		return false
	}
	return true
}

func (c *streamConn) writeFailed(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.linger {
		c.linger, c.pending = false, nil
		c.conn.Close()
		return
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.layer.count.drop(DropWriteTimeout)
	}
	c.closeLocked(err)
}

// close ends the connection; the first reason counts. The reader reports it. The peer of a TLS or WebSocket connection
// is told, as far as it reads.
func (c *streamConn) close(reason error) {
	if c.proto == TCP {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.closeLocked(reason)
		return
	}
	c.sendMu.Lock()
	defer c.sendMu.Unlock()
	if c.framed {
		_ = c.sendFrame(ws.OpClose, ws.NewCloseFrameBody(closeCode(reason), ""))
	}
	if c.tls != nil {
		_ = c.tls.CloseWrite()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.finishLocked(reason)
}

// finish is close for a connection over which something may have been said at last.
func (c *streamConn) finish(reason error) {
	if c.proto != TCP {
		c.close(reason)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.finishLocked(reason)
}

// finishLocked ends the connection as soon as what waits has been written; c.mu is held.
func (c *streamConn) finishLocked(reason error) {
	if c.closed {
		return
	}
	if len(c.pending)+c.inFlight == 0 {
		c.closeLocked(reason)
		return
	}
	c.closed, c.linger, c.reason = true, true, reason
	close(c.done)
	now := time.Now()
	_ = c.conn.SetReadDeadline(now) // wakes the reader
	_ = c.conn.SetWriteDeadline(now.Add(lingerFor))
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
