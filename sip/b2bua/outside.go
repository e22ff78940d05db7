package b2bua

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/routing"
	"github.com/koppelfeld/koppelfeld/sip/auth"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// Calls lead outside and come from there over trunks, of which the call knows no more than what Outside and Trunks say.

// Outside finds the ways to numbers outside. It is asked from shards and must not block.
type Outside interface {
	// Ways appends the contacts over which a number may be called, to be tried in turn; none when there is no way now. The number
	// is put into a URI that has no user part. Emergency calls go out whatever is full (SPEC R5).
	Ways(buf []Contact, number string, emergency bool) []Contact
	// Shown is how a number of ours is shown outside.
	Shown(number string) string
}

// Trunks knows what comes from trunks. It is asked from readers and shards, before there is any authentication, and must
// not block.
type Trunks interface {
	// Incoming says whether an INVITE comes from a trunk, and then which of our numbers it calls and who calls. What the caller's class is
	// and which slot it has does not matter: it is outside.
	Incoming(in transport.Inbound) (called string, caller routing.Caller, ok bool)
	// Came is told once of each INVITE that comes from a trunk.
	Came(from netip.Addr, at time.Time)
}

// stranger stands in for the account of a caller outside.
var stranger = &auth.Account{}

// fromTrunk reports whether a trunk vouches for an INVITE.
func (u *UA) fromTrunk(in transport.Inbound) (called string, caller routing.Caller, ok bool) {
	if u.cfg.Trunks == nil {
		return "", caller, false
	}
	called, caller, ok = u.cfg.Trunks.Incoming(in)
	return called, routing.Caller{Class: routing.Outside, Number: caller.Number, Name: caller.Name}, ok
}

// comesIn is fromTrunk for who needs to know no more.
func (u *UA) comesIn(in transport.Inbound) bool {
	_, _, ok := u.fromTrunk(in)
	return ok
}

// comesFrom makes a new call one of a caller outside.
func (c *call) comesFrom(caller routing.Caller) {
	caller.Number, caller.Name = printable(caller.Number), printable(caller.Name)
	c.outside, c.wanted = &caller, ""
	c.rec.Class, c.rec.From, c.rec.FromName = string(routing.Outside), caller.Number, caller.Name
}

// contactsOf are the places where a target can be rung.
func (c *call) contactsOf(buf []Contact, t *routing.Target) []Contact {
	switch {
	case t.Outside == "":
		return c.u.cfg.Locator.Contacts(buf, t.SlotID)
	case c.u.cfg.Outside == nil:
		return nil
	}
	contacts := c.u.cfg.Outside.Ways(buf, t.Outside, t.Emergency)
	for i := range contacts {
		if scheme, host, ok := strings.Cut(contacts[i].URI, ":"); ok && !strings.Contains(host, "@") {
			contacts[i].URI = scheme + ":" + message.EscapeUser(t.Outside) + "@" + host
		}
	}
	return contacts
}

// ringOutside rings a number outside: over one way at a time, since each would be a call of its own there.
func (c *call) ringOutside(t *routing.Target, contacts []Contact) {
	if c.leaves(t.SlotID, "") {
		return
	}
	c.fork(t, &contacts[0], slices.Clone(contacts[1:])...)
}

// another calls over the next way when one has failed before it rang, for reasons of its own and not of the number's.
func (f *fork) another(status int) bool {
	c := f.c
	if len(f.spare) == 0 || c.phase != ringing || !f.ringAt.IsZero() || status != 0 && status != 408 && (status < 500 || status >= 600) {
		return false
	}
	next := f.spare[0]
	c.fork(f.target, &next, f.spare[1:]...)
	return true
}

// noWay is why a target is missed.
func noWay(t *routing.Target) ending {
	e := ending{result: calls.Unreachable, status: 480, by: bySystem, cause: "no phone can be reached"}
	if t.Outside != "" {
		e.cause = "no trunk carries the call to " + t.Outside
	}
	return e
}

// caller is the identity of who calls, as the target is shown it, and whether it is hidden from it.
func (f *fork) caller() (identityOf string, hidden bool) {
	c := f.c
	shown := c.plan.Shown
	switch {
	case shown.Number == "":
		return c.from, true
	case f.target.Hide:
		return identity(routing.Identity{}, c.u.cfg.Domain), true
	case f.target.Outside == "" || c.u.cfg.Outside == nil:
		return c.from, false
	}
	shown.Number = c.u.cfg.Outside.Shown(shown.Number)
	return identity(shown, c.u.cfg.Domain), false
}

// addressee is the identity of the number that a fork calls.
func (f *fork) addressee() string {
	if n := f.target.Outside; n != "" {
		return identity(routing.Identity{Number: n}, f.c.u.cfg.Domain)
	}
	return f.c.to
}

// isOutside reports whether the caller is outside, who is not told whom in the house it has reached.
func (c *call) isOutside() bool { return c.rec.Class == string(routing.Outside) }

// nameOf names one end of a call for people.
func (c *call) nameOf(slot, number string) string {
	switch {
	case slot != "":
		return c.u.cfg.SlotName(slot)
	case number != "":
		return number
	}
	return "outside"
}
