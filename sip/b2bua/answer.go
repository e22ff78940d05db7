package b2bua

import (
	"strings"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/sip/dialog"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/sdp"
	"github.com/koppelfeld/koppelfeld/sip/transaction"
)

// success takes a 2xx of a contact: the first one of all wins the call.
func (f *fork) success(res *message.Message) {
	c := f.c
	if f.state == forkWon && c.b.dlg.RemoteTag == res.ToTag() {
		c.b.repeatAck(res.CSeq())
		return
	}
	l := (*leg)(nil)
	if f.state < forkCancelling && c.phase == ringing {
		l = f.meet(res)
	}
	if l == nil || l.phase != legEarly {
		f.stray(f.tx, res)
		f.fail(480) // unless it has ended before
		return
	}
	d, status := describe(res)
	switch {
	case l.agreed: // what comes after the answer in a reliable response is to be ignored (RFC 3261 section 13.2.1)
		d, status = l.remote, 0
	case d == nil && c.offer != nil:
		d = l.remote
	}
	sh := l.shield
	if !l.agreed {
		d = fitted(d, c.offer)
		sh = f.shielded(l, &d)
	}
	if d == nil || status != 0 || c.openStreams(d, l.dlg.Flow) != nil {
		// An answer without a usable description is no answer; the others ring on.
		f.stray(f.tx, res)
		f.fail(488)
		return
	}
	l.shield = sh
	f.win(l, res, d)
}

// win makes one dialog of the fork the callee's leg and lets all others stop ringing.
func (f *fork) win(l *leg, res *message.Message, d *sdp.Session) {
	c := f.c
	now := c.sh.Now()
	f.state, f.status, f.result = forkWon, res.Status(), "answered"
	c.pending--
	c.won, c.b, c.recoded = f, l, f.wide
	if c.phase = holding; c.offer == nil {
		c.phase = answering
	}
	c.ringTimer.Stop()
	c.listening.Stop()
	f.limit.Stop()
	f.forget(l)
	f.leg.bound, l.bound = false, true
	l.phase = legUp
	l.dlg.Establish(res)
	l.settled = false
	l.allowUpdate = res.HasToken(message.HAllow, "UPDATE")
	l.remote, l.weOffered = d, c.offer != nil
	c.held.calleeSlot = f.target.SlotID
	c.u.cfg.Live.AddSlot(f.target.SlotID)
	c.answeredOver(f.target.Number)
	c.rec.AnswerAt, c.rec.ToSlot = now, f.target.SlotID
	if f.target.Type != "" { // else somebody outside, rung on behalf of the user
		c.rec.ToUser = f.target.UserID
	}
	l.startSession(res)

	if c.offer != nil {
		l.sendAck(nil)
		if !l.agreed {
			l.sdp = f.described()
			l.exchange, _ = l.exchange.Next(dialog.ReceiveAnswer)
		}
		if c.unconfirmed() {
			c.rel.then = func() { c.answerCaller(l, d) }
		} else {
			c.answerCaller(l, d)
		}
	} else {
		l.exchange, _ = l.exchange.Next(dialog.ReceiveOffer)
		c.offerToCaller(d)
	}
	for _, other := range c.forks {
		if other != f {
			other.cancel(elsewhere, "elsewhere")
		}
	}
	c.offerBody, c.forkSDP = nil, sdp.Leg{}
	c.publish(calls.CallAnswered)
}

// answerCaller sends the caller the callee's answer.
func (c *call) answerCaller(l *leg, d *sdp.Session) {
	if c.front != nil {
		c.front.answered(l, d)
		return
	}
	a := &c.a
	c.phase = up
	if a.in != nil && c.early != l { // an offer that was for another phone
		a.reject(a.in, 500)
		a.in = nil
	}
	c.plumb(l)
	heard := c.early
	c.early = nil
	body, then := a.sdp.Last(), (func(*sdp.Session))(nil)
	switch {
	case c.promised(): // offer and answer are through (RFC 6337 section 2.2)
		body, then = nil, func(*sdp.Session) { c.single(d) }
		c.plumb(a)
	case c.anchor == nil:
		body = a.write(d, 0)
	case a.agreed && l.agreed && heard == l || c.alike(c.anchor, d):
		// The same answer again (RFC 3261 section 13.2.1), or none if it has been changed since (RFC 6337 section 3.1).
		if a.agreed && !sdp.SameButOrigin(body, c.rel.answer) {
			body = nil
		}
	default:
		if heard != l || a.agreed {
			// Another phone answers than the one heard, or another description counts than the one confirmed: for the
			// caller that is another dialog, as if a proxy had forked.
			c.retag()
		}
		body = a.write(d, 0)
	}
	c.anchor = nil
	if !a.agreed {
		a.exchange, _ = a.exchange.Next(dialog.SendAnswer)
	}
	c.acceptCaller(body, then)
	c.expect()
}

// retag gives the caller's leg another tag.
func (c *call) retag() {
	a := &c.a
	c.sh.UnbindDialog(a.dlg.CallID, a.dlg.LocalTag)
	old := a.dlg.LocalTag
	a.dlg.LocalTag = c.sh.NewTag()
	a.dlg.From = strings.TrimSuffix(a.dlg.From, old) + a.dlg.LocalTag
	a.sdp = sdp.Leg{Origin: newOrigin(c.sh.Now().Unix())}
	a.agreed, a.exchange, a.remote = false, dialog.OfferReceived, c.offer
	c.sh.BindDialog(a.dlg.CallID, a.dlg.LocalTag, a)
	c.plumb(a)
}

