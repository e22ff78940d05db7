package transport_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/fault"
	"github.com/koppelfeld/koppelfeld/sip/siptest"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// armed panics as often as it is loaded.
type armed struct{ left atomic.Int32 }

func (a *armed) fire() {
	if a.left.Add(-1) >= 0 {
		panic("fault of ours")
	}
}

// brokenNetwork fails where the armed say.
type brokenNetwork struct {
	transport.Network
	accept, read, dial, source armed
}

func (n *brokenNetwork) Listen(a netip.AddrPort) (net.Listener, error) {
	l, err := n.Network.Listen(a)
	return &brokenListener{l, n}, err
}

func (n *brokenNetwork) Dial(ctx context.Context, from netip.Addr, to netip.AddrPort) (net.Conn, error) {
	n.dial.fire()
	return n.Network.Dial(ctx, from, to)
}

func (n *brokenNetwork) ListenPacket(a netip.AddrPort, buffer int) (transport.PacketConn, error) {
	c, err := n.Network.ListenPacket(a, buffer)
	return &brokenPackets{c, n}, err
}

type brokenPackets struct {
	transport.PacketConn
	n *brokenNetwork
}

func (p *brokenPackets) ReadBatch(dgs []transport.Datagram) (int, error) {
	p.n.source.fire()
	return p.PacketConn.ReadBatch(dgs)
}

type brokenListener struct {
	net.Listener
	n *brokenNetwork
}

func (l *brokenListener) Accept() (net.Conn, error) {
	l.n.accept.fire()
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &brokenConn{c, l.n}, nil
}

type brokenConn struct {
	net.Conn
	n *brokenNetwork
}

func (c *brokenConn) Read(b []byte) (int, error) {
	c.n.read.fire()
	return c.Conn.Read(b)
}

// TestFaults lets each goroutine of the transport fail: a service goes on, and a connection ends alone, with its end told.
func TestFaults(t *testing.T) {
	for _, tc := range []struct {
		name   string
		arm    func(*brokenNetwork)
		places map[string]uint64
		ended  int // connections that end
	}{
		{"reading datagrams", func(n *brokenNetwork) { n.source.left.Store(3) }, map[string]uint64{"transport": 3}, 0},
		{"accepting", func(n *brokenNetwork) { n.accept.left.Store(3) }, map[string]uint64{"accept": 3}, 0},
		{"reading from a connection", func(n *brokenNetwork) { n.read.left.Store(1) }, map[string]uint64{"connection": 1}, 1},
		{"dialling", func(n *brokenNetwork) { n.dial.left.Store(1) }, map[string]uint64{"connection": 1}, 1},
		{"finding out whether somebody listens", func(n *brokenNetwork) { n.dial.left.Store(2) }, map[string]uint64{"connect": 1, "connection": 1}, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				inner := siptest.NewNetwork(t, 1)
				n := &brokenNetwork{Network: inner.Host(server)}
				tc.arm(n)
				faults := fault.New(nil)
				l, h := start(t, transport.Config{Network: n, Listen: []string{"tcp://10.0.0.1:5060", "udp://10.0.0.1:5060"}, Faults: faults})
				peer, err := inner.Host(dect).Listen(netip.AddrPortFrom(dect, 5060))
				if err != nil {
					t.Fatal(err)
				}
				defer peer.Close()
				time.Sleep(time.Second) // services rest after a fault
				target := transport.Target{Proto: transport.TCP, Addr: netip.AddrPortFrom(dect, 5060)}
				if tc.places["connect"] > 0 {
					told := make(chan error, 1)
					if err := l.Connect(target, time.Second, func(_ *transport.Flow, err error) { told <- err }); err != nil {
						t.Fatal(err)
					}
					if err := next(t, told); err == nil {
						t.Error("a connection that failed is said to be open")
					}
				}
				if _, err := l.FlowTo(target); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				c := dial(t, inner, desk, addrOf(l, transport.TCP))
				defer c.Close()
				_, _ = c.Write(options(transport.TCP, 1, ""))
				synctest.Wait()
				for range tc.ended {
					if err := next(t, h.closed); errors.Is(err, net.ErrClosed) {
						t.Errorf("ended with %v", err)
					}
				}
				for place, want := range tc.places {
					if got := faults.Counts()[place]; got != want {
						t.Errorf("%s: %d faults counted, want %d", place, got, want)
					}
				}
				// Everything goes on.
				for len(h.in) > 0 {
					<-h.in
				}
				again := dial(t, inner, desk, addrOf(l, transport.TCP))
				defer again.Close()
				if _, err := again.Write(options(transport.TCP, 2, "")); err != nil {
					t.Fatal(err)
				}
				next(t, h.in)
				u, err := inner.Host(desk).ListenPacket(netip.AddrPortFrom(desk, 5070), 0)
				if err != nil {
					t.Fatal(err)
				}
				defer u.Close()
				if err := u.WriteTo(options(transport.UDP, 3, ""), addrOf(l, transport.UDP)); err != nil {
					t.Fatal(err)
				}
				next(t, h.in)
			})
		})
	}
}
