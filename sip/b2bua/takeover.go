package b2bua

import (
	"math/rand/v2"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/routing"
	"github.com/koppelfeld/koppelfeld/sip"
	"github.com/koppelfeld/koppelfeld/sip/auth"
	"github.com/koppelfeld/koppelfeld/sip/dialog"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/sdp"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// An INVITE with Replaces (RFC 3891) takes over a call that is up: a user moves it from one of his phones to another. The
// INVITE is handled in the shard of the dialog that it names. Other people's calls, and calls that ring, are not to be
// had: picking up needs rights that there are none of yet.

// replaces is the option tag of RFC 3891. There is none of RFC 3911 here: Join is understood and refused.
const replaces = "replaces"

// maxHandovers bounds how often an INVITE follows a dialog that has moved.
const maxHandovers = 4

// named reads the dialog that an INVITE wants to replace or to join. Only one may be named.
func named(req *message.Message) (r replaced, ok bool) {
	value, n := "", 0
	for _, h := range [...]message.ID{message.HReplaces, message.HJoin} {
		for v := range req.Lines(h) {
			value = v
			n++
		}
	}
	if n != 1 {
		return r, false
	}
	return parseReplaces(value)
}

// inviteWith takes an INVITE with Replaces or Join.
func (u *UA) inviteWith(sh *sip.Shard, in transport.Inbound, account *auth.Account) {
	r, ok := named(in.Msg)
	if !ok {
		if tx := sh.Accept(in); tx != nil {
			u.respond(tx, 400)
		}
		return
	}
	u.follow(sh, in, account, r, sh.Stack().ShardFor(r.callID), maxHandovers)
}

// follow takes the INVITE to where its dialog is.
func (u *UA) follow(sh *sip.Shard, in transport.Inbound, account *auth.Account, r replaced, to *sip.Shard, hops int) {
	if to == nil || to == sh || hops == 0 {
		u.replace(sh, in, account, r)
		return
	}
	to.Post(func() { u.follow(to, in, account, r, to.Passing(r.callID), hops-1) })
	sh.HandOver(in.Msg.CallID(), to)
}

// replace refuses the INVITE, or makes a call of the one who sent it and of the peer of the dialog that it names.
func (u *UA) replace(sh *sip.Shard, in transport.Inbound, account *auth.Account, r replaced) {
	tx := sh.Accept(in)
	if tx == nil {
		sh.Release(in.Msg.CallID())
		return
	}
	l, status := u.replaceable(sh, r, account)
	if status == 0 && in.Msg.Has(message.HJoin) {
		status = 501 // there is nothing yet that mixes
	}
	deal, refused := u.negotiate(in.Msg)
	switch {
	case status == 0 && !refused:
		c := u.newCall(sh, tx, account, calledNumber(in.Msg))
		defer c.guard()
		c.a.deal, c.a.moved = deal, true
		c.takeOver(l)
		return
	case status == 0:
		u.respond(tx, 422, "Min-SE", itoa(u.cfg.Timers.Min))
	case status == 500:
		u.busy(tx, 500)
	default:
		u.respond(tx, status)
	}
	sh.Release(in.Msg.CallID())
}

// replaceable finds the leg that an account may replace (RFC 3891 section 3).
func (u *UA) replaceable(sh *sip.Shard, r replaced, account *auth.Account) (*leg, int) {
	user := sh.Dialog(r.callID, r.toTag)
	if f, ok := user.(*fork); ok && f.state < forkCancelling && f.dialog(r.fromTag) != nil {
		return nil, 403 // a phone that rings: see above
	}
	l := legOf(user, r.fromTag)
	switch {
	case l == nil || l.phase == legEarly: // we have not begun that dialog
		return nil, 481
	case l.phase > legUp:
		return nil, 603
	case l.c.loan != nil:
		return nil, 500 // it is being taken over, or taking over, already
	case l.c.phase != up || l.c.other(l) == nil || l.c.other(l).phase != legUp:
		return nil, 481
	case l.c.party(l.side).user != account.UserID || account.UserID == "":
		return nil, 403
	case r.earlyOnly:
		return nil, 486
	case l.c.transfer != nil || l.c.reserved != nil || !l.c.other(l).idle():
		return nil, 500
	}
	return l, 0
}

// takeOver lets the caller of this call take the place of a leg of another.
func (c *call) takeOver(l *leg) {
	if e, extra := c.unfit(c.tx.Request()); e.status != 0 {
		c.reject(e, extra...)
		return
	}
	if e := c.overLimit(); e.status != 0 {
		c.reject(e)
		return
	}
	if c.offer == nil {
		c.reject(ending{result: calls.Failed, status: 488, by: bySystem, cause: "a call cannot be taken over without an offer"})
		return
	}
	old := l.c
	peer := old.other(l)
	switch {
	case c.sips && !old.sips:
		c.reject(sipsNotAllowed())
		return
	case old.sips && !c.sips:
		c.reject(sipsRequired())
		return
	}
	if err := c.openStreams(c.offer, peer.dlg.Flow); err != nil {
		c.noMedia(err)
		c.reject(ending{result: calls.Failed, status: 503, by: bySystem, cause: "no media port is free"})
		return
	}
	by, whom := old.party(l.side), old.party(peer.side)
	c.plan = routing.Plan{Outcome: routing.Ring, Number: whom.number, Shown: by.shown, ShownCalled: whom.shown, CallerNumber: by.number}
	c.hold(whom.number, by.number, c.account.SlotID)
	c.showFrom(by.shown, by.number)
	c.rec.Number, c.rec.ToUser, c.rec.ToSlot = whom.number, whom.user, whom.slot
	c.reached = identity(whom.shown, c.u.cfg.Domain)
	c.sh.BindDialog(c.a.dlg.CallID, c.a.dlg.LocalTag, &c.a)
	c.a.bound = true
	c.phase = holding
	c.plumb(&c.a)
	b := c.borrow(l, &whom)
	c.match()
	if whom.outside == "" {
		b.reached = identity(by.shown, c.u.cfg.Domain)
	}
	c.enter()
	c.offerOver(b)
}

// offerOver offers the peer what the new phone offers, and answers that with the peer's answer.
func (c *call) offerOver(b *leg) {
	if c.phase != holding {
		return
	}
	b.renew()
	b.offer(message.INVITE, c.offer, func(res *message.Message, answer *sdp.Session) {
		switch {
		case c.phase != holding:
		case answer != nil:
			c.rec.AnswerAt = c.sh.Now()
			c.loan.spoken()
			c.answerCaller(b, answer)
			c.publish(calls.CallAnswered)
		case lost(res):
			c.loan.sever("the other party does not know the call any more")
			c.hangup(bySystem, "the other party does not know the call any more", nil)
		case res.Status() == 491:
			c.again(b, dialog.GlareWait(b.dlg.Owner, rand.IntN), func() { c.offerOver(b) })
		default:
			b.leave()
			c.refuse(ending{
				result: calls.Failed, status: carriedStatus(res), by: bySystem,
				cause: "the other party did not take the other phone: " + itoa(res.Status()),
			})
		}
	})
}
