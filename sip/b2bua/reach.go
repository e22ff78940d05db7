package b2bua

import (
	"github.com/koppelfeld/koppelfeld/sip/dialog"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/resolve"
	"github.com/koppelfeld/koppelfeld/sip/transaction"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// Resolver finds where requests to a URI are to be sent; *resolve.Resolver is one. Its methods are called from
// shards and must not block.
type Resolver interface {
	// Lookup returns the targets and true, or false, and calls done later from any goroutine.
	// source is in whose name it is done; each has a share of what may be under way.
	Lookup(q resolve.Query, source string, done func(resolve.Result)) (resolve.Result, bool)
	// Failed tells that a target cannot be used for the moment, Answered that it can.
	Failed(t transport.Target)
	Answered(t transport.Target)
}

// ways are the places where one contact can be tried, in turn (RFC 3263 section 4.3).
type ways struct {
	left []transport.Target // not tried yet
	now  transport.Target   // being tried; none when the phone itself keeps the flow open
	// others are further flows to the same device (RFC 5626).
	others []Contact
}

// find looks for the targets of a URI in the name of a slot. When it returns true, done is called later with them; it is for the
// shard of the caller to get there.
func (u *UA) find(uri, slot string, done func([]transport.Target)) ([]transport.Target, bool) {
	if u.cfg.Resolver == nil {
		if t, ok := dialog.TargetOf(uri); ok {
			return []transport.Target{t}, false
		}
		return nil, false
	}
	q, err := resolve.QueryOf(uri)
	if err != nil {
		return nil, false
	}
	res, ok := u.cfg.Resolver.Lookup(q, slot, func(res resolve.Result) { done(res.Targets) })
	return res.Targets, !ok
}

// next takes the next target to which a flow can be had, nil when there is none.
func (w *ways) next(u *UA) *transport.Flow {
	for len(w.left) > 0 {
		w.now, w.left = w.left[0], w.left[1:]
		if f, err := u.cfg.FlowTo(w.now); err == nil {
			return f
		}
	}
	w.now = transport.Target{}
	return nil
}

// heard tells the resolver how a target has answered.
func (w *ways) heard(u *UA, status int) {
	if u.cfg.Resolver == nil || w.now.Proto == "" {
		return
	}
	if status == 0 || status == 503 {
		u.cfg.Resolver.Failed(w.now)
		return
	}
	u.cfg.Resolver.Answered(w.now)
}

// reach finds the first way to a contact: the flow that the phone keeps open, another one of the device, or one to where the
// contact or the first proxy of its path is. A contact without a flow is looked for first, and its others come after that. With no flow and true the DNS has to be asked first.
func (f *fork) reach(at *Contact) (*transport.Flow, bool) {
	f.ways.others = at.Others
	if at.Flow != nil && !at.Flow.Closed() {
		f.kept = len(at.Path) == 0 // else a proxy keeps it, which says by Record-Route where it wants to be reached
		return at.Flow, false
	}
	if at.Flow != nil {
		if flow := f.nextFlow(); flow != nil {
			return flow, false
		}
	}
	uri := at.URI
	if len(at.Path) > 0 {
		a, err := message.ParseAddr(at.Path[0])
		if err != nil {
			return nil, false
		}
		uri = a.URI
	}
	c := f.c
	targets, later := c.u.find(uri, f.target.SlotID, func(targets []transport.Target) {
		c.post(func() { f.found(targets) })
	})
	if later {
		return nil, true
	}
	f.ways.left = targets
	return f.next(), false
}

// next is the flow to the contact's next target, or the next flow to the device, nil when there is none.
func (f *fork) next() *transport.Flow {
	if flow := f.ways.next(f.c.u); flow != nil {
		f.kept = false
		return flow
	}
	return f.nextFlow()
}

// found goes on with what the DNS knows, unless nobody waits for it any more.
func (f *fork) found(targets []transport.Target) {
	if f.state != forkCalling || f.tx != nil || f.c.phase != ringing {
		return
	}
	f.ways.left = targets
	if flow := f.next(); flow != nil {
		f.begin(flow)
		return
	}
	f.fail(0)
}

// nextFlow takes the next flow to the device that is open, nil when there is none.
func (f *fork) nextFlow() *transport.Flow {
	for len(f.ways.others) > 0 {
		at := &f.ways.others[0]
		f.ways.others = f.ways.others[1:]
		if at.Flow != nil && !at.Flow.Closed() && f.c.suits(at.URI) {
			f.contact, f.path = at.URI, at.Path
			f.kept = len(at.Path) == 0
			return at.Flow
		}
	}
	return nil
}

// elsewhere goes on to the contact's next target when the one being tried does not answer. It is false when there is
// none, or when a phone rings already.
func (f *fork) elsewhere(status int) bool {
	c := f.c
	f.ways.heard(c.u, status)
	if f.state != forkCalling || c.phase != ringing {
		return false
	}
	flow := f.next()
	if flow == nil {
		return false
	}
	f.restart()
	f.dlg.Use(flow, contactUser)
	f.dlg.Kept = f.kept
	f.send()
	return true
}

// hurry gives a target that says nothing at all up before its transaction does, when there is another to be tried: the
// caller does not wait for 64*T1. Its INVITE stays cancelled, should it answer after all.
func (f *fork) hurry() {
	if len(f.ways.left) == 0 && len(f.ways.others) == 0 && f.plain == nil && len(f.spare) == 0 {
		return
	}
	tx := f.tx
	f.c.after(f.c.u.cfg.FailoverAfter, func() {
		if f.tx != tx || tx.Status() != 0 || tx.Ended() || f.state != forkCalling {
			return
		}
		switch {
		case f.shrink(true), f.elsewhere(0):
			tx.Cancel()
		case len(f.spare) > 0:
			tx.Cancel()
			f.fail(0)
		}
	})
}

// astray reports whether the flow may not be the way for the next request. It is asked first, so that most requests cost no closure.
func (l *leg) astray() bool {
	return l.dlg.Flow.Closed() || !l.settled && len(l.dlg.Routes) > 0
}

// reroute finds the way for a request, where the flow is not the right one. It returns true when that takes a while; then runs when it is over.
func (l *leg) reroute(then func()) bool {
	if l.dlg.Flow.Closed() {
		return l.seek(then)
	}
	return l.settle(then)
}

// seek finds a new way to the peer whose flow has ended, by the route set or the remote target. It returns true when
// that takes a while; then runs when it is over, whatever came of it.
func (l *leg) seek(then func()) bool {
	c := l.c
	uri, ok := l.dlg.NextURI()
	if !ok {
		return false
	}
	if f := c.u.deviceFlow(uri); f != nil {
		l.dlg.Flow = f
		return false
	}
	targets, later := c.u.find(uri, l.slot(), func(targets []transport.Target) {
		c.post(func() {
			l.reconnect(targets)
			then()
		})
	})
	if !later {
		l.reconnect(targets)
	}
	return later
}

// slot is whose leg it is, as far as that is known before an answer.
func (l *leg) slot() string {
	switch c := l.c; {
	case l.side == callerSide:
		return c.account.SlotID
	case c.won != nil:
		return c.won.target.SlotID
	}
	return ""
}

// reconnect takes the first target to which there is a flow, if the leg has none by now.
func (l *leg) reconnect(targets []transport.Target) {
	if l.dlg.Flow == nil || !l.dlg.Flow.Closed() {
		return
	}
	w := ways{left: targets}
	if f := w.next(l.c.u); f != nil {
		l.dlg.Flow = f
	}
}

var _ Resolver = (*resolve.Resolver)(nil)

// sender is a user of a transaction that wants to know it, even if the request could be sent only later.
type sender interface {
	sent(tx *transaction.Client)
}
