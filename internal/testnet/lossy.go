package testnet

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Impair says what happens to packets on their way. Everything is decided by Seed and the order of the packets.
type Impair struct {
	Seed      uint64
	Loss      float64       // share of the packets that are lost, 0 to 1
	Duplicate float64       // share that comes twice
	Reorder   float64       // share that is overtaken: delayed by Jitter more
	Delay     time.Duration // of every packet
	Jitter    time.Duration // at most, more, at random
}

// fate is what happens to one packet: when its copies arrive. None is a loss.
func (i *Impair) fate(r *rand.Rand) []time.Duration {
	// All numbers are drawn for each packet, so that one share can be changed without moving the others.
	loss, twice, late, first, second := r.Float64(), r.Float64(), r.Float64(), r.Float64(), r.Float64()
	if loss < i.Loss {
		return nil
	}
	d := i.Delay + time.Duration(first*float64(i.Jitter))
	if late < i.Reorder {
		d += i.Jitter
	}
	if twice < i.Duplicate {
		return []time.Duration{d, i.Delay + time.Duration(second*float64(i.Jitter))}
	}
	return []time.Duration{d}
}

// Passed counts packets.
type Passed struct{ In, Lost, Duplicated, Delayed uint64 }

// Lossy is a UDP relay on loopback between phones and a server that treats packets badly. Every phone is shown to the server with a
// socket of its own, as a NAT would do. Messages are not changed: phones must ask for rport, and be reached at the address
// they are seen at.
type Lossy struct {
	impair Impair
	front  *net.UDPConn
	server netip.AddrPort
	wg     sync.WaitGroup

	mu     sync.Mutex
	rand   *rand.Rand
	passed Passed
	backs  map[netip.AddrPort]*net.UDPConn
	closed bool
	timers map[*time.Timer]struct{}
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
	l := &Lossy{
		impair: impair, front: front, server: server, rand: rand.New(rand.NewPCG(impair.Seed, 0)),
		backs: map[netip.AddrPort]*net.UDPConn{}, timers: map[*time.Timer]struct{}{},
	}
	l.wg.Go(l.readFront)
	return l, nil
}

// Addr is where phones send to.
func (l *Lossy) Addr() netip.AddrPort { return l.front.LocalAddr().(*net.UDPAddr).AddrPort() }

// Passed returns the counts so far.
func (l *Lossy) Passed() Passed {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.passed
}

// Close ends the relay; packets that are still on their way are lost.
func (l *Lossy) Close() {
	l.mu.Lock()
	l.closed = true
	for t := range l.timers {
		t.Stop()
	}
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
			l.pass(b, func(b []byte) { _, _ = back.WriteToUDPAddrPort(b, l.server) })
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
				l.pass(b, func(b []byte) { _, _ = l.front.WriteToUDPAddrPort(b, phone) })
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

// pass sends a packet on, or not, or late, or twice.
func (l *Lossy) pass(b []byte, send func([]byte)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := l.impair.fate(l.rand)
	l.passed.In++
	switch {
	case len(at) == 0:
		l.passed.Lost++
	case len(at) > 1:
		l.passed.Duplicated++
	}
	for _, d := range at {
		if d <= 0 {
			send(b)
			continue
		}
		l.passed.Delayed++
		l.later(d, append([]byte(nil), b...), send)
	}
}

// later sends after d unless the relay is closed; l.mu is held.
func (l *Lossy) later(d time.Duration, b []byte, send func([]byte)) {
	if l.closed {
		return
	}
	var t *time.Timer
	t = time.AfterFunc(d, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.timers, t)
		if !l.closed {
			send(b)
		}
	})
	l.timers[t] = struct{}{}
}
