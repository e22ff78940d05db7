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
	drop := DropMalformed
	if e.limited(now) {
		drop = DropRate
	} else if n > 0 && n <= len(l.buf) {
		b := l.buf[:n]
		if sock == rtpSocket && isMuxedRTCP(b) {
			sock = rtcpSocket
			drop = e.acceptRTCP(b, src, true, now)
		} else if sock == rtpSocket {
			drop = e.acceptRTP(b, src, now, &l.out)
		} else {
			drop = e.acceptRTCP(b, src, false, now)
		}
	}
	if drop == relayed && e.peer == nil {
		drop = DropUnbridged
	}
	if drop != relayed {
		e.dropped[drop]++
		return packet{drop: drop}
	}
	return packet{peer: e.peer, sock: sock, size: n, drop: relayed}
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
	isEvent := int(h.payloadType) == e.remote.DTMFPayloadType && h.payloadType >= 96
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
	if e.iface.plausible(src) && (src == e.latch.announced || !e.plane.own(src)) {
		ok, changed = e.latch.accept(src, h, now)
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
	ok := src == to
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
	return relayed
}

// alive restarts the silence clock.
func (e *Endpoint) alive(now time.Duration) { e.since, e.silent = now, false }

// deliver sends a datagram that came in at from to the remote of e.
func (e *Endpoint) deliver(from *Endpoint, sock int, b []byte) Drop {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed || e.peer != from {
		return DropUnbridged // parted between reading and sending
	}
	if sock == rtpSocket && !e.remote.Send {
		return e.refuse(DropHeld)
	}
	to := &e.target[sock]
	if to.size == 0 || !e.remote.RTP.IsValid() {
		return e.refuse(DropUnbridged)
	}
	if from != e && e.latch.target() == from.local {
		return e.refuse(DropSend) // would come straight back
	}
	fd := e.fd[sock]
	if e.muxed() {
		fd = e.fd[rtpSocket]
	}
	if errno := send(fd, b, to); errno != 0 {
		e.sendErrors++
		return e.refuse(DropSend)
	}
	if sock == rtpSocket {
		e.sent++
		e.sentBytes += uint64(len(b))
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
