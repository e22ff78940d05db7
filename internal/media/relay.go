package media

import (
	"net/netip"
	"time"
)

// relayed is the Drop of a datagram that was not dropped.
const relayed = drops

// packet says what became of a datagram that was read: to be sent to peer when
// size is not 0, else dropped, or (relayed) nothing was there.
type packet struct {
	peer *Endpoint
	sock int // how it is to be relayed, RTP or RTCP
	size int
	drop Drop
	at   time.Duration
}

// take reads one datagram from a socket of e into l.buf, checks and counts it.
// Events are left in l.out.
func (e *Endpoint) take(l *loop, sock int) packet {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return packet{drop: relayed}
	}
	n, errno := receive(e.fd[sock], l.buf[:], &l.from)
	if errno != 0 {
		return packet{drop: relayed} // someone else's wake, or an ICMP error
	}
	now := e.plane.now()
	src := l.from.addrPort()
	size, drop := 0, DropMalformed
	switch {
	case e.limited(now):
		drop = DropRate
	case n > 0 && n <= len(l.buf):
		sock, size, drop = e.accept(l.buf[:n], sock, src, now, &l.out)
	}
	switch {
	case drop != relayed:
	case size == 0:
		return packet{drop: relayed} // it was for us
	case sock == rtcpSocket && e.stream.anchored:
		return packet{drop: relayed} // it ends here, and what the other side gets is made here
	case e.peer == nil:
		drop = DropUnbridged
	}
	if drop != relayed {
		e.dropped[drop]++
		return packet{drop: drop}
	}
	return packet{peer: e.peer, sock: sock, size: size, drop: relayed, at: now}
}

// accept checks and counts a datagram, which it opens in place where media is protected. It
// returns how the datagram is to be relayed and its length.
func (e *Endpoint) accept(b []byte, sock int, src netip.AddrPort, now time.Duration, out *outbox) (as, size int, drop Drop) {
	shared := sock == rtpSocket && isMuxedRTCP(b)
	if shared {
		sock = rtcpSocket
	}
	if e.guard != nil {
		if taken, drop := e.control(b, sock, src, now, out); taken {
			return sock, 0, drop
		}
		if sock == rtpSocket && e.stranger(src, now) {
			e.rejected = src
			return sock, 0, DropSource // not worth the work of opening it
		}
		if size, drop = e.guard.open(sock, b); drop != relayed {
			return sock, 0, drop
		}
		b = b[:size]
	}
	if sock == rtpSocket {
		return sock, len(b), e.acceptRTP(b, src, now, out)
	}
	return sock, len(b), e.acceptRTCP(b, src, shared, now)
}

// stranger reports whether no packet of src can be the remote's, since the remote is known.
func (e *Endpoint) stranger(src netip.AddrPort, now time.Duration) bool {
	if a := e.guard.agent; a != nil {
		return !a.admits(src)
	}
	e.latch.heard = e.lastAt
	return src != e.latch.source && src != e.latch.announced && e.latch.source.IsValid() && !e.latch.open(now)
}

// limited counts a datagram and reports whether it is above the limit.
func (e *Endpoint) limited(now time.Duration) bool {
	if now-e.second >= time.Second {
		e.second, e.inSecond = now, 0
	}
	e.inSecond++
	return e.inSecond > e.plane.cfg.MaxRate
}

// acceptRTP checks and counts what came in as RTP.
func (e *Endpoint) acceptRTP(b []byte, src netip.AddrPort, now time.Duration, out *outbox) Drop {
	h, ok := parseRTP(b)
	if !ok {
		return DropMalformed
	}
	if src != e.latch.source {
		if drop := e.admit(src, h, now, out); drop != relayed {
			return drop
		}
	}
	if !e.remote.Receive {
		return DropDirection
	}
	isEvent := int(h.payloadType) == e.events && h.payloadType >= 96
	e.rx.count(h, len(b), now, e.remote.ClockRate, isEvent)
	e.alive(now)
	e.lastAt = now
	if e.firstAt == 0 {
		e.firstAt = max(now, 1)
	}
	if e.expectedAt > 0 && e.firstAfter < 0 {
		e.firstAfter = now - e.expectedAt
	}
	if !e.heard {
		e.heard = true
		out.add(Event{Kind: FirstPacket, Endpoint: e, Addr: src})
	}
	if isEvent {
		if d, ok := e.dtmf.packet(h, now); ok {
			out.add(e.dtmfEvent(d))
		}
	}
	return relayed
}

