package media

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// EventKind says what happened at an endpoint.
type EventKind uint8

// Event kinds.
const (
	// FirstPacket: the first RTP packet of the remote was accepted, after Open or
	// after a SetRemote with another address.
	FirstPacket EventKind = iota + 1
	// Latched: the remote's packets come from Event.Addr and not from the address
	// that was announced (or again from the announced one); media is sent there.
	Latched
	// Timeout: nothing was received for Options.Timeout although it was expected.
	// Sent once per silence.
	Timeout
	// DTMF: a telephone event (RFC 4733) has ended.
	DTMF
	// PlaybackEnded: Event.Clip was played to its end.
	PlaybackEnded
)

// Event is something that happened at an endpoint. Exactly the fields that fit
// Kind are set.
type Event struct {
	Kind     EventKind
	Endpoint *Endpoint
	Addr     netip.AddrPort // FirstPacket, Latched: the source
	Digit    byte           // DTMF: one of 0-9 * # A-D, or '!' for flash
	Clip     *Clip          // PlaybackEnded
	Duration time.Duration  // DTMF: length of the event; Timeout: length of the silence
}

// Remote describes the other end of an endpoint's media, as signalled.
type Remote struct {
	// RTP is the address from SDP. An invalid one, the unspecified address or port
	// 0 means that there is none for now (old-style hold): nothing is sent, and
	// what was learned stays.
	RTP netip.AddrPort
	// RTCP is the address from a=rtcp; the zero value means the port above RTP,
	// and the same as RTP means that both share a port (RFC 5761).
	RTCP netip.AddrPort
	// Send says whether RTP may be sent to the remote, Receive whether RTP is
	// expected from it. RTCP flows in any case (RFC 8866 section 6.7).
	Send, Receive bool
	// DTMFPayloadType is the payload type of telephone-event, 96 to 127; any other
	// value means none.
	DTMFPayloadType int
	// ClockRate is the RTP clock rate of the codec in Hz; 0 means 8000.
	ClockRate int
	// Codec is the codec's name, for the figures only.
	Codec string
	// Formats are what the remote takes, in its order: what is made here is sent in the
	// first of them that we speak (PCMU, PCMA, G722).
	Formats Formats
	// Sends are what the remote sends, if that is to be turned into what the other side of the bridge
	// takes: by another payload type where both have the encoding, by recoding else. Both
	// sides are to have it then. Empty: it is relayed as it is.
	Sends Formats
	// Signalling is the address the signalling comes from, if known: a source of
	// RTP there is learned as fast as one at the address of RTP.
	Signalling netip.Addr
}

// Endpoint is one side of a call: a port pair with its sockets. All methods may
// be called from any goroutine.
type Endpoint struct {
	plane   *Plane
	iface   *Interface
	loop    *loop
	index   int // in loop.endpoints, guarded by loop.mu
	pair    int
	serial  int32
	notify  func(Event)
	timeout time.Duration
	local   netip.AddrPort

	mu     sync.Mutex // for what follows; see Plane.topology for holding two
	closed bool
	fd     [2]int // by socket
	peer   *Endpoint
	remote Remote
	guard  *guard // nil: plain RTP
	latch  latch
	rtcp   netip.AddrPort // where RTCP goes
	target [2]sockaddr    // by socket, as the kernel wants it

	expecting  bool
	since      time.Duration // begin of the silence clock
	silent     bool          // Timeout was sent
	expectedAt time.Duration // when Expect(true) was first called
	firstAfter time.Duration // first packet after expectedAt, -1 before
	heard      bool          // FirstPacket was sent

	second     time.Duration // of the rate limit
	inSecond   int
	rx         reception
	dtmf       dtmf
	stream     stream
	reports    reports
	recoder    *recoder // for what the peer sends, nil: it is sent as it is
	events     int      // payload type of telephone-event as the remote sends it
	player     *player  // nil: none
	keys       keys
	sounding   bool // the loop's beat is on for it
	firstAt    time.Duration
	lastAt     time.Duration
	rejected   netip.AddrPort
	rtcpIn     uint64
	sent       uint64
	sentBytes  uint64
	rtcpSent   uint64
	sendErrors uint64
	dropped    [drops]uint64
}

