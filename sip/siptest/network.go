// Package siptest has what tests of SIP need: a network in memory with loss, duplicates,
// reordering and delay, and scripted phones. It is imported by tests only.
//
// A Network lives well in a testing/synctest bubble: it waits on channels and timers
// alone, so hours of calls take milliseconds. Random decisions come from a seed. The Phone is
// written on sip/message alone, not on our transaction or dialog layers, so that a fault
// of theirs shows instead of cancelling itself out.
//
// Goroutines: one per Phone, ended by its Close, which NewPhone registers with the test.
package siptest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// Link is how packets travel from one address to another. The zero value delivers
// everything at once and in order.
type Link struct {
	Delay     time.Duration // of each packet
	Jitter    time.Duration // at most this much more, evenly spread; reorders by itself
	Loss      float64       // share of datagrams lost, 0 to 1
	Duplicate float64       // share of datagrams that arrive twice
	Reorder   float64       // share of datagrams held back for ReorderBy
	ReorderBy time.Duration // 20 ms when zero
	Down      bool          // nothing passes: datagrams vanish, connections stall
}

// Network connects hosts in memory.
type Network struct {
	mu        sync.Mutex
	rng       *rand.Rand
	link      Link
	links     map[[2]netip.Addr]Link
	sockets   map[netip.AddrPort]*packetConn
	listeners map[netip.AddrPort]*listener
	conns     map[*conn]struct{}
	port      uint16
	filter    func(from, to netip.AddrPort, b []byte) bool
	trace     trace
	stalled   map[netip.Addr]bool
}

// NewNetwork makes a network whose random decisions follow from seed. When the test
// fails its ladder of messages is logged.
func NewNetwork(t testing.TB, seed uint64) *Network {
	n := &Network{
		rng: rand.New(rand.NewPCG(seed, 0x6b6f7070656c)), links: map[[2]netip.Addr]Link{}, port: 40000,
		sockets: map[netip.AddrPort]*packetConn{}, listeners: map[netip.AddrPort]*listener{}, conns: map[*conn]struct{}{},
	}
	n.trace.start = time.Now()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("ladder:\n%s", n.Ladder())
		}
	})
	return n
}

// SetDefault sets the link between all hosts that have none of their own.
func (n *Network) SetDefault(l Link) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.link = l
}

// SetLink sets the link from one host to another, in this direction.
func (n *Network) SetLink(from, to netip.Addr, l Link) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.links[[2]netip.Addr{from, to}] = l
}

// Filter sets a function that sees every datagram and write and says whether it passes; nil passes all.
// It runs under the network's lock and must not use the network.
func (n *Network) Filter(f func(from, to netip.AddrPort, b []byte) bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.filter = f
}

// StallConnections makes new connections to a host hang, as a router does that drops what it does not know.
func (n *Network) StallConnections(to netip.Addr, on bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.stalled == nil {
		n.stalled = map[netip.Addr]bool{}
	}
	n.stalled[to] = on
}

// Cut ends all connections between two hosts, as a reset does.
func (n *Network) Cut(a, b netip.Addr) {
	n.mu.Lock()
	var cut []*conn
	for c := range n.conns {
		l, r := c.local.Addr(), c.remote.Addr()
		if l == a && r == b || l == b && r == a {
			cut = append(cut, c)
		}
	}
	n.mu.Unlock()
	for _, c := range cut {
		c.reset(syscall.ECONNRESET)
	}
}

func (n *Network) linkOf(from, to netip.Addr) Link {
	if l, ok := n.links[[2]netip.Addr{from, to}]; ok {
		return l
	}
	return n.link
}

// Host is the view of the network from a host with these addresses; the first is its source address of
// that family.
func (n *Network) Host(addrs ...netip.Addr) *Host { return &Host{net: n, addrs: addrs} }

// Host implements transport.Network.
type Host struct {
	net   *Network
	addrs []netip.Addr
}

var _ transport.Network = (*Host)(nil)

// Addrs are the host's addresses.
func (h *Host) Addrs() ([]netip.Addr, error) { return h.addrs, nil }

// SourceFor is the first address of the remote's family.
func (h *Host) SourceFor(remote netip.Addr) (netip.Addr, error) {
	for _, a := range h.addrs {
		if a.Is4() == remote.Is4() {
			return a, nil
		}
	}
	return netip.Addr{}, syscall.ENETUNREACH
}

func (h *Host) own(a netip.Addr) bool {
	for _, o := range h.addrs {
		if o == a {
			return true
		}
	}
	return false
}

// freePort returns the asked port or a free one; n.mu is held.
func (n *Network) freePort(a netip.AddrPort, used func(netip.AddrPort) bool) (netip.AddrPort, error) {
	if a.Port() != 0 {
		if used(a) {
			return a, syscall.EADDRINUSE
		}
		return a, nil
	}
	for range 20000 {
		n.port++
		if n.port < 40000 {
			n.port = 40000
		}
		if p := netip.AddrPortFrom(a.Addr(), n.port); !used(p) {
			return p, nil
		}
	}
	return a, syscall.EADDRNOTAVAIL
}

// ListenPacket binds a UDP socket.
func (h *Host) ListenPacket(addr netip.AddrPort, _ int) (transport.PacketConn, error) {
	if !h.own(addr.Addr()) {
		return nil, &net.OpError{Op: "listen", Net: "udp", Addr: net.UDPAddrFromAddrPort(addr), Err: syscall.EADDRNOTAVAIL}
	}
	n := h.net
	n.mu.Lock()
	defer n.mu.Unlock()
	local, err := n.freePort(addr, func(a netip.AddrPort) bool { return n.sockets[a] != nil })
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: "udp", Addr: net.UDPAddrFromAddrPort(addr), Err: err}
	}
	c := &packetConn{net: n, local: local, queue: newQueue()}
	n.sockets[local] = c
	return c, nil
}

