package transport

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/koppelfeld/koppelfeld/sip/message"
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
	source   netip.Addr // counted in layer.sources when accepted
	target   Target     // when dialled

	mu       sync.Mutex
	conn     net.Conn        // nil while dialling
	raw      syscall.RawConn // for a direct non-blocking write; nil when the connection has none
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

func (l *Layer) newStreamConn(h Handler, wg *sync.WaitGroup, proto Proto, local, remote netip.AddrPort) *streamConn {
	c := &streamConn{layer: l, handler: h, wg: wg, proto: proto, local: local, done: make(chan struct{})}
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
	c.tryN, c.tryErr = syscall.Write(int(fd), c.tryBytes)
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
		c.read()
	} else if err := c.open(ctx); err != nil {
		c.close(err)
	} else {
		c.read()
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

const (
	streamBuffer = 4 << 10 // first size of the read buffer
	shrinkAfter  = 16      // messages that would have fitted the first size
)

// streamReader cuts a connection's bytes into messages.
type streamReader struct {
	c       *streamConn
	buf     []byte
	start   int // first byte not consumed
	end     int // end of the bytes read
	scanned int // no end of header before this
	header  bool
	crlf    int // CR and LF bytes since the last message
	small   int // messages in a row for which the first buffer size would do
	valid   bool
	opened  time.Time
	begun   time.Time // when the message in the buffer began, zero if none has
	budget  bucket
}

// read reads until the connection ends.
func (c *streamConn) read() {
	r := &streamReader{c: c, buf: make([]byte, streamBuffer), valid: !c.accepted, opened: time.Now()}
	for {
		r.makeRoom()
		drop := r.setDeadline()
		n, err := c.conn.Read(r.buf[r.end:])
		r.end += n
		if n > 0 {
			if ferr := r.consume(); ferr != nil {
				c.layer.count.drop(DropFraming)
				c.close(ferr)
				return
			}
		}
		if err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				c.layer.count.drop(drop)
			}
			c.close(err)
			return
		}
	}
}

// makeRoom keeps the buffer as small as the traffic allows.
func (r *streamReader) makeRoom() {
	if r.start == r.end {
		r.start, r.end, r.scanned = 0, 0, 0
		if len(r.buf) > streamBuffer && r.small >= shrinkAfter {
			r.buf = make([]byte, streamBuffer)
		}
		return
	}
	if r.end < len(r.buf) {
		return
	}
	if r.start > 0 {
		copy(r.buf, r.buf[r.start:r.end])
		r.end -= r.start
		r.scanned -= r.start
		r.start = 0
	}
	if r.end > len(r.buf)/2 {
		grown := make([]byte, min(2*len(r.buf), r.c.layer.limits.MaxMessage+streamBuffer))
		copy(grown, r.buf[:r.end])
		r.buf = grown
	}
}

// setDeadline arms the deadline that applies and returns what it means when it passes.
func (r *streamReader) setDeadline() Drop {
	lim := &r.c.layer.limits
	at, drop := time.Now().Add(lim.Idle), DropIdle
	if !r.begun.IsZero() {
		at, drop = r.begun.Add(lim.WholeMessage), DropIncomplete
	}
	if first := r.opened.Add(lim.FirstMessage); !r.valid && first.Before(at) {
		at, drop = first, DropFirstMessage
	}
	_ = r.c.conn.SetReadDeadline(at)
	return drop
}

// consume takes whole messages and keep-alives out of the buffer.
func (r *streamReader) consume() error {
	for {
		r.keepAlives()
		if r.start == r.end {
			r.begun = time.Time{}
			return nil
		}
		if r.begun.IsZero() {
			r.begun = time.Now()
		}
		r.findHeader()
		if !r.header {
			if r.end-r.start > r.c.layer.limits.MaxMessage {
				return errors.New("header too large")
			}
			return nil
		}
		n, _, err := message.Frame(r.buf[r.start:r.end], r.c.layer.limits.MaxMessage)
		if err != nil {
			return err
		}
		if n == 0 {
			return nil
		}
		b := bytes.Clone(r.buf[r.start : r.start+n])
		r.start += n
		r.header, r.scanned, r.begun = false, r.start, time.Time{}
		if r.small++; n > streamBuffer {
			r.small = 0
		}
		if !r.deliver(b) {
			return net.ErrClosed
		}
	}
}

// findHeader looks for the empty line, each byte once: a peer that sends byte by byte costs no more.
func (r *streamReader) findHeader() {
	for i := max(r.scanned, r.start); !r.header; {
		nl := bytes.IndexByte(r.buf[i:r.end], '\n')
		if nl < 0 {
			r.scanned = r.end
			return
		}
		i += nl
		rest := r.buf[i+1 : r.end]
		switch {
		case len(rest) == 0 || len(rest) == 1 && rest[0] == '\r':
			r.scanned = i // decided by what comes
			return
		case rest[0] == '\n' || rest[0] == '\r' && rest[1] == '\n':
			r.header = true
		}
		i++
	}
}

// keepAlives drops CR and LF between messages and answers each double CRLF with one
// (RFC 5626 section 4.4.1).
func (r *streamReader) keepAlives() {
	for r.start < r.end && (r.buf[r.start] == '\r' || r.buf[r.start] == '\n') {
		r.start++
		if r.crlf++; r.crlf == 4 {
			r.crlf = 0
			r.c.layer.count.traffic(r.c.proto).keepAlives.Add(1)
			if r.spend(1) {
				_ = r.c.SendTo([]byte("\r\n"), r.c.flow.remote) // a closed connection shows in Read
			}
		}
	}
	if r.start < r.end {
		r.crlf = 0
	}
	r.scanned = max(r.scanned, r.start)
}

// deliver parses one message and hands it on. It returns false when the connection has ended.
func (r *streamReader) deliver(b []byte) bool {
	c, count := r.c, r.c.layer.count
	if !r.spend(1) {
		return false
	}
	size := len(b)
	m, err := message.Parse(b)
	if m != nil && m.IsRequest() {
		m.SetReceived(c.flow.remote.Addr(), c.flow.remote.Port())
	}
	if err == nil {
		r.valid = true
		count.traffic(c.proto).in(size)
		c.handler.Receive(Inbound{Msg: m, Flow: &c.flow})
		return true
	}
	var perr *message.ParseError
	if errors.As(err, &perr) {
		if b := c.layer.refusal(m, perr, time.Now()); b != nil {
			count.drop(DropRefused)
			_ = c.SendTo(b, c.flow.remote) // a closed connection shows in Read
			return r.spend(costGarbage)
		}
	}
	count.drop(DropMalformed)
	return r.spend(costGarbage)
}

// spend takes from the connection's budget and waits when it is used up, which makes the peer wait
// as well. It returns false when the connection ended meanwhile.
func (r *streamReader) spend(cost float64) bool {
	lim := &r.c.layer.limits
	for !r.budget.take(time.Now(), min(cost, float64(lim.SourceBurst)), float64(lim.SourceRate), float64(lim.SourceBurst)) {
		r.c.layer.count.drop(DropRate)
		select {
		case <-r.c.done:
			return false
		case <-time.After(20 * time.Millisecond):
		}
	}
	return true
}
