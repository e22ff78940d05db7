package b2bua

import (
	"strings"

	"github.com/koppelfeld/koppelfeld/routing"
	"github.com/koppelfeld/koppelfeld/sip/message"
)

// A phone that answers 3xx asks us to call somebody else in its place. That is never followed to an address of its
// choosing: a phone that was taken over, or whose user was talked into it, would make us call anywhere at our cost. What is
// followed are the slot's own other registered contacts, and inside numbers that the slot itself might call; those ring
// like the rest of the call, whose ring time goes on. All else counts as a failure.

const (
	// maxRedirections bounds how often one call follows a 3xx, and with it any circle.
	maxRedirections = 5
	// maxTargets bounds the contacts of one 3xx that are looked at.
	maxTargets = 8
)

// redirected follows a 3xx, and is false when there is nothing to follow.
func (f *fork) redirected(res *message.Message) bool {
	c := f.c
	if f.state == forkCancelling || c.phase != ringing || c.redirections >= maxRedirections || c.desk != nil || f.target.Outside != "" {
		return false
	}
	c.redirections++
	before, looked := len(c.forks), 0
	for v := range res.Values(message.HContact) {
		if looked++; looked > maxTargets {
			break
		}
		a, err := message.ParseAddr(v)
		if err != nil {
			continue
		}
		u, err := message.ParseURI(a.URI)
		if err != nil {
			continue
		}
		if u.Scheme != "tel" && c.sips != (u.Scheme == "sips") { // RFC 5630 section 5.3
			continue
		}
		if !c.ringContact(f.target, u) {
			c.ringNumber(f.target, u)
		}
		if c.phase != ringing {
			return true
		}
	}
	if len(c.forks) == before {
		return false
	}
	f.status, f.result, f.endAt = res.Status(), "redirected", c.sh.Now()
	f.done()
	c.checkForks()
	return true
}

// ringContact rings a registered contact of the slot that does not ring yet.
func (c *call) ringContact(t *routing.Target, u message.URI) bool {
	var buf [8]Contact
	contacts := c.u.cfg.Locator.Contacts(buf[:0], t.SlotID)
	for i := range contacts {
		if have, err := message.ParseURI(contacts[i].URI); err == nil && have.Equal(u) {
			c.ringOnce(t, &contacts[i])
			return true
		}
	}
	return false
}

// ringNumber rings the slots of an inside number, if the slot that names it may call it.
func (c *call) ringNumber(by *routing.Target, u message.URI) {
	number, ok := routing.Dialled(userOf(u))
	if !ok || u.Scheme != "tel" && !c.ours(u) || len(number) > maxCalled || number == c.plan.Number {
		return
	}
	r := routing.Request{
		Called: number, At: c.sh.Now(), Caller: routing.Caller{Class: routing.Inside, SlotID: by.SlotID, UserID: by.UserID},
	}
	plan := c.reserve(number, func() routing.Plan {
		p := c.u.cfg.Router.Decide(r, others{c.u.live, c})
		if p.OwnerType == "" { // it is none of our numbers
			return routing.Plan{}
		}
		return p
	}, func(p *routing.Plan) {
		c.alsoOver(p.Number)
		for i := range p.Targets {
			c.alsoOver(p.Targets[i].Number)
		}
		c.u.cfg.Live.TakeTurn(p.Turn)
	})
	if plan.Outcome != routing.Ring {
		return
	}
	var buf [8]Contact
	for i := range plan.Targets {
		t := &plan.Targets[i]
		if t.Outside != "" { // it would be dialled outside
			continue
		}
		contacts := c.u.cfg.Locator.Contacts(buf[:0], t.SlotID)
		for j := range contacts {
			if c.phase == ringing {
				c.ringOnce(t, &contacts[j])
			}
		}
	}
}

// ringOnce rings a contact that the call has not tried before.
func (c *call) ringOnce(t *routing.Target, at *Contact) {
	if c.ringingForks() >= c.u.cfg.Limits.Contacts || len(c.forks) >= maxForks {
		return
	}
	for _, f := range c.forks[c.since:] {
		if f.contact == at.URI && f.target.SlotID == t.SlotID {
			return
		}
	}
	c.fork(t, at)
}

// ours reports whether a URI names this system.
func (c *call) ours(u message.URI) bool {
	if u.Scheme != "sip" && u.Scheme != "sips" {
		return false
	}
	return strings.EqualFold(u.Host, c.u.cfg.Domain) || u.Host == c.a.dlg.Flow.Local().Addr().String()
}
