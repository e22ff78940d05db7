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
	if f.state == forkWon && f.dlg.RemoteTag == res.ToTag() {
		f.repeatAck(res.CSeq())
		return
	}
	if f.over() || f.state == forkCancelling || c.phase != ringing {
		f.stray(res)
		f.done()
		return
	}
	d, status := describe(res)
	if d == nil && c.offer != nil {
		d = f.early
	}
	d = fitted(d, c.offer)
	if d == nil || status != 0 || c.openStreams(d) != nil {
		// An answer without a usable description is no answer; the others ring on.
		f.stray(res)
		f.fail(488)
		return
	}
	f.win(res, d)
}

// win makes the fork the callee's leg and lets the others stop ringing.
func (f *fork) win(res *message.Message, d *sdp.Session) {
	c := f.c
	now := c.sh.Now()
	f.state, f.status, f.result = forkWon, res.Status(), "answered"
	c.pending--
	c.won, c.b = f, &f.leg
	c.ringTimer.Stop()
	f.phase = legUp
	f.dlg.Establish(res)
	f.allowUpdate = res.HasToken(message.HAllow, "UPDATE")
	f.remote = d
	c.sh.BindDialog(f.dlg.CallID, f.dlg.LocalTag, &f.leg)
	f.bound = true
	c.held.calleeSlot = f.target.SlotID
	c.u.cfg.Live.AddSlot(f.target.SlotID)
	c.rec.AnswerAt, c.rec.ToSlot = now, f.target.SlotID
	f.startSession(res)

	if c.offer != nil {
		c.phase = up
		f.sendAck(nil)
		f.sdp = c.forkSDP
		c.answerCaller(f, d)
	} else {
		c.phase = answering
		f.exchange, _ = f.exchange.Next(dialog.ReceiveOffer)
		c.offerToCaller(d)
	}
	for _, other := range c.forks {
		if other != f {
			other.cancel(elsewhere, "elsewhere")
		}
	}
	c.offerBody, c.forkSDP, f.early = nil, sdp.Leg{}, nil
	c.publish(calls.CallAnswered)
}

// answerCaller sends the caller the callee's answer.
func (c *call) answerCaller(f *fork, d *sdp.Session) {
	c.plumb(&f.leg)
	local := c.a.dlg.Flow.Local().Addr()
	switch {
	case c.early == nil:
		c.write(&c.a.sdp, callerSide, local, d, 0)
	case sdp.Compare(c.early.early, d)&(sdp.ChangedMedia|sdp.ChangedCodecs) == 0:
		// The same answer again (RFC 3261 section 13.2.1).
	default:
		if c.early != f {
			// Another phone answers than the one heard: for the caller that is another
			// dialog, as if a proxy had forked.
			c.retag()
		}
		c.write(&c.a.sdp, callerSide, local, d, 0)
	}
	c.a.exchange, _ = c.a.exchange.Next(dialog.SendAnswer)
	c.acceptCaller(nil)
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
	c.sh.BindDialog(a.dlg.CallID, a.dlg.LocalTag, a)
}

// offerToCaller sends the caller the callee's offer; the caller's answer comes with its ACK.
func (c *call) offerToCaller(d *sdp.Session) {
	c.write(&c.a.sdp, callerSide, c.a.dlg.Flow.Local().Addr(), d, 0)
	c.a.exchange, _ = c.a.exchange.Next(dialog.SendOffer)
	c.acceptCaller(func(answer *sdp.Session) { c.callerAnswered(fitted(answer, d)) })
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
	c.phase = up
	c.a.remote = answer
	c.a.exchange, _ = c.a.exchange.Next(dialog.ReceiveAnswer)
	c.b.sdp = sdp.Leg{Origin: newOrigin(c.sh.Now().Unix())}
	body := c.write(&c.b.sdp, calleeSide, c.b.dlg.Flow.Local().Addr(), answer, 0)
	c.b.exchange, _ = c.b.exchange.Next(dialog.SendAnswer)
	c.b.sendAck(body)
	c.plumb(&c.a)
	c.plumb(c.b)
	c.expect()
}

// acceptCaller answers the caller's INVITE with 200 and what its leg described last.
func (c *call) acceptCaller(then func(*sdp.Session)) {
	a := &c.a
	a.phase = legUp
	b := c.response(200)
	b.Add("Supported", supported)
	a.addSession(b)
	a.accept(c.tx, b.Finish(contentSDP, a.sdp.Last()), then)
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
	flow := l.flow()
	b := l.dlg.Ack(l.c.sh.NewBranch())
	l.ack = acked{l.dlg.InviteSeq, b.Finish(contentSDP, body)}
	_ = flow.Send(l.ack.bytes) // a lost ACK is sent again with the repeated 2xx
}

// repeatAck answers a repeated 2xx.
func (l *leg) repeatAck(seq uint32) {
	if l.ack.bytes != nil && l.ack.seq == seq {
		_ = l.dlg.Flow.Send(l.ack.bytes)
	}
}
