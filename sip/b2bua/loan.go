package b2bua

import (
	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/internal/media"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/sdp"
)

// loan is a take-over that may still fail: the peer of a call is lent to the call that the new phone makes, and the old call
// waits with the leg that is to be replaced. Until the new phone has acknowledged our answer everything can be undone:
//
//	old call: l ── peer                     l ──  (waits)                     l ── peer, offered l's media again
//	new call:               borrow ──▶  phone ── peer     ── give back ──▶   phone is refused, or hung up on
//	                                         └── ACK ──▶ the old call ends with a BYE to l
//
// Both calls are in one shard. Whichever of them ends first tells the other.
type loan struct {
	from, to *call
	l        *leg // that is to be replaced
	side     side // of the peer in the old call
	shield   *shield
	reached  string
	moved    bool // the peer has taken the new media
	left     bool // the replaced phone has hung up
}

// borrow takes the peer of a leg into this call.
func (c *call) borrow(l *leg, whom *party) *leg {
	old := l.c
	peer := old.other(l)
	n := &loan{from: old, to: c, l: l, side: peer.side, shield: peer.shield, reached: peer.reached}
	old.loan, c.loan = n, n
	for i := range old.streams { // its silence means nothing now
		for _, ep := range old.streams[i].ep {
			if ep != nil {
				ep.Expect(false)
			}
		}
	}
	return c.adopt(peer.detach(), whom)
}

// spoken notes that the peer has taken the new phone's media: what the old one still sends is not for it.
func (n *loan) spoken() {
	if n == nil {
		return
	}
	n.moved = true
	for i := range n.from.streams {
		if ep := n.from.streams[i].ep[n.side]; ep != nil {
			ep.SetRemote(media.Remote{})
		}
	}
}

// keep ends the old call: the new phone has acknowledged our answer.
func (n *loan) keep() {
	if n == nil {
		return
	}
	n.dissolve()
	side := n.l.side.String()
	n.l.leave()
	n.from.end(ending{result: calls.Answered, status: 200, by: side, cause: "the " + side + " took the call over with another phone"})
}

// sever ends the old call, whose peer has gone.
func (n *loan) sever(cause string) {
	if n == nil {
		return
	}
	n.dissolve()
	n.from.hangup(n.side.String(), cause, nil)
}

// dissolve leaves both calls on their own.
func (n *loan) dissolve() { n.from.loan, n.to.loan = nil, nil }

// returns gives the peer back to the old call when the new one is to end without it. It is false when the leg is not on loan.
func (n *loan) returns(b *leg) bool {
	if n == nil || n.to.b != b {
		return false
	}
	n.dissolve()
	old := n.from
	peer := old.attach(b.detach(), n.side)
	peer.reached = n.reached
	switch {
	case n.left:
		old.hangup(bySystem, "the other phone did not take the call over", nil)
	case peer.out != nil:
		peer.out.done = func(res *message.Message, _ *sdp.Session) { n.resume(peer, res) }
		peer.out.withdraw()
	default:
		n.resume(peer, nil)
	}
	return true
}

// resume goes on with the old call; res is what became of a re-INVITE that was withdrawn. A peer that has taken the new
// phone's media is offered the old one's again; the refusal of a re-INVITE leaves everything as it was (RFC 3261 section 14.1).
func (n *loan) resume(peer *leg, res *message.Message) {
	old := n.from
	if old.phase != up || peer.phase != legUp {
		return
	}
	switch n.moved = n.moved || res != nil && res.Status() < 300; {
	case res != nil && lost(res):
		old.hangup(peer.side.String(), "the "+peer.side.String()+" does not know the call any more", nil)
		return
	case n.moved:
		peer.renew()
		old.resync(peer)
	default:
		peer.shield = n.shield
	}
	old.plumb(peer)
	old.plumb(n.l)
}

// endLoan tells the other call of a take-over that this one has ended.
func (c *call) endLoan(e ending) {
	switch n := c.loan; {
	case n == nil:
	case n.to == c: // the peer has hung up
		n.sever(e.cause)
	default: // the new phone goes on; there is nothing to go back to
		n.dissolve()
	}
}