// Local is the RTP address for SDP: the advertised address and the even port.
func (e *Endpoint) Local() netip.AddrPort { return e.local }

// LocalRTCP is the RTCP address, one port above Local.
func (e *Endpoint) LocalRTCP() netip.AddrPort {
	return netip.AddrPortFrom(e.local.Addr(), e.local.Port()+1)
}

// SetRemote tells the endpoint where its remote is and which way media flows.
// It may be called again (re-INVITE, UPDATE); an address other than before
// opens learning anew.
func (e *Endpoint) SetRemote(r Remote) {
	e.plane.topology.Lock()
	defer e.plane.topology.Unlock()
	if e.setRemote(r) {
		e.match()
	}
}

// setRemote is SetRemote but for what concerns both sides, and reports whether anything does.
func (e *Endpoint) setRemote(r Remote) bool {
	now := e.plane.now()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return false
	}
	both := r.Sends != (Formats{}) || e.remote.Sends != (Formats{}) || e.recoder != nil
	r.RTP, r.RTCP = unmap(r.RTP), unmap(r.RTCP)
	r.Signalling = r.Signalling.Unmap()
	if r.ClockRate <= 0 {
		r.ClockRate = 8000
	}
	if r.Receive && !e.remote.Receive {
		e.since, e.silent = now, false
	}
	if !e.iface.plausible(r.RTP) || r.RTP == e.local {
		r.RTP = netip.AddrPort{}
	}
	e.remote = r
	if e.events = r.DTMFPayloadType; both {
		e.events = r.Sends.events(e.events)
	}
	if !r.RTP.IsValid() {
		return both
	}
	if r.RTP != e.latch.announced {
		e.latch.reset(r.RTP, r.Signalling, now)
		e.heard = false
		e.since, e.silent = now, false
		e.rtcp = netip.AddrPort{}
	} else {
		e.latch.renew(now)
	}
	e.latch.near = r.Signalling
	switch {
	case !e.iface.plausible(r.RTCP):
		if r.RTP.Port() < 65535 {
			e.remote.RTCP = netip.AddrPortFrom(r.RTP.Addr(), r.RTP.Port()+1)
		}
	case r.RTCP == e.LocalRTCP():
		e.remote.RTCP = netip.AddrPort{}
	}
	e.aim()
	return both
}

func unmap(a netip.AddrPort) netip.AddrPort {
	if !a.IsValid() {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port())
}

// aim rebuilds the socket addresses. The caller holds e.mu.
func (e *Endpoint) aim() {
	to := e.latch.target()
	if e.checked() {
		to = e.guard.agent.target() // nothing leaves for where nobody has shown to be
		e.latch.source = to
	}
	e.target[rtpSocket].set(to)
	rtcp := e.rtcp
	if !rtcp.IsValid() {
		rtcp = e.remote.RTCP
	}
	if e.muxed() {
		rtcp = to
	}
	e.target[rtcpSocket].set(rtcp)
}

// muxed reports whether the remote takes RTCP on its RTP port.
func (e *Endpoint) muxed() bool {
	return e.checked() || e.remote.RTP.IsValid() && e.remote.RTCP == e.remote.RTP
}

// checked reports whether connectivity checks say where the remote is.
func (e *Endpoint) checked() bool { return e.guard != nil && e.guard.agent != nil }

// Expect starts and stops the clocks of the media timeout and of the first
// packet; the first Expect(true) is the time of the answer. It also begins the
// time for learning the source anew, if none has been learned yet. Expect(true)
// while it runs does nothing.
func (e *Endpoint) Expect(on bool) {
	now := e.plane.now()
	e.mu.Lock()
	defer e.mu.Unlock()
	if on && !e.expecting {
		e.since, e.silent = now, false
		if e.expectedAt == 0 {
			e.expectedAt = max(now, 1)
		}
		e.latch.reopen(now)
	}
	e.expecting = on
}

