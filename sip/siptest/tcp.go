package siptest

import (
	"io"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"
)

// listener accepts connections in memory.
type listener struct {
	net   *Network
	local netip.AddrPort
	queue chan *conn
	done  chan struct{}
	once  sync.Once
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.queue:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *listener) Addr() net.Addr { return net.TCPAddrFromAddrPort(l.local) }

func (l *listener) Close() error {
	l.once.Do(func() {
		l.net.mu.Lock()
		delete(l.net.listeners, l.local)
		l.net.mu.Unlock()
		close(l.done)
		for {
			select {
			case c := <-l.queue:
				c.reset(syscall.ECONNRESET)
			default:
				return
			}
		}
	})
	return nil
}

// window is how many bytes a connection holds on their way before Write waits.
const window = 64 << 10

// conn is one end of a connection in memory.
type conn struct {
	net           *Network
	local, remote netip.AddrPort
	in            *queue
	peer          *conn

	mu            sync.Mutex
	rest          []byte // of the packet being read
	readDeadline  time.Time
	writeDeadline time.Time
	last          time.Time // arrival of the last packet sent: streams keep their order
	closed        bool
}

// pipe makes both ends of a connection.
func (n *Network) pipe(a, b netip.AddrPort) (*conn, *conn) {
	x := &conn{net: n, local: a, remote: b, in: newQueue()}
	y := &conn{net: n, local: b, remote: a, in: newQueue()}
	x.peer, y.peer = y, x
	n.mu.Lock()
	defer n.mu.Unlock()
	n.conns[x], n.conns[y] = struct{}{}, struct{}{}
	return x, y
}

func (c *conn) LocalAddr() net.Addr  { return net.TCPAddrFromAddrPort(c.local) }
func (c *conn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.remote) }

func (c *conn) Read(b []byte) (int, error) {
	for {
		c.mu.Lock()
		if len(c.rest) > 0 {
			n := copy(b, c.rest)
			c.rest = c.rest[n:]
			c.mu.Unlock()
			return n, nil
		}
		deadline := c.readDeadline
		c.mu.Unlock()
		p, err := c.in.take(deadline)
		if err != nil {
			return 0, err
		}
		c.mu.Lock()
		c.rest = p.data
		c.mu.Unlock()
	}
}

func (c *conn) Write(b []byte) (int, error) {
	c.mu.Lock()
	deadline, closed := c.writeDeadline, c.closed
	c.mu.Unlock()
	if closed {
		return 0, net.ErrClosed
	}
	if err := c.peer.in.room(window, deadline); err != nil {
		if err == io.EOF || err == net.ErrClosed {
			err = syscall.EPIPE
		}
		return 0, err
	}
	n := c.net
	n.mu.Lock()
	defer n.mu.Unlock()
	l := n.linkOf(c.local.Addr(), c.remote.Addr())
	now := time.Now()
	note := ""
	c.mu.Lock()
	defer c.mu.Unlock()
	due := now.Add(l.Delay)
	if l.Jitter > 0 {
		due = due.Add(time.Duration(n.rng.Int64N(int64(l.Jitter))))
	}
	if due.Before(c.last) {
		due = c.last
	}
	if l.Down {
		due, note = now.Add(1000*time.Hour), "link down"
	}
	c.last = due
	if n.filter != nil && !n.filter(c.local, c.remote, b) {
		note = "filtered"
	} else {
		c.peer.in.put(packet{due: due, data: append([]byte(nil), b...)})
	}
	n.trace.add(now, "TCP", c.local, c.remote, b, note)
	return len(b), nil
}

// Close ends the connection; the peer reads what is on its way, then EOF.
func (c *conn) Close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return net.ErrClosed
	}
	c.closed = true
	c.mu.Unlock()
	c.in.close(net.ErrClosed)
	c.net.mu.Lock()
	delete(c.net.conns, c)
	down := c.net.linkOf(c.local.Addr(), c.remote.Addr()).Down
	c.net.mu.Unlock()
	if !down { // a peer behind a dead link does not hear of it
		c.peer.in.end(io.EOF)
	}
	return nil
}

// reset ends both ends with an error.
func (c *conn) reset(err error) {
	for _, e := range [...]*conn{c, c.peer} {
		e.in.close(err)
		e.net.mu.Lock()
		delete(e.net.conns, e)
		e.net.mu.Unlock()
	}
}

func (c *conn) SetDeadline(t time.Time) error {
	_ = c.SetReadDeadline(t)
	return c.SetWriteDeadline(t)
}

func (c *conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	c.readDeadline = t
	c.mu.Unlock()
	return nil
}

func (c *conn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	c.writeDeadline = t
	c.mu.Unlock()
	return nil
}