// packetConn is a UDP socket in memory.
type packetConn struct {
	net   *Network
	local netip.AddrPort
	queue *queue
}

// maxQueued is how many packets a socket holds; more are lost, as in a kernel.
const maxQueued = 20000

func (c *packetConn) LocalAddr() netip.AddrPort { return c.local }

func (c *packetConn) Close() error {
	c.net.mu.Lock()
	if c.net.sockets[c.local] == c {
		delete(c.net.sockets, c.local)
	}
	c.net.mu.Unlock()
	c.queue.close(net.ErrClosed)
	return nil
}

// WriteTo sends one datagram over the link to its receiver.
func (c *packetConn) WriteTo(b []byte, to netip.AddrPort) error {
	if len(b) > 65507 {
		return syscall.EMSGSIZE
	}
	n := c.net
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.sockets[c.local] != c {
		return net.ErrClosed
	}
	to = netip.AddrPortFrom(to.Addr().Unmap(), to.Port())
	l := n.linkOf(c.local.Addr(), to.Addr())
	dst := n.sockets[to]
	now := time.Now()
	copies, note := 1, ""
	switch {
	case n.filter != nil && !n.filter(c.local, to, b):
		copies, note = 0, "filtered"
	case l.Down:
		copies, note = 0, "link down"
	case n.rng.Float64() < l.Loss:
		copies, note = 0, "lost"
	case dst == nil:
		copies, note = 0, "nobody listens"
	case n.rng.Float64() < l.Duplicate:
		copies, note = 2, "twice"
	}
	for range copies {
		delay := l.Delay
		if l.Jitter > 0 {
			delay += time.Duration(n.rng.Int64N(int64(l.Jitter)))
		}
		if n.rng.Float64() < l.Reorder {
			by := l.ReorderBy
			if by == 0 {
				by = 20 * time.Millisecond
			}
			delay, note = delay+by, note+" late"
		}
		if dst.queue.len() < maxQueued {
			dst.queue.put(packet{due: now.Add(delay), from: c.local, data: append([]byte(nil), b...)})
		}
	}
	n.trace.add(now, "UDP", c.local, to, b, note)
	return nil
}

// ReadBatch waits for one datagram and takes with it what else has arrived.
func (c *packetConn) ReadBatch(dgs []transport.Datagram) (int, error) {
	p, err := c.queue.take(time.Time{})
	if err != nil {
		return 0, err
	}
	n := 0
	for ok := true; ok; p, ok = c.queue.poll() {
		dgs[n].N = copy(dgs[n].Buf, p.data)
		dgs[n].From = p.from
		if n++; n == len(dgs) {
			break
		}
	}
	return n, nil
}

// Listen binds a TCP listener.
func (h *Host) Listen(addr netip.AddrPort) (net.Listener, error) {
	if !h.own(addr.Addr()) {
		return nil, &net.OpError{Op: "listen", Net: "tcp", Addr: net.TCPAddrFromAddrPort(addr), Err: syscall.EADDRNOTAVAIL}
	}
	n := h.net
	n.mu.Lock()
	defer n.mu.Unlock()
	local, err := n.freePort(addr, func(a netip.AddrPort) bool { return n.listeners[a] != nil })
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: "tcp", Addr: net.TCPAddrFromAddrPort(addr), Err: err}
	}
	ln := &listener{net: n, local: local, queue: make(chan *conn, 1024), done: make(chan struct{})}
	n.listeners[local] = ln
	return ln, nil
}

// Dial opens a connection; it takes one round trip.
func (h *Host) Dial(ctx context.Context, local netip.Addr, remote netip.AddrPort) (net.Conn, error) {
	n := h.net
	n.mu.Lock()
	out, back := n.linkOf(local, remote.Addr()), n.linkOf(remote.Addr(), local)
	out.Down = out.Down || n.stalled[remote.Addr()]
	from, err := n.freePort(netip.AddrPortFrom(local, 0), func(a netip.AddrPort) bool {
		for c := range n.conns {
			if c.local == a {
				return true
			}
		}
		return false
	})
	n.mu.Unlock()
	fail := func(err error) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: net.TCPAddrFromAddrPort(remote), Err: err}
	}
	if err != nil {
		return fail(err)
	}
	if out.Down || back.Down {
		<-ctx.Done()
		return fail(ctx.Err())
	}
	select {
	case <-ctx.Done():
		return fail(ctx.Err())
	case <-time.After(out.Delay + back.Delay):
	}
	n.mu.Lock()
	ln := n.listeners[remote]
	n.mu.Unlock()
	if ln == nil {
		return fail(syscall.ECONNREFUSED)
	}
	a, b := n.pipe(from, remote)
	select {
	case ln.queue <- b:
		return a, nil
	case <-ln.done:
		a.reset(syscall.ECONNREFUSED)
		return fail(syscall.ECONNREFUSED)
	case <-ctx.Done():
		a.reset(syscall.ECONNREFUSED)
		return fail(ctx.Err())
	}
}

// String names the network for logs.
func (n *Network) String() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return fmt.Sprintf("siptest network: %d sockets, %d listeners, %d connections", len(n.sockets), len(n.listeners), len(n.conns))
}

// Open is how many sockets, listeners and connection ends exist: 0 after a clean end.
func (n *Network) Open() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.sockets) + len(n.listeners) + len(n.conns)
}
