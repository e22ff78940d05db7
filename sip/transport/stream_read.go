package transport

import (
	"cmp"
	"errors"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/gobwas/ws"

	"github.com/koppelfeld/koppelfeld/sip/message"
)

// readBuffers lends buffers to connections while they read: an idle one holds none.
type readBuffers struct{ pool sync.Pool }

const readBufferSize = 16 << 10

func (p *readBuffers) get() *[readBufferSize]byte {
	if b, ok := p.pool.Get().(*[readBufferSize]byte); ok {
		return b
	}
	return new([readBufferSize]byte)
}

// streamReader cuts a connection's bytes into messages.
type streamReader struct {
	c      *streamConn
	framer message.Framer
	valid  bool      // a valid message has come, or we dialled
	opened time.Time // start of the connection
	begun  time.Time // when the incomplete message began, zero if there is none
	budget bucket

	own   *[readBufferSize]byte // for connections without a descriptor
	first [1]byte               // where TLS waits for its next byte
	got   *[readBufferSize]byte // borrowed, with n bytes in it
	n     int
	err   error
	ws    *wsReader // nil when messages come without frames
	pings int       // of ours, since the last byte from the peer
	readF func(fd uintptr) bool
}

func newStreamReader(c *streamConn) *streamReader {
	r := &streamReader{c: c, valid: !c.accepted, opened: time.Now()}
	r.framer.MaxSize = c.layer.limits.MaxMessage
	if c.raw == nil && c.tls == nil {
		r.own = new([readBufferSize]byte)
	}
	r.readF = r.tryRead
	if c.proto.websocket() {
		r.ws = &wsReader{limit: c.layer.limits.MaxMessage}
	}
	return r
}

// run reads until the connection ends; b is what has been read already.
func (r *streamReader) run(b []byte) {
	c := r.c
	if err := r.take(b); err != nil {
		c.finish(err)
		return
	}
	for {
		drop := r.setDeadline()
		b, err := r.read()
		if terr := r.take(b); terr != nil {
			c.finish(terr)
			return
		}
		if err == nil {
			continue
		}
		r.release()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			if drop == dropPing && r.ping() {
				continue
			}
			c.layer.count.drop(cmp.Or(drop, DropIdle))
		}
		c.close(err)
		return
	}
}

// dropPing is no drop: the peer is to be asked whether it is there.
const dropPing Drop = ""

// mostPings is how many pings of ours a peer may leave unanswered.
const mostPings = 3

// ping asks a WebSocket peer for a sign of life. It is false when there was none for too long.
func (r *streamReader) ping() bool {
	if r.pings == mostPings {
		return false
	}
	r.pings++
	return !errors.Is(r.c.sendControl(ws.OpPing, nil), ErrFlowClosed)
}

// take hands on what was read and gives the buffer back.
func (r *streamReader) take(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	r.pings = 0
	if r.ws != nil {
		r.ws.Write(b)
		r.release()
		return r.consumeFrames()
	}
	r.framer.Write(b)
	r.release()
	return r.consume()
}

// read waits for bytes; the buffer is to be given back with release.
func (r *streamReader) read() ([]byte, error) {
	if r.c.tls != nil {
		return r.readTLS()
	}
	if r.own != nil {
		n, err := r.c.conn.Read(r.own[:])
		return r.own[:n], err
	}
	r.n, r.err = 0, nil
	if err := r.c.raw.Read(r.readF); err != nil {
		return nil, err
	}
	if r.err == nil && r.n == 0 {
		return nil, io.EOF
	}
	if r.err != nil {
		return nil, r.err
	}
	return r.got[:r.n], nil
}

// readTLS waits for one byte, and borrows a buffer only for what has come with it.
func (r *streamReader) readTLS() ([]byte, error) {
	n, err := r.c.tls.Read(r.first[:])
	if n == 0 {
		return nil, err
	}
	r.got = r.c.layer.buffers.get()
	r.got[0] = r.first[0]
	r.c.noWait = true
	n, err = r.c.tls.Read(r.got[1:])
	r.c.noWait = false
	if errors.Is(err, errNothingYet) {
		err = nil
	}
	return r.got[:1+n], err
}

