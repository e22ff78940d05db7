package b2bua

import (
	"time"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/sip/dialog"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/sdp"
	"github.com/koppelfeld/koppelfeld/sip/transaction"
)

// maxDialogs bounds the dialogs of one INVITE: what lies behind a contact may have forked it
// (RFC 3261 section 12.1.2).
const maxDialogs = 16

// dialog finds the dialog with a tag of the peer.
func (f *fork) dialog(tag string) *leg {
	if f.dlg.RemoteTag == tag {
		return &f.leg
	}
	for _, l := range f.siblings {
		if l.dlg.RemoteTag == tag {
			return l
		}
	}
	return nil
}

// meet is the dialog that a response belongs to; a new tag makes a new one. It is nil when the
// response has no tag, or there are too many already.
func (f *fork) meet(res *message.Message) *leg {
	tag := res.ToTag()
	if tag == "" {
		return nil
	}
	if l := f.dialog(tag); l != nil {
		return l
	}
	l := &f.leg
	switch {
	case f.dlg.RemoteTag == "":
	case len(f.siblings) >= maxDialogs-1 && res.Status() < 200: // an answer may always come
		return nil
	default:
		l = &leg{c: f.c, side: calleeSide, at: f.at, dlg: f.dlg.Another(), offered: f.offered}
		f.siblings = append(f.siblings, l)
	}
	l.dlg.Establish(res)
	if f.hadOffer {
		l.exchange, _ = dialog.Stable.Next(dialog.SendOffer)
	}
	return l
}

// forget drops all dialogs but one.
func (f *fork) forget(keep *leg) {
	if keep != &f.leg {
		f.leg.drop()
	}
	for _, l := range f.siblings {
		if l != keep {
			l.drop()
		}
	}
	if c := f.c; c.early != nil && c.phase == ringing && c.early.phase == legGone {
		c.lostEarly()
	}
	f.siblings = nil
	if keep != nil && keep != &f.leg {
		f.siblings = []*leg{keep}
	}
}

func (f *fork) unbind() {
	if f.leg.bound {
		f.leg.bound = false
		f.c.sh.UnbindDialog(f.dlg.CallID, f.dlg.LocalTag)
	}
}

// Request implements sip.DialogUser for all dialogs of the fork.
func (f *fork) Request(tx *transaction.Server) {
	defer f.c.guard()
	req := tx.Request()
	l := f.dialog(req.FromTag())
	switch {
	case f.state == forkWon && l == nil:
		f.c.u.respond(tx, 481)
	case f.state == forkWon:
		l.Request(tx)
	case req.Method() == message.BYE:
		f.earlyBye(l, tx)
	case l == nil:
		// It has overtaken the response that makes its dialog.
		f.c.u.busy(tx, 500)
	default:
		l.Request(tx)
	}
}

// Ack implements sip.DialogUser.
func (f *fork) Ack(ack *message.Message) {
	defer f.c.guard()
	if l := f.dialog(ack.FromTag()); l != nil {
		l.Ack(ack)
	}
}

// earlyBye takes a BYE of a contact whose answer we have not seen. It may not send one (RFC 3261 section 15), unless its
// answers were lost for so long that it has given up: there is nobody to talk to in any case.
func (f *fork) earlyBye(l *leg, tx *transaction.Server) {
	f.c.u.respond(tx, 200)
	if f.lose(l); !f.alive() {
		f.giveUp(480)
	}
}

// lose drops a dialog that has ended before an answer.
func (f *fork) lose(l *leg) {
	if l == nil {
		return
	}
	l.drop()
	if f.c.early == l {
		f.c.lostEarly()
	}
}

// alive reports whether the fork has an early dialog.
func (f *fork) alive() bool {
	for _, l := range f.siblings {
		if l.phase == legEarly {
			return true
		}
	}
	return f.phase == legEarly && f.dlg.RemoteTag != ""
}

// timerC is how long a contact may say nothing at all; it has to be more than three minutes.
const timerC = 3*time.Minute + 10*time.Second

// wait bounds the ringing of one contact: by what its slot is to ring at most, and by timer C (RFC 3261 section
// 16.6), which every provisional response but 100 starts again. What the timer of the whole call would forestall is not set.
func (f *fork) wait() {
	c := f.c
	sofar := c.sh.Now().Sub(f.start)
	d := timerC
	if most := f.target.RingTimeout; most > 0 {
		d = max(min(d, most-sofar), 0)
	}
	f.limit.Stop()
	if c.sh.Now().Add(d).Before(c.ringEnd) {
		f.limit = c.after(d, func() { f.giveUp(408) })
	}
}

