package b2bua

import (
	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/transaction"
)

// peerBye takes the peer's BYE.
func (l *leg) peerBye(tx *transaction.Server) {
	c := l.c
	if l.in != nil && !l.in.Answered() {
		c.u.respond(l.in, 487) // RFC 3261 section 15.1.2
	}
	l.in = nil
	switch l.phase {
	case legEarly:
		if l.side == calleeSide {
			c.u.respond(tx, 481)
			return
		}
		// A BYE to the early dialog is a CANCEL by another name.
		c.u.respond(tx, 200)
		if c.phase <= holding {
			c.b.leave()
			c.refuse(ending{result: calls.Cancelled, status: 487, by: byCaller, cause: "the caller hung up before an answer"})
		}
	case legUp:
		c.u.respond(tx, 200)
		if l == &c.a && c.loan != nil && c.loan.to == c {
			c.loan.keep() // who hangs up has heard of the answer
		}
		cause := l.side.String() + " hung up"
		l.settleAck()
		l.close()
		if c.parts(l) {
			return // a transfer goes on without the transferor
		}
		c.hangup(l.side.String(), cause, l)
	case legLeaving: // it was faster
		c.u.respond(tx, 200)
		l.close()
	default: // both hang up at once: our BYE gets its answer yet
		c.u.respond(tx, 200)
	}
}

// leave ends the dialog with BYE. The callee's role in a dialog does not allow BYE before
// the ACK of its 2xx (RFC 3261 section 15), so it may have to wait for that.
func (l *leg) leave() {
	if l == nil || l.phase != legUp || l.c.loan.returns(l) {
		return
	}
	c := l.c
	if l.in != nil && !l.in.Answered() {
		c.u.respond(l.in, 487)
	}
	l.in = nil
	l.settleAck()
	c.pending++
	if l.ok.tx != nil && l.ok.first {
		l.phase = legLeaving
		l.timer.Stop()
		l.retry.Stop()
		return
	}
	l.sendBye()
}

// sendBye sends the BYE and waits for its answer, so that a crossing BYE finds us.
func (l *leg) sendBye() {
	l.phase = legBye
	l.stopTimers()
	l.request(message.BYE, "", nil, &reply{c: l.c, done: func(*message.Message) { l.close() }})
}

// settleAck acknowledges a 2xx that still waits for the caller's answer, with a refusal.
func (l *leg) settleAck() {
	if l.c.phase != answering || l.side != calleeSide || l.c.pickedAt != "" { // who picks up was answered before
		return
	}
	var body []byte
	if l.remote != nil {
		body = refusal(l.remote, l.dlg.Flow.Local().Addr(), l.c.sh.Now().Unix())
	}
	l.sendAck(body)
}