// tryRead is called when the descriptor may be readable and borrows a buffer for the call only.
func (r *streamReader) tryRead(fd uintptr) bool {
	r.got = r.c.layer.buffers.get()
	for {
		n, err := readNow(fd, r.got[:])
		switch err {
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
			r.release()
			return false
		}
		r.n, r.err = max(n, 0), err
		return true
	}
}

func (r *streamReader) release() {
	if r.got != nil {
		r.c.layer.buffers.pool.Put(r.got)
		r.got = nil
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
	if r.ws != nil {
		if ping := time.Now().Add(lim.Ping); ping.Before(at) {
			at, drop = ping, dropPing
		}
	}
	_ = r.c.conn.SetReadDeadline(at) // a closed connection shows in the read
	return drop
}

// consume takes whole messages and keep-alives out of the framer.
func (r *streamReader) consume() error {
	for {
		msg, pings, err := r.framer.Next()
		for range pings {
			if err := r.pong(); err != nil {
				return err
			}
		}
		if err != nil {
			r.c.layer.count.drop(DropFraming)
			r.refuseRest(msg, err)
			return err
		}
		if msg == nil {
			r.markBegun(r.framer.Buffered() > 0)
			return nil
		}
		r.begun = time.Time{}
		if err := r.deliver(msg); err != nil {
			return err
		}
	}
}

// refuseRest answers a message whose end cannot be found, before the connection ends (RFC 4475 section 3.1.2.3).
func (r *streamReader) refuseRest(head []byte, err error) {
	if head == nil {
		return
	}
	refusal := &message.ParseError{Status: 400, Reason: "Unusable Content-Length"}
	if errors.Is(err, message.ErrTooLarge) {
		refusal = &message.ParseError{Status: 513, Reason: "Message Too Large"}
	}
	m, _ := message.Parse(head) // what else is wrong with it does not matter any more
	if b := r.c.layer.refusal(m, refusal, time.Now()); b != nil {
		r.c.layer.count.drop(DropRefused)
		_ = r.c.SendTo(b, r.c.flow.remote)
	}
}

// markBegun notes when the message began that is not complete.
func (r *streamReader) markBegun(incomplete bool) {
	switch {
	case !incomplete:
		r.begun = time.Time{}
	case r.begun.IsZero():
		r.begun = time.Now()
	}
}

// pong answers a double CRLF with one CRLF (RFC 5626 section 4.4.1).
func (r *streamReader) pong() error {
	r.c.layer.count.traffic(r.c.proto).keepAlives.Add(1)
	if err := r.spend(1); err != nil {
		return err
	}
	if err := r.c.SendTo([]byte("\r\n"), r.c.flow.remote); errors.Is(err, ErrFlowClosed) {
		return err
	}
	return nil
}

// deliver parses one message and hands it on. Only the end of the connection is an error.
func (r *streamReader) deliver(b []byte) error {
	defer r.c.layer.survive(b, r.c.flow.remote)
	c, count := r.c, r.c.layer.count
	if err := r.spend(1); err != nil {
		return err
	}
	size := len(b)
	c.layer.tapIn(c.proto, c.local, c.flow.remote, b)
	m, err := message.Parse(b)
	if m != nil && m.IsRequest() {
		m.SetReceived(c.flow.remote.Addr(), c.flow.remote.Port())
	}
	if err == nil {
		r.valid = true
		count.traffic(c.proto).in(size)
		c.handler.Receive(Inbound{Msg: m, Flow: &c.flow})
		return nil
	}
	var perr *message.ParseError
	if errors.As(err, &perr) {
		if b := c.layer.refusal(m, perr, time.Now()); b != nil {
			count.drop(DropRefused)
			_ = c.SendTo(b, c.flow.remote) // a closed connection shows in the next read
			return r.spend(costGarbage)
		}
	}
	count.drop(DropMalformed)
	return r.spend(costGarbage)
}

// spend takes from the connection's budget and waits when it is used up, which makes the peer
// wait as well. It returns an error when the connection ended meanwhile.
func (r *streamReader) spend(cost float64) error {
	lim := &r.c.layer.limits
	rate, burst := float64(lim.SourceRate), float64(lim.SourceBurst)
	for !r.budget.take(time.Now(), min(cost, burst), rate, burst) {
		r.c.layer.count.drop(DropRate)
		select {
		case <-r.c.done:
			return ErrFlowClosed
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}