// Bridge joins a and b: what comes in at a leaves from b's socket to b's remote,
// and the other way round. Bridges that either had are undone in the same
// step: when Bridge returns nothing flows the old way any more. A closed
// endpoint is not bridged. Bridging an endpoint with itself makes an echo. Both
// must be of one plane.
func Bridge(a, b *Endpoint) {
	a.plane.topology.Lock()
	defer a.plane.topology.Unlock()
	a.mu.Lock()
	defer a.mu.Unlock()
	if b != a {
		b.mu.Lock()
		defer b.mu.Unlock()
	}
	if a.closed || b.closed || a.peer == b {
		return
	}
	a.part(b)
	b.part(a)
	a.peer, b.peer = b, a
	if a.stream.begun || b.stream.begun || a.stream.anchored || b.stream.anchored {
		// The remotes hear others than before, in one stream.
		a.stream.anchor(nil)
		b.stream.anchor(nil)
	}
	if b != a {
		match(a, b)
	}
}

// Anchor makes what the remote hears one stream, whatever it is made of from now
// on: relayed media whose source changes, or media made here. SSRC, sequence
// numbers and timestamps go on where they are. RTCP then ends here on both sides
// of the bridge, and reports are made here (RFC 3550 section 7.3 says why: they would be about
// streams that the other side does not know).
func (e *Endpoint) Anchor() {
	e.plane.topology.Lock()
	defer e.plane.topology.Unlock()
	e.anchor()
}

// anchor is Anchor for holders of the topology.
func (e *Endpoint) anchor() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.stream.anchor(e.peer)
	if p := e.peer; p != nil && p != e {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.stream.anchor(e)
	}
}

// Unbridge parts a from its peer, if it has one.
func Unbridge(a *Endpoint) {
	a.plane.topology.Lock()
	defer a.plane.topology.Unlock()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.part(nil)
}

// part undoes the bridge of e. The caller holds the topology, e.mu and the lock
// of other.
func (e *Endpoint) part(other *Endpoint) {
	if p := e.peer; p != nil && p != e && p != other {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.peer = nil
	} else if p != nil {
		p.peer = nil
	}
	e.peer = nil
}

// Close closes the sockets and lets the port pair rest. It may be called more
// than once; figures stay readable.
func (e *Endpoint) Close() {
	e.plane.topology.Lock()
	defer e.plane.topology.Unlock()
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return
	}
	e.part(nil)
	if e.stream.anchored && e.sent > 0 && e.ready(rtcpSocket) == relayed {
		_ = e.emit(rtcpSocket, e.report(make([]byte, 0, rtcpSize), e.plane.now(), true))
	}
	if e.guard != nil {
		e.guard.shake.end()
	}
	e.closed = true
	e.closeSockets()
	e.mu.Unlock()
	e.plane.table[e.pair].CompareAndSwap(e, nil)
	e.loop.remove(e)
	e.plane.pool.retire(e.pair, e.plane.now())
}

func (e *Endpoint) closeSockets() {
	for i, fd := range e.fd {
		if fd >= 0 {
			_ = unix.Close(fd)
		}
		e.fd[i] = -1
	}
}

// tick looks for what time alone brings about. b is for what is to be sent.
func (e *Endpoint) tick(now time.Duration, b []byte, out *outbox) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return
	}
	e.greet(now)
	if d, ok := e.dtmf.expire(now); ok {
		out.add(e.dtmfEvent(d))
	}
	if e.timeout > 0 && e.expecting && e.remote.Receive && !e.silent && now-e.since >= e.timeout {
		e.silent = true
		out.add(Event{Kind: Timeout, Endpoint: e, Duration: now - e.since})
	}
	if e.stream.anchored && e.reports.due(now) && e.ready(rtcpSocket) == relayed {
		_ = e.emit(rtcpSocket, e.report(b, now, false))
	}
}

func (e *Endpoint) dtmfEvent(d digit) Event {
	return Event{
		Kind: DTMF, Endpoint: e, Digit: d.char,
		Duration: time.Duration(d.units) * time.Second / time.Duration(e.remote.ClockRate),
	}
}