// admit asks the latch about a source that is not the learned one.
func (e *Endpoint) admit(src netip.AddrPort, h header, now time.Duration, out *outbox) Drop {
	if !e.remote.Receive && src != e.latch.announced {
		return DropDirection
	}
	ok, changed := false, false
	if e.checked() {
		ok = e.guard.agent.admits(src)
	} else if e.iface.plausible(src) && (src == e.latch.announced || !e.plane.own(src)) {
		e.latch.heard = e.lastAt
		ok, changed = e.latch.accept(src, h, now, e.guard.proves())
	}
	if !ok {
		e.rejected = src
		return DropSource
	}
	if changed {
		out.add(Event{Kind: Latched, Endpoint: e, Addr: src})
		e.aim()
	}
	return relayed
}

// acceptRTCP checks and counts what came in as RTCP. It must come from the
// learned RTP source when it shares its port, else from the announced RTCP
// address or from another port of the host that RTP goes to; the last such
// port is where RTCP is sent.
func (e *Endpoint) acceptRTCP(b []byte, src netip.AddrPort, shared bool, now time.Duration) Drop {
	if !validRTCP(b) {
		return DropMalformed
	}
	to := e.latch.target()
	ok := src == to || e.checked() && e.guard.agent.admits(src)
	if !shared {
		ok = src == e.rtcp || src == e.remote.RTCP ||
			src.Addr() == to.Addr() && e.iface.plausible(src) && !e.plane.own(src)
	}
	if !ok || !to.IsValid() {
		e.rejected = src
		return DropSource
	}
	if !shared && src != e.rtcp {
		e.rtcp = src
		e.aim()
	}
	e.rtcpIn++
	e.alive(now)
	e.reports.heard(b, e.stream.ssrc, now)
	return relayed
}

// alive restarts the silence clock.
func (e *Endpoint) alive(now time.Duration) { e.since, e.silent = now, false }

// deliver sends a datagram that came in at from to the remote of e.
func (e *Endpoint) deliver(from *Endpoint, sock int, b []byte, now time.Duration) Drop {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed || e.peer != from {
		return DropUnbridged // parted between reading and sending
	}
	if drop := e.ready(sock); drop != relayed {
		return e.refuse(drop)
	}
	if from != e && e.latch.target() == from.local {
		return e.refuse(DropSend) // would come straight back
	}
	if sock == rtpSocket {
		if e.busy() {
			return e.refuse(DropReplaced)
		}
		if e.recoder != nil {
			if drop := e.recoder.recode(b); drop != relayed {
				return e.refuse(drop)
			}
		}
		e.stream.pass(from, b, now, e.remote.ClockRate)
	} else {
		e.reports.passed(b, now)
	}
	return e.emit(sock, b)
}

// ready reports whether something may be sent to the remote now, and why not.
func (e *Endpoint) ready(sock int) Drop {
	switch {
	case sock == rtpSocket && !e.remote.Send:
		return DropHeld
	case e.target[sock].size == 0 || !e.remote.RTP.IsValid() && !e.checked():
		return DropUnbridged
	}
	return relayed
}

// emit protects a datagram, sends it to the remote and counts it. The caller has asked ready.
func (e *Endpoint) emit(sock int, b []byte) Drop {
	fd := e.fd[sock]
	if e.muxed() {
		fd = e.fd[rtpSocket]
	}
	size := len(b)
	if e.guard != nil {
		var drop Drop
		if b, drop = e.guard.seal(sock, b); drop != relayed {
			return e.refuse(drop)
		}
	}
	if errno := send(fd, b, &e.target[sock]); errno != 0 {
		e.sendErrors++
		return e.refuse(DropSend)
	}
	if sock == rtpSocket {
		e.sent++
		e.sentBytes += uint64(size)
	} else {
		e.rtcpSent++
	}
	return relayed
}

// refuse counts at the sending side what was not sent.
func (e *Endpoint) refuse(d Drop) Drop {
	e.dropped[d]++
	return d
}