// offerToCaller sends the caller the callee's offer; the caller's answer comes with its ACK.
func (c *call) offerToCaller(d *sdp.Session) {
	c.a.shield = c.propose(c.u.ask(c.a.dlg.Flow), d)
	body := c.a.write(d, 0)
	c.a.exchange, _ = c.a.exchange.Next(dialog.SendOffer)
	c.acceptCaller(body, func(answer *sdp.Session) { c.callerAnswered(fitted(answer, d)) })
}

// callerAnswered carries the caller's answer to the callee.
func (c *call) callerAnswered(answer *sdp.Session) {
	if c.phase != answering {
		return
	}
	if answer == nil {
		c.hangup(bySystem, "the caller acknowledged without an answer to the offer", nil)
		return
	}
	sh, err := c.a.shield.settle(answer)
	if err != nil {
		c.hangup(bySystem, "the caller did not protect its media as asked to", nil)
		return
	}
	c.phase = up
	c.a.remote, c.a.shield, c.a.weOffered = answer, sh, true
	c.a.exchange, _ = c.a.exchange.Next(dialog.ReceiveAnswer)
	if c.pickedAt != "" { // the callee was in a call before
		c.plumb(&c.a)
		c.match()
		c.connect(c.b, func() {
			c.expect()
			if preferred(c.a.remote) != preferred(c.b.remote) {
				c.resync(&c.a)
			}
		})
		return
	}
	c.b.sdp = sdp.Leg{Origin: newOrigin(c.sh.Now().Unix())}
	body := c.b.write(answer, 0)
	c.b.exchange, _ = c.b.exchange.Next(dialog.SendAnswer)
	c.b.sendAck(body)
	c.plumb(&c.a)
	c.plumb(c.b)
	c.expect()
}

// acceptCaller answers the caller's INVITE with 200.
func (c *call) acceptCaller(body []byte, then func(*sdp.Session)) {
	a := &c.a
	a.phase = legUp
	c.rel.stop()
	b := c.response(200)
	b.Add("Supported", supported)
	a.addSession(b)
	a.accept(c.tx, b.Finish(contentSDP, body), then)
	a.ok.first = true
	a.armSession()
}

// accepted is a 2xx of ours to an INVITE, repeated until its ACK comes.
type accepted struct {
	tx     *transaction.Server
	seq    uint32
	first  bool // it answers the INVITE that made the dialog
	repeat dialog.Repeat
	timer  *transaction.Timer
	then   func(answer *sdp.Session) // our offer's answer comes with the ACK
}

// accept sends a 2xx.
func (l *leg) accept(tx *transaction.Server, b []byte, then func(*sdp.Session)) {
	l.ok.stop()
	l.ok = accepted{tx: tx, seq: tx.Request().CSeq(), then: then}
	_ = tx.Respond(200, b) // a loss is mended by the repetition
	l.repeatLater()
}

func (l *leg) repeatLater() {
	wait, more := l.ok.repeat.Next()
	l.ok.timer = l.c.after(wait, func() {
		if l.ok.tx == nil {
			return
		}
		if !more {
			l.unacknowledged()
			return
		}
		_ = l.ok.tx.Resend()
		l.repeatLater()
	})
}

// unacknowledged gives up waiting for an ACK (RFC 3261 section 13.3.1.4).
func (l *leg) unacknowledged() {
	l.ok.stop()
	if l.phase == legLeaving {
		l.sendBye()
		return
	}
	l.c.hangup(bySystem, "the "+l.side.String()+" did not acknowledge the answer", nil)
}

// acknowledged takes the ACK.
func (l *leg) acknowledged(ack *message.Message) {
	then := l.ok.then
	l.ok.tx.Acknowledged()
	l.ok.stop()
	if l.phase == legLeaving {
		l.sendBye()
		return
	}
	if l == &l.c.a && l.c.loan != nil && l.c.loan.to == l.c {
		l.c.loan.keep()
	}
	if then != nil {
		answer, _ := describe(ack)
		then(answer)
	}
}

func (a *accepted) stop() {
	a.timer.Stop()
	*a = accepted{}
}

// sendAck acknowledges the 2xx to our last INVITE and keeps the bytes for repeated ones.
func (l *leg) sendAck(body []byte) {
	if l.astray() && l.reroute(func() { l.transmitAck(body) }) {
		return
	}
	l.transmitAck(body)
}

func (l *leg) transmitAck(body []byte) {
	b := l.dlg.Ack(l.c.sh.NewBranch())
	l.ack = acked{l.dlg.InviteSeq, b.Finish(contentSDP, body)}
	l.sendOn(l.dlg.Flow, l.ack.bytes)
}

// repeatAck answers a repeated 2xx.
func (l *leg) repeatAck(seq uint32) {
	if l.ack.bytes != nil && l.ack.seq == seq {
		l.sendOn(l.dlg.Flow, l.ack.bytes)
	}
}
