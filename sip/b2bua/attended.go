package b2bua

import (
	"time"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/routing"
	"github.com/koppelfeld/koppelfeld/sip"
)

// An attended transfer joins the two calls of a transferor: who stays in the one, and who was asked in the other, become a
// call of their own. The calls may lie in different shards; what has to be known or done in the other one goes there as an
// event, so that neither waits:
//
//	call of the REFER                        call that Replaces names
//	   │ ── reserve ──────────────────────────▶ │ the transferor may hang up, the call stays
//	   │ ◀────────────────── reserved ───────── │
//	   │ who stays is detached                  │
//	   │ ── complete ─────────────────────────▶ │ who was asked is detached, both are attached to a new call
type reservation struct {
	c    *call
	l    *leg // the transferor's
	left bool // it has hung up
}

// reservedFor bounds how long a call waits for who is to be joined.
const reservedFor = 10 * time.Second

// attend looks for the other call.
func (t *transfer) attend(r replaced) {
	c := t.c
	user, sips := c.party(t.l.side).user, c.sips
	c.sh.Stack().Seek(r.callID, func(sh *sip.Shard) {
		res, status := reserve(sh, r, user, sips)
		c.post(func() { t.reserved(res, status) })
	})
}

// reserve finds a dialog of a user's and keeps its call for being joined. Both calls are to sips URIs, or neither. It runs in the
// shard of the dialog.
func reserve(sh *sip.Shard, r replaced, user string, sips bool) (*reservation, int) {
	l := legOf(sh.Dialog(r.callID, r.toTag), r.fromTag)
	if l == nil {
		return nil, 481
	}
	c := l.c
	defer c.guard()
	switch {
	case l == &c.a && c.phase == ringing && c.account.UserID == user && c.tx != nil:
		c.refuse(ending{result: calls.Cancelled, status: 487, by: byCaller, cause: "the caller transferred another call to " + c.called})
		return nil, statusRinging
	case c.phase != up || l.phase != legUp || c.other(l) == nil || c.other(l).phase != legUp:
		return nil, 481
	case c.party(l.side).user != user || user == "":
		return nil, 403
	case c.reserved != nil || c.transfer != nil || c.loan != nil || r.earlyOnly:
		return nil, 486
	case c.sips != sips:
		return nil, 480
	}
	res := &reservation{c: c, l: l}
	c.reserved = res
	c.after(reservedFor, func() {
		if c.reserved == res {
			res.free("the transfer was not completed")
		}
	})
	return res, 0
}

// statusRinging stands for a call that nobody has answered yet.
const statusRinging = -1

// free gives a reservation back; a call whose transferor has left ends.
func (res *reservation) free(cause string) {
	c := res.c
	if c.reserved != res {
		return
	}
	c.reserved = nil
	if res.left {
		c.hangup(bySystem, cause, nil)
	}
}

// reserved goes on in the call of the REFER.
func (t *transfer) reserved(res *reservation, status int) {
	c := t.c
	if c.transfer != t {
		if res != nil {
			res.c.post(func() { res.free("the party to be transferred hung up") })
		}
		return
	}
	switch {
	case status == statusRinging:
		t.dial() // the number is rung again, in the name of who stays
		return
	case status != 0:
		t.fail(status, "there is no such call")
		return
	case res.c == c:
		res.c.reserved = nil
		t.fail(481, "it names the same call")
		return
	}
	c.whenIdle(t.stays(), busyTries, func(idle bool) {
		switch {
		case c.transfer != t || !idle || c.phase != up:
			res.c.post(func() { res.free("the party to be transferred hung up") })
			if c.transfer == t {
				t.fail(480, "the party to be transferred is busy")
			}
		default:
			t.complete(res)
		}
	})
}

// complete sends who stays over to the other call.
func (t *transfer) complete(res *reservation) {
	c, stay := t.c, t.stays()
	who := c.party(stay.side)
	moved := stay.detach()
	u, to := c.u, res.c.sh
	to.Post(func() { u.joined(res, moved, who) })
	c.sh.HandOver(moved.dlg.CallID, to)
	t.done(t.number)
}

// joined makes the call of the two who are left. It runs in the shard of the reserved call.
func (u *UA) joined(res *reservation, moved leg, who party) {
	c := res.c
	asked := c.other(res.l)
	whom := party{}
	alive := c.reserved == res && c.phase == up && asked != nil && asked.phase == legUp
	if alive {
		whom = c.party(asked.side)
	}
	n := u.newCallFor(c.sh, &who, whom.number)
	defer n.guard()
	n.phase, n.sips = up, c.sips
	n.attach(moved, callerSide)
	n.plan = routing.Plan{Outcome: routing.Ring, Number: whom.number, Shown: who.shown, ShownCalled: whom.shown, CallerNumber: who.number}
	n.hold(whom.number, who.number, who.slot)
	n.showFrom(who.shown, who.number)
	n.rec.Number, n.rec.ToUser, n.rec.ToSlot = whom.number, whom.user, whom.slot
	n.rec.AnswerAt = n.rec.Start
	n.enter()
	if !alive {
		n.hangup(bySystem, "the other party hung up during the transfer", nil)
		return
	}
	c.whenIdle(asked, busyTries, func(idle bool) {
		if n.phase != up {
			res.free("the other party hung up during the transfer")
			return
		}
		if !idle || c.phase != up {
			n.hangup(bySystem, "the other party hung up during the transfer", nil)
			return
		}
		c.reserved = nil
		n.join(asked.detach(), &whom, &who)
		res.l.leave()
		by := res.l.side.String()
		c.end(ending{result: calls.Answered, status: 200, by: by, cause: "the " + by + " transferred the call to " + who.number})
	})
}

// join attaches who was asked, and connects both.
func (c *call) join(moved leg, whom, who *party) {
	b := c.adopt(moved, whom)
	c.match()
	if !c.isOutside() {
		c.a.reached = identity(whom.shown, c.u.cfg.Domain)
	}
	if whom.outside == "" {
		b.reached = identity(who.shown, c.u.cfg.Domain)
	}
	if err := c.openStreams(b.remote, b.dlg.Flow); err != nil {
		c.noMedia(err)
		c.hangup(bySystem, "no media port is free", nil)
		return
	}
	c.publish(calls.CallAnswered)
	c.connect(&c.a, func() {
		c.connect(b, func() { c.expect() })
	})
}

// legOf finds the leg of a dialog by its user and the peer's tag.
func legOf(u sip.DialogUser, tag string) *leg {
	var l *leg
	switch u := u.(type) {
	case *leg:
		l = u
	case *fork:
		if l = u.dialog(tag); l != nil && u.state == forkWon {
			l = u.c.b // what has become of it
		}
	}
	if l == nil || l.dlg.RemoteTag != tag {
		return nil
	}
	return l
}
