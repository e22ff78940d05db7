package b2bua

import (
	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/routing"
	"github.com/koppelfeld/koppelfeld/sip/dialog"
	"github.com/koppelfeld/koppelfeld/sip/sdp"
	"github.com/koppelfeld/koppelfeld/sip/transaction"
)

// transfer is what a REFER of one party of a call, the transferor, has set going. It belongs to that call until the other
// party, who stays, has been moved on; a transferor that hangs up meanwhile leaves it running.
//
// Blind: a call of its own rings the number, in the name of who stays and with the rights of the transferor. It has no INVITE of
// a caller behind it: its front is the transfer. When it is answered, who stays becomes its caller.
// Attended: see attended.go.
type transfer struct {
	r      *referral
	c      *call // in which the REFER came
	l      *leg  // the transferor's
	number string
	secure bool  // what comes of it is a call to a sips URI
	ring   *call // blind: the call that rings
	rung   bool  // the number rings
	left   bool  // the transferor has hung up
}

// transferTo begins a transfer.
func (c *call) transferTo(l *leg, tx *transaction.Server, to referTo) {
	by := c.party(l.side)
	if by.slot == "" || c.u.cfg.MayTransfer != nil && !c.u.cfg.MayTransfer(by.slot, to.number) {
		c.u.respond(tx, 403)
		return
	}
	t := &transfer{r: &referral{l: l}, c: c, l: l, number: to.number, secure: c.sips || to.secure}
	c.transfer = t
	if to.replaces != nil { // before the answer: the transferor may hang up everything as soon as it has it
		t.attend(*to.replaces)
	}
	t.r.accept(tx)
	if to.replaces == nil {
		t.dial()
	}
}

// stays is the leg of who is transferred.
func (t *transfer) stays() *leg { return t.c.other(t.l) }

// dial rings the number.
func (t *transfer) dial() {
	c, stay := t.c, t.stays()
	by, who := c.party(t.l.side), c.party(stay.side)
	n := c.u.newCallFor(c.sh, &who, t.number)
	n.front, t.ring, n.sips = t, n, t.secure
	defer n.guard()
	n.a.dlg = dialog.Dialog{Flow: stay.dlg.Flow, CallID: stay.dlg.CallID}
	n.offer = stay.remote
	n.path = c.path
	if n.path != "" {
		n.path += ", "
	}
	n.path += c.u.marker + "/" + n.called
	n.decideFor(&by, &who)
	if n.plan.Outcome != routing.Ring {
		n.refuse(planned(n.plan.Outcome))
		return
	}
	if err := n.openStreams(n.offer, nil); err != nil {
		n.noMedia(err)
		n.refuse(ending{result: calls.Failed, status: 503, by: bySystem, cause: "no media port is free"})
		return
	}
	n.enter()
	n.prepare(nil)
	n.ringAll()
}

// decideFor asks the routing table for a call that one party makes in the name of another.
func (c *call) decideFor(by, who *party) {
	r := routing.Request{
		Called: c.called, At: c.sh.Now(),
		Caller: routing.Caller{Class: routing.Inside, SlotID: by.slot, UserID: by.user},
	}
	number, _ := routing.Dialled(c.called)
	c.plan = c.reserve(number, func() routing.Plan { return c.u.cfg.Router.Decide(r, c.u.live) }, func(p *routing.Plan) {
		c.runsOver(p)
		c.callsAs(who.number, who.slot)
		c.u.cfg.Live.TakeTurn(p.Turn)
	})
	c.plan.Shown, c.plan.CallerNumber = who.shown, who.number
	c.showFrom(who.shown, who.number)
	c.follow()
}

// forkDirection is the direction that contacts are offered: what the caller has asked for, but who is transferred may be on
// hold until it is connected.
func (c *call) forkDirection() sdp.Direction {
	if c.front != nil {
		return sdp.SendRecv
	}
	return 0
}

// progressed is told what the ringing call would have told its caller.
func (t *transfer) progressed(status int) {
	t.rung = t.rung || status >= 180
	t.r.tell(status)
	t.c.sound()
}

// rings reports whether a leg is the one of who is transferred, and the number rings.
func (t *transfer) rings(l *leg) bool { return t != nil && t.rung && l != nil && l == t.stays() }

// answered takes the answer of the number: who stays is connected with it.
func (t *transfer) answered(l *leg, d *sdp.Session) {
	n := t.ring
	n.phase = up
	n.early, n.anchor = nil, nil
	l.remote = d
	n.plumb(l)
	t.c.whenIdle(t.stays(), busyTries, func(idle bool) {
		if n.phase != up {
			return // it has hung up again, see over
		}
		if !idle || t.c.phase != up {
			n.hangup(bySystem, "the party to be transferred is not there any more", nil)
			return
		}
		t.connect()
	})
}

// connect moves who stays into the call that was answered.
func (t *transfer) connect() {
	n := t.ring
	moved := t.stays().detach()
	n.front = nil
	t.done(n.plan.Number)
	n.attach(moved, callerSide)
	n.a.reached = n.reached
	n.connect(&n.a, func() {
		n.expect()
		if preferred(n.a.remote) != preferred(n.b.remote) {
			n.resync(n.b)
		}
	})
}

// done ends the call in which the REFER came: who stayed is elsewhere. The transferor hears that, and gets its BYE.
func (t *transfer) done(number string) {
	c := t.c
	c.transfer = nil
	c.pending++
	t.r.then = func() {
		t.l.leave()
		c.pending--
		c.settle()
	}
	by := t.l.side
	c.end(ending{result: calls.Answered, status: 200, by: by.String(), cause: "the " + by.String() + " transferred the call to " + number})
	t.r.tell(200)
}

// over is told that the ringing call has ended without being connected.
func (t *transfer) over(e ending) {
	status := e.status
	if status < 300 {
		status = 487
	}
	t.fail(status, e.cause)
}

// fail leaves the call as it was: the transferor can go on with it, if it is still there.
func (t *transfer) fail(status int, cause string) {
	c := t.c
	if c.transfer != t {
		return
	}
	c.transfer = nil
	c.sound()
	t.r.tell(status)
	if t.left {
		c.hangup(bySystem, "the transfer to "+t.number+" failed: "+cause, nil)
	}
}

// parts reports whether the call goes on without a leg that has hung up, because a transfer of its peer is under way.
func (c *call) parts(l *leg) bool {
	switch {
	case c.transfer != nil && c.transfer.l == l:
		c.transfer.left = true
		c.transfer.r.quiet = true
	case c.reserved != nil && c.reserved.l == l:
		c.reserved.left = true
	case c.loan != nil && c.loan.l == l:
		c.loan.left = true
	default:
		return false
	}
	c.mute(l.side)
	c.sound()
	return true
}

// endTransfers tells those transfers that this call has ended in which it had a part.
func (c *call) endTransfers(e ending) {
	front, own := c.front, c.transfer
	c.front, c.transfer, c.reserved = nil, nil, nil
	if own != nil {
		own.abandon()
	}
	if front != nil {
		front.over(e)
	}
}

// abandon gives up the transfer of a call that has ended.
func (t *transfer) abandon() {
	if n := t.ring; n != nil && n.front == t {
		n.front = nil
		n.hangup(byCaller, "the party to be transferred hung up", nil)
	}
}
