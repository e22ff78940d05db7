package media

import (
	"net/netip"
	"time"
)

// The rule of guarded latching, see DESIGN.md.
const (
	latchWindow = 3 * time.Second
	// latchRun is how many packets in sequence a source must send to be learned,
	// latchRunNear that for a source at the announced or the signalling address.
	latchRun     = 5
	latchRunNear = 2
	// latchQuiet is how long a learned source must have said nothing to be left for another
	// one after the remote has described itself again.
	latchQuiet = 500 * time.Millisecond
	candidates = 4
)

// latch decides which source of RTP is the remote. It has no clock and no I/O.
type latch struct {
	announced netip.AddrPort // from SDP
	near      netip.Addr     // where the signalling came from, may be zero
	source    netip.AddrPort // learned and pinned, zero before
	until     time.Duration  // end of the window for learning
	begun     bool           // a packet came since the window was opened
	far       bool           // source is neither at the announced host nor at that of the signalling, and unproven
	renewed   bool           // the window is one for leaving a quiet source
	heard     time.Duration  // when the last packet of source came; the caller's to keep
	seen      [candidates]candidate
}

// candidate is a source that is not the announced one and may become learned.
type candidate struct {
	addr netip.AddrPort
	ssrc uint32
	seq  uint16
	run  uint8
}

// reset forgets what was learned and opens the window for a new announced address.
func (l *latch) reset(announced netip.AddrPort, near netip.Addr, now time.Duration) {
	*l = latch{announced: announced, near: near, until: now + latchWindow}
}

// reopen begins the window anew while nothing is learned, or something that may be another's.
func (l *latch) reopen(now time.Duration) {
	if !l.source.IsValid() || l.far {
		l.until, l.begun = now+latchWindow, false
	}
}

// renew opens a window when the remote has described itself again with the address of before: a phone
// behind a NAT may have lost its mapping.
func (l *latch) renew(now time.Duration) {
	l.until, l.renewed = now+latchWindow, true
}

// open reports whether a source that is known could be left now.
func (l *latch) open(now time.Duration) bool {
	return now <= l.until && (l.far || l.renewed && now-l.heard >= latchQuiet)
}

// yields reports whether the learned source may be left for another one: a far one for one at the phone's
// own host, and any that is quiet after the phone has described itself again.
func (l *latch) yields(near bool, now time.Duration) bool {
	return l.open(now) && (near || !l.far || l.renewed && now-l.heard >= latchQuiet)
}

// target is where to send.
func (l *latch) target() netip.AddrPort {
	if l.source.IsValid() {
		return l.source
	}
	return l.announced
}

// accept reports whether a valid RTP packet from src is the remote's, and
// whether the target of sending changed with it. The caller has checked that
// src is plausible, and says whether the packet proved by its key whose it is.
func (l *latch) accept(src netip.AddrPort, h header, now time.Duration, proven bool) (ok, changed bool) {
	if src == l.source {
		return true, false
	}
	if !l.announced.IsValid() {
		return false, false
	}
	if src == l.announced {
		// The announced address always wins, also over a learned one.
		changed = l.source.IsValid()
		l.source, l.far = src, false
		return true, changed
	}
	near := src.Addr() == l.announced.Addr() || src.Addr() == l.near
	known := l.source.IsValid()
	if known && !l.yields(near, now) {
		return false, false
	}
	if !l.begun && !known {
		l.begun, l.until = true, now+latchWindow
	}
	if now > l.until {
		return false, false
	}
	need := uint8(latchRun)
	if near && !known {
		need = latchRunNear
	}
	if !proven && l.observe(src, h) < need {
		return false, false
	}
	l.source, l.far, l.renewed = src, !near && !proven, false
	return true, true
}

// observe counts a packet of a candidate and returns the length of its run.
func (l *latch) observe(src netip.AddrPort, h header) uint8 {
	slot := 0
	for i := range l.seen {
		c := &l.seen[i]
		if c.addr == src {
			if h.ssrc == c.ssrc && h.seq == c.seq {
				return 0 // a duplicate proves nothing
			}
			if h.ssrc == c.ssrc && h.seq == c.seq+1 {
				c.run++
			} else {
				c.run = 1
			}
			c.ssrc, c.seq = h.ssrc, h.seq
			return c.run
		}
		if c.run < l.seen[slot].run {
			slot = i
		}
	}
	l.seen[slot] = candidate{addr: src, ssrc: h.ssrc, seq: h.seq, run: 1}
	return 1
}
