package testnet

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
)

// Lossy is a UDP relay on loopback between phones and a server that treats packets badly. Every phone is shown to the server with a
// socket of its own, as a NAT would do. Messages are not changed: phones must ask for rport, and be reached at the address
// they are seen at.
type Lossy struct {
	road   *road
	front  *net.UDPConn
	server netip.AddrPort
	wg     sync.WaitGroup

	mu     sync.Mutex
	backs  map[netip.AddrPort]*net.UDPConn
	closed bool
}

// maxPhones bounds the sockets of a Lossy.
const maxPhones = 1000

// NewLossy opens a relay to server on a free port of 127.0.0.1.
func NewLossy(server netip.AddrPort, impair Impair) (*Lossy, error) {
	front, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, fmt.Errorf("opening a lossy relay: %w", err)
	}
	_ = front.SetReadBuffer(4 << 20)
	l := &Lossy{road: newRoad(impair), front: front, server: server, backs: map[netip.AddrPort]*net.UDPConn{}}
	l.wg.Go(l.readFront)
	return l, nil
}

// Addr is where phones send to.
func (l *Lossy) Addr() netip.AddrPort { return l.front.LocalAddr().(*net.UDPAddr).AddrPort() }

// Passed returns the counts so far.
func (l *Lossy) Passed() Passed { return l.road.counts() }

// Close ends the relay; packets that are still on their way are lost.
func (l *Lossy) Close() {
	l.road.close()
	l.mu.Lock()
	l.closed = true
	for _, c := range l.backs {
		c.Close()
	}
	l.front.Close()
	l.mu.Unlock()
	l.wg.Wait()
}

func (l *Lossy) readFront() {
	read(l.front, func(b []byte, from netip.AddrPort) {
		if back := l.back(from); back != nil {
			l.road.pass(b, func(b []byte) { _, _ = back.WriteToUDPAddrPort(b, l.server) })
		}
	})
}

// back is the socket that stands for a phone.
func (l *Lossy) back(phone netip.AddrPort) *net.UDPConn {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c := l.backs[phone]; c != nil || l.closed || len(l.backs) >= maxPhones {
		return c
	}
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil
	}
	_ = c.SetReadBuffer(1 << 20)
	l.backs[phone] = c
	l.wg.Go(func() {
		read(c, func(b []byte, from netip.AddrPort) {
			if from == l.server {
				l.road.pass(b, func(b []byte) { _, _ = l.front.WriteToUDPAddrPort(b, phone) })
			}
		})
	})
	return c
}

// read hands on what arrives until the socket is closed.
func read(c *net.UDPConn, take func(b []byte, from netip.AddrPort)) {
	b := make([]byte, 65536)
	for {
		n, from, err := c.ReadFromUDPAddrPort(b)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			take(b[:n], netip.AddrPortFrom(from.Addr().Unmap(), from.Port()))
		}
	}
}
