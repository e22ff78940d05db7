package b2bua

import (
	"net/netip"
	"sync"
	"time"

	"github.com/koppelfeld/koppelfeld/sip/dialog"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// maxDatagram is the size in bytes above which a request leaves UDP for TCP, if its target has that (RFC 3261 section
// 18.1.1): beyond it the datagram may be cut into fragments, which many routers lose.
const maxDatagram = 1300

const (
	connectWithin = time.Second      // how long a large request waits for the connection
	connectMemory = 10 * time.Minute // how long the outcome is remembered
	maxConnecting = 64               // targets tried at once
	maxWaiting    = 256              // requests to one target that wait for the outcome
	maxRemembered = 4096
)

// streams knows which peers that are reached over UDP take connections as well.
type streams struct {
	mu     sync.Mutex
	known  map[netip.AddrPort]verdict
	asking map[netip.AddrPort][]func(*transport.Flow)
}

// verdict is what is known of a peer: its connection, or that it takes none.
type verdict struct {
	flow  *transport.Flow
	until time.Time
}

func (s *streams) init() {
	s.known, s.asking = map[netip.AddrPort]verdict{}, map[netip.AddrPort][]func(*transport.Flow){}
}

// note remembers an outcome; s.mu is held.
func (s *streams) note(addr netip.AddrPort, f *transport.Flow, now time.Time) {
	if len(s.known) >= maxRemembered {
		for a, v := range s.known {
			if !v.until.After(now) {
				delete(s.known, a)
			}
		}
		for a := range s.known {
			if len(s.known) < maxRemembered {
				break
			}
			delete(s.known, a)
		}
	}
	s.known[addr] = verdict{f, now.Add(connectMemory)}
}

// land notes what came of an attempt and returns those who wait for it.
func (s *streams) land(addr netip.AddrPort, f *transport.Flow, now time.Time) []func(*transport.Flow) {
	s.mu.Lock()
	defer s.mu.Unlock()
	waiting := s.asking[addr]
	delete(s.asking, addr)
	s.note(addr, f, now)
	return waiting
}

// refused notes that a peer takes connections but does not answer on them.
func (s *streams) refused(addr netip.AddrPort, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.note(addr, nil, now)
}

// join says what is known of a peer. With ask the caller has to find out; with later done will be called when somebody has.
func (s *streams) join(addr netip.AddrPort, now time.Time, done func(*transport.Flow)) (f *transport.Flow, ask, later bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, waiting := s.known[addr], s.asking[addr]
	switch {
	case v.flow != nil && !v.flow.Closed():
		return v.flow, false, false
	case v.flow == nil && v.until.After(now), len(waiting) >= maxWaiting, len(waiting) == 0 && len(s.asking) >= maxConnecting:
		return nil, false, false
	}
	s.asking[addr] = append(waiting, done)
	return nil, len(waiting) == 0, true
}

// streamTo is the connection to a peer that is reached over UDP, nil when it has none to offer. When that is
// not known it is tried: streamTo returns true, and done is called later, from any goroutine.
func (u *UA) streamTo(addr netip.AddrPort, now time.Time, done func(*transport.Flow)) (*transport.Flow, bool) {
	if u.cfg.Connect == nil {
		return nil, false
	}
	f, ask, later := u.streams.join(addr, now, done)
	if !ask {
		return f, later
	}
	outcome := func(f *transport.Flow, _ error) {
		for _, done := range u.streams.land(addr, f, now.Add(connectWithin)) {
			done(f)
		}
	}
	if err := u.cfg.Connect(transport.Target{Proto: transport.TCP, Addr: addr}, connectWithin, outcome); err != nil {
		outcome(nil, err)
	}
	return nil, true
}

// mayGrow reports whether a request to uri over a UDP flow may take a connection to the same place: the URI
// leads there by itself, not just through a NAT, and does not insist on UDP.
func mayGrow(uri string, flow *transport.Flow, looked transport.Target) bool {
	if flow.Proto() != transport.UDP {
		return false
	}
	u, err := message.ParseURI(uri)
	if err != nil || u.Scheme != "sip" {
		return false
	}
	if _, ok := u.Param("transport"); ok {
		return false
	}
	if looked.Proto == transport.UDP { // a host name that led here
		return looked.Addr == flow.Remote()
	}
	t, ok := dialog.TargetOf(uri)
	return ok && t.Addr == flow.Remote()
}

// grow moves the leg to a connection of its peer when a request is too large for UDP. It returns true when the peer
// has to be tried first; then runs later, whatever came of it.
func (l *leg) grow(size int, looked transport.Target, then func()) bool {
	if size <= maxDatagram || l.dlg.Flow.Proto() != transport.UDP {
		return false
	}
	uri, ok := l.dlg.NextURI()
	if !ok || !mayGrow(uri, l.dlg.Flow, looked) {
		return false
	}
	c := l.c
	flow, later := c.u.streamTo(l.dlg.Flow.Remote(), c.sh.Now(), func(f *transport.Flow) {
		c.post(func() {
			l.moveTo(f)
			then()
		})
	})
	l.moveTo(flow)
	return later
}

// moveTo takes a connection to the peer in place of the UDP flow.
func (l *leg) moveTo(f *transport.Flow) {
	if f != nil && l.dlg.Flow.Proto() == transport.UDP {
		l.plain = l.dlg.Flow
		l.moveFlow(f)
	}
}

// moveFlow lets the leg's requests take another flow.
func (l *leg) moveFlow(f *transport.Flow) {
	l.dlg.Use(f, contactUser)
}

// shrink goes back to UDP when the connection has failed, or when the peer is silent on it. That is remembered.
func (f *fork) shrink(silent bool) bool {
	c := f.c
	if f.plain == nil || f.state != forkCalling || c.phase != ringing {
		return false
	}
	if silent {
		c.u.streams.refused(f.plain.Remote(), c.sh.Now())
	}
	flow := f.plain
	f.restart()
	f.dlg.Use(flow, contactUser)
	branch, b := f.invite()
	f.launch(branch, b)
	return true
}

// resume sends the INVITE that has waited for a connection.
func (f *fork) resume() {
	if f.tx == nil && f.state < forkCancelling && f.c.phase == ringing {
		branch, b := f.invite()
		f.launch(branch, b)
	}
}