// provisional takes 101 to 199.
func (f *fork) provisional(res *message.Message) {
	c := f.c
	if f.state > forkRinging || c.phase != ringing {
		return
	}
	f.wait()
	l := f.meet(res)
	reliable := res.HasToken(message.HRequire, reliably)
	if reliable && (l == nil || l.phase != legEarly || !l.reliable.next(res)) {
		return
	}
	if l != nil && !l.take(f, res, reliable) {
		return
	}
	switch status := res.Status(); {
	case status == 181:
	case status == 199:
		f.lose(l) // RFC 6228: something behind the contact has given up on one of its phones
	default:
		f.rings(l, status)
	}
}

// take takes what a provisional response says about its dialog. It is false when nothing more is to be made of it.
func (l *leg) take(f *fork, res *message.Message, reliable bool) bool {
	c := l.c
	if l.phase != legEarly {
		return false
	}
	l.dlg.Refresh(res)
	if res.Has(message.HAllow) {
		l.allowUpdate = res.HasToken(message.HAllow, "UPDATE")
	}
	var d *sdp.Session
	unfit, sh := false, (*shield)(nil)
	if c.offer != nil && !l.agreed && res.Status() != 199 {
		if d, _ = describe(res); d != nil {
			if d = fitted(d, c.offer); d != nil && len(d.Media) == 0 {
				d = nil
			}
			sh = f.shielded(l, &d)
			unfit = d == nil
		}
	}
	if d != nil && (l.remote == nil || reliable) {
		l.remote, l.shield = d, sh
	}
	if reliable {
		l.prack(res)
		switch {
		case unfit:
			f.giveUp(488)
			return false
		case d != nil:
			l.agreed = true
			l.sdp = f.described()
			l.exchange, _ = l.exchange.Next(dialog.ReceiveAnswer)
		}
	}
	return true
}

// rings lets the caller know that a contact rings, or hear what it plays.
func (f *fork) rings(l *leg, status int) {
	c := f.c
	if f.state == forkCalling {
		f.state = forkRinging
		f.ringAt = c.sh.Now()
	}
	if l == nil || l.remote == nil || c.early != nil && c.early != l || !c.audible(l) {
		c.ring()
		c.sound()
		return
	}
	c.recoded = c.recoded || f.wide
	if status != l.passed { // repeating it tells the caller nothing
		c.earlyMedia(l, status)
		l.passed = status
	}
}

// audible reports whether a dialog's early media fits the answer that the caller has, if it has one.
func (c *call) audible(l *leg) bool {
	return c.anchor == nil || c.early == l || c.promised() || c.alike(c.anchor, l.remote)
}

// alike reports whether the caller may keep its answer when another description takes the place of the one it was made of.
func (c *call) alike(before, after *sdp.Session) bool {
	mask := sdp.ChangedMedia | sdp.ChangedCodecs
	if c.u.cfg.Media == nil {
		mask |= sdp.ChangedAddress
	}
	return sdp.Compare(before, after)&mask == 0 || c.u.cfg.Media != nil && sdp.Covers(before, after)
}

// ring lets the caller hear ringback, once.
func (c *call) ring() {
	if c.rung {
		return
	}
	c.progress(180, nil)
	c.noteRinging()
}

// earlyMedia lets the caller hear what one phone plays before it answers. The answer that
// goes with it stays the answer of the whole INVITE.
func (c *call) earlyMedia(l *leg, status int) {
	if c.early == nil {
		c.early = l
		c.plumb(l)
		c.listen()
	}
	if c.anchor == nil {
		c.anchor = l.remote
		c.a.write(l.remote, 0)
	}
	if status != 180 {
		status = 183
	}
	c.progress(status, c.a.sdp.Last())
	c.sound()
	c.noteRinging()
}

// lostEarly lets the caller hear another phone when the one that it heard has ended before an answer.
func (c *call) lostEarly() {
	c.early = nil
	for _, f := range c.forks {
		if f.state != forkRinging {
			continue
		}
		for i := -1; i < len(f.siblings); i++ {
			l := &f.leg
			if i >= 0 {
				l = f.siblings[i]
			}
			if l.phase == legEarly && l.remote != nil && c.audible(l) {
				c.early = l
				c.plumb(l)
				c.listen()
				return
			}
		}
	}
	c.hush()
}

func (c *call) noteRinging() {
	if c.rung {
		return
	}
	c.rung = true
	c.rec.RingAt = c.sh.Now()
	c.publish(calls.CallRinging)
}

// ringingForks counts the contacts that may still answer.
func (c *call) ringingForks() (n int) {
	for _, f := range c.forks {
		if f.state < forkCancelling {
			n++
		}
	}
	return n
}

// progress sends the caller a provisional response.
func (c *call) progress(status int, body []byte) {
	if c.front != nil {
		c.front.progressed(status)
		return
	}
	if c.rel != nil {
		c.rel.send(status, body)
		return
	}
	b := c.response(status)
	_ = c.tx.Respond(status, b.Finish(contentSDP, body))
}
