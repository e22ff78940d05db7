package b2bua

import (
	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/routing"
)

// Ringing that ends without an answer may go on elsewhere: the plan says with whom (routing.Plan.Next). To the caller it is
// the same call, with one answer; it hears it ring on. Each turn has targets and a ring time of its own.

// maxForks bounds the contacts that one call rings in all its turns. A hunt group may go round for long.
const maxForks = 512

// caseOf is the case of forwarding that an ending stands for (SPEC F1).
func caseOf(e ending) routing.Case {
	switch e.result {
	case calls.Busy, calls.Declined:
		return routing.OnBusy
	case calls.NoAnswer:
		return routing.OnNoAnswer
	}
	return routing.OnUnregistered
}

// goOn carries out what the plan says comes after an ending. It is false when nothing does, and the call ends as it
// stands. Who has been rung now may be out of reach again: checkForks finds out.
func (c *call) goOn(e ending) bool {
	if len(c.forks) >= maxForks {
		return false
	}
	why, now, live := caseOf(e), c.sh.Now(), others{c.u.live, c}
	plan, ok := c.plan.Next(why, now, live)
	if !ok {
		return false
	}
	plan = c.reserve(plan.Number, func() (p routing.Plan) {
		p, ok = c.plan.Next(why, now, live)
		return p
	}, func(p *routing.Plan) {
		c.runsOver(p)
		c.u.cfg.Live.TakeTurn(p.Turn)
	})
	if !ok {
		return false
	}
	if !plan.Keep {
		c.stopRinging()
	}
	c.plan = plan
	c.follow()
	if plan.Outcome != routing.Ring {
		c.refuse(planned(plan.Outcome))
		return true
	}
	c.address()
	c.ringFrom(now)
	if plan.Keep {
		for _, f := range c.forks {
			if f.state < forkCancelling {
				f.wait() // the time is another one
			}
		}
	}
	c.ringTargets()
	c.sound()
	if c.rung {
		c.publish(calls.CallRinging)
	} else {
		c.u.cfg.Table.Update(c.view())
	}
	return true
}

// stopRinging ends the ringing of all who ring, and with it what the caller hears of them.
func (c *call) stopRinging() {
	c.calling = true // the caller hears ringback until others ring
	if c.early != nil {
		c.early = nil
		c.hush()
	}
	for _, f := range c.forks {
		f.cancel("", "timeout")
	}
	if c.a.in != nil { // an offer that was for one of them
		c.a.reject(c.a.in, 500)
		c.a.in = nil
	}
	c.recoded = false
	c.best, c.since = ending{}, len(c.forks)
	c.calling = false
}

// follow notes in the record where the call has come to.
func (c *call) follow() {
	p, hops := &c.plan, c.hops()
	c.rec.Number, c.rec.ToUser = p.Number, ""
	switch {
	case p.OwnerType == routing.OwnerUser:
		c.rec.ToUser = p.OwnerID
	case p.OwnerType == "" && len(hops) > 0: // outside: it is the call of who has forwarded it there
		c.rec.ToUser = hops[len(hops)-1].UserID
	}
	c.rec.Forwards = c.forwards()
}

// showFrom notes in the record who calls. A number that is not shown to the callee is in it all the same.
func (c *call) showFrom(shown routing.Identity, own string) {
	switch {
	case shown.Number != "":
		c.rec.From, c.rec.FromName = shown.Number, shown.Name
	case own != "":
		c.rec.From, c.rec.FromHidden = own, true
	case c.plan.Outcome == routing.Ring:
		c.rec.From, c.rec.FromName = "", shown.Name
	}
}

// rang reports whether a contact of this turn has rung.
func (c *call) rang() bool {
	for _, f := range c.forks[c.since:] {
		if !f.ringAt.IsZero() {
			return true
		}
	}
	return false
}

// address makes the identities of a turn: what the callees are shown as called, and what the caller is shown as reached.
func (c *call) address() {
	c.to, c.reached = identity(routing.Identity{Number: c.plan.Number}, c.u.cfg.Domain), ""
	if id := c.plan.ShownCalled; id.Number != "" && !c.isOutside() {
		c.reached = identity(id, c.u.cfg.Domain)
	}
}

// declined lets nobody ring on whose number has been declined for good (RFC 3261 section 16.7). Other numbers of the same call do:
// a member of a hunt group does not speak for the others.
func (f *fork) declined() {
	if f.target.Outside != "" {
		return // a network outside does not speak for the owner's phones
	}
	for _, other := range f.c.forks {
		if other.target.Number == f.target.Number && other.target.Outside == "" {
			other.cancel("", "cancelled")
		}
	}
}
