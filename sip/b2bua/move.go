package b2bua

import (
	"cmp"
	"math"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/internal/media"
	"github.com/koppelfeld/koppelfeld/routing"
	"github.com/koppelfeld/koppelfeld/sip"
	"github.com/koppelfeld/koppelfeld/sip/auth"
	"github.com/koppelfeld/koppelfeld/sip/dialog"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/sdp"
)

// party is who is at one end of a call.
type party struct {
	slot, user string
	number     string           // over which it calls or was called
	shown      routing.Identity // what others are shown of it
	source     netip.Addr
	callID     string // of its dialog
	outside    string // of somebody outside: its number, or anonymous
}

// party describes one end of a call that is up.
func (c *call) party(s side) party {
	if s == callerSide {
		p := party{
			slot: c.account.SlotID, user: c.account.UserID, number: c.held.callerNumber, shown: c.plan.Shown,
			source: c.source, callID: c.a.dlg.CallID,
		}
		if c.isOutside() {
			p.outside = cmp.Or(c.plan.Shown.Number, anonymous)
		}
		return p
	}
	p := party{number: c.calledOver(), shown: c.plan.ShownCalled, source: sourceOf(c.b.dlg.Flow.Remote().Addr()), callID: c.b.dlg.CallID}
	t := c.won.target
	p.slot, p.user, p.outside = t.SlotID, t.UserID, t.Outside
	if t.SlotID == "" && t.Outside != "" { // rung on behalf of the user, and nobody of the house
		if p.user, p.number = "", ""; t.Outside != anonymous {
			p.number, p.shown = t.Outside, routing.Identity{Number: t.Outside}
		}
	}
	return p
}

// anonymous stands for the number of somebody outside who has none.
const anonymous = "anonymous"

// class is where a party is.
func (p *party) class() string {
	if p.outside != "" {
		return string(routing.Outside)
	}
	return string(routing.Inside)
}

// account is a party as the caller of a call that it has not made itself.
func (p *party) account() *auth.Account { return &auth.Account{SlotID: p.slot, UserID: p.user} }

// newCallFor makes a call whose caller has sent no INVITE for it. It counts like any other.
func (u *UA) newCallFor(sh *sip.Shard, who *party, called string) *call {
	now := sh.Now()
	c := &call{u: u, sh: sh, id: newID(now), account: who.account(), called: called, source: who.source, forward: 70}
	c.a = leg{c: c, side: callerSide}
	c.rec = calls.Record{
		ID: c.id, Start: now, Class: who.class(), From: who.shown.Number, FromName: who.shown.Name,
		FromUser: who.user, FromSlot: who.slot, To: called, SIPCallID: who.callID,
	}
	c.kept = sh.OpenTrace(c.id)
	u.open.Add(1)
	u.active.Add(1)
	c.held.active = true
	c.held.source = u.sources.add(c.source, math.MaxInt)
	return c
}

// hold counts what runs over the numbers and slots of a call.
func (c *call) hold(number, callerNumber, callerSlot string) {
	c.held.number = number
	c.u.cfg.Live.AddNumber(number)
	c.callsAs(callerNumber, callerSlot)
}

// callsAs counts the caller's side.
func (c *call) callsAs(number, slot string) {
	live := c.u.cfg.Live
	c.held.callerNumber, c.held.callerSlot = number, slot
	live.AddNumber(number)
	live.AddSlot(slot)
}

// detach takes a leg that is idle out of its call, for another call to attach it. What is left in its place is gone, but for
// the ACK that it repeats.
func (l *leg) detach() leg {
	l.timer.Stop()
	l.retry.Stop()
	l.c.sh.UnbindDialog(l.dlg.CallID, l.dlg.LocalTag)
	m := *l
	m.timer, m.retry, m.infos = nil, nil, 0
	l.timer, l.retry = nil, nil
	l.phase, l.bound = legGone, false
	l.remote, l.sdp = nil, sdp.Leg{}
	return m
}

