package siptest

import (
	"bytes"
	"net"
	"testing"

	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// TakeConnections lets a phone on UDP take connections at its address as well; with deaf it reads nothing from them. Responses
// go the way of their request.
func (p *Phone) TakeConnections(t testing.TB, deaf bool) {
	t.Helper()
	ln, err := p.net.Host(p.addr.Addr()).Listen(p.addr)
	if err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	p.listener = ln
	p.mu.Unlock()
	p.wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			p.mu.Lock()
			p.accepted = append(p.accepted, c)
			p.mu.Unlock()
			if !deaf {
				p.wg.Go(func() { p.stream(c) })
			}
		}
	})
}

// dropConnections ends what TakeConnections has begun; p.mu is not held.
func (p *Phone) dropConnections() {
	p.mu.Lock()
	ln, conns := p.listener, p.accepted
	p.mu.Unlock()
	if ln != nil {
		ln.Close()
	}
	for _, c := range conns {
		c.Close()
	}
}

// connectionFor is the connection that a response goes to, nil for UDP.
func (p *Phone) connectionFor(b []byte) net.Conn {
	if len(p.accepted) == 0 || !bytes.HasPrefix(b, []byte("SIP/2.0 ")) {
		return nil
	}
	m, err := message.Parse(append([]byte(nil), b...))
	if err != nil || m.Via().Transport != string(transport.TCP) {
		return nil
	}
	return p.accepted[len(p.accepted)-1]
}

// stream takes messages from a connection.
func (p *Phone) stream(c net.Conn) {
	var f message.Framer
	buf := make([]byte, 16<<10)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		_, _ = f.Write(buf[:n])
		for {
			b, _, err := f.Next()
			if err != nil || b == nil {
				break
			}
			p.take(b)
		}
	}
}