// attach makes a detached leg one of this call, in the call's shard.
func (c *call) attach(m leg, s side) *leg {
	l := &c.a
	if s == calleeSide {
		l = new(leg)
		c.b = l
	}
	*l = m
	l.c, l.side = c, s
	c.sh.BindDialog(l.dlg.CallID, l.dlg.LocalTag, l)
	l.bound, l.moved = true, true
	if l.out != nil {
		l.out.l = l
	}
	l.armSession()
	return l
}

// adopt makes a detached leg the callee of a call that rings nobody.
func (c *call) adopt(moved leg, whom *party) *leg {
	c.won = &fork{
		target: &routing.Target{SlotID: whom.slot, UserID: whom.user, Number: whom.number, Outside: whom.outside}, contact: moved.dlg.Target,
		state: forkWon, start: c.rec.Start, ringAt: c.rec.Start, status: 200, result: "answered",
	}
	c.won.leg.c = c
	c.forks = append(c.forks, c.won)
	c.held.calleeSlot = whom.slot
	c.u.cfg.Live.AddSlot(whom.slot)
	return c.attach(moved, calleeSide)
}

// match finds out whether the two legs of a call that were brought together share a codec.
func (c *call) match() {
	if c.u.cfg.Media != nil {
		_, c.recoded = sdp.Recode(c.b.remote, cmp.Or(c.a.remote, c.offer)) // the latter while a front stands in
	}
}

// connect offers a leg that has been attached what the other side describes, with the other's identity, until it takes it; then
// goes on. A leg that cannot take it ends the call.
func (c *call) connect(l *leg, then func()) {
	if c.phase != up || l.phase != legUp {
		return
	}
	if !l.idle() {
		c.again(l, busyWait, func() { c.connect(l, then) })
		return
	}
	l.renew()
	l.offer(message.INVITE, c.other(l).remote, func(res *message.Message, answer *sdp.Session) {
		switch {
		case c.phase != up:
		case answer != nil:
			then()
		case res != nil && res.Status() == 491:
			c.again(l, dialog.GlareWait(l.dlg.Owner, rand.IntN), func() { c.connect(l, then) })
		case lost(res):
			c.hangup(l.side.String(), "the "+l.side.String()+" does not know the call any more", nil)
		default:
			c.hangup(bySystem, "the "+l.side.String()+" did not take over the call: "+itoa(res.Status()), nil)
		}
	})
}

// renew proposes new keys for a leg whose media comes to new endpoints. One that has just been answered keeps those of a moment ago: some
// phones cannot change them, and no counter has come round (RFC 3711 section 3.3.1).
func (l *leg) renew() {
	d := cmp.Or(l.c.other(l).remote, l.c.offer)
	if l.fresh && l.keepsKeys(d) {
		return
	}
	for i := range l.shield.sections() {
		if kind := l.shield[i].kind; kind != sdp.Plain {
			l.shield = l.c.propose(kind, d)
			return
		}
	}
	l.shield = nil
}

// keepsKeys reports whether an offer can be made with the keys in use: one section of audio, protected by a key of ours.
func (l *leg) keepsKeys(d *sdp.Session) bool {
	s := l.shield.at(0)
	return d != nil && len(d.Media) == 1 && l.remote != nil && len(l.remote.Media) == 1 && s.kind == sdp.SDES && len(s.cryptos) == 1
}

// sections is how many there may be.
func (s *shield) sections() int {
	if s == nil {
		return 0
	}
	return len(s)
}

// Waiting for a leg that is busy with a re-INVITE of its own.
const (
	busyWait  = 100 * time.Millisecond
	busyTries = 50
)

// whenIdle runs fn when a leg has nothing under way, or with false when it does not become so.
func (c *call) whenIdle(l *leg, tries int, fn func(bool)) {
	switch {
	case l.idle() && l.phase == legUp:
		fn(true)
	case tries == 0 || l.phase != legUp || c.phase == ended:
		fn(false)
	default:
		c.after(busyWait, func() { c.whenIdle(l, tries-1, fn) })
	}
}

// mute lets nothing be heard from, and nothing be expected of, a side that has left.
func (c *call) mute(s side) {
	for i := range c.streams {
		if ep := c.streams[i].ep[s]; ep != nil {
			ep.SetRemote(media.Remote{})
			ep.Expect(false)
		}
	}
}
