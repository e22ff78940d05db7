package b2bua

import (
	"net/netip"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/routing"
	"github.com/koppelfeld/koppelfeld/sip"
	"github.com/koppelfeld/koppelfeld/sip/auth"
	"github.com/koppelfeld/koppelfeld/sip/sdp"
	"github.com/koppelfeld/koppelfeld/sip/trace"
	"github.com/koppelfeld/koppelfeld/sip/transaction"
)

// phase is where a call is.
type phase uint8

const (
	ringing   phase = iota // the caller has no final answer yet
	holding                // the callee has answered; the caller has to acknowledge a provisional response first
	answering              // the caller was answered with the callee's offer and has not acknowledged
	up
	ended
)

// call is one call. All of it belongs to its shard.
type call struct {
	u     *UA
	sh    *sip.Shard
	id    string
	kept  *trace.Ring // its messages, nil when they are not kept
	phase phase
	gone  bool

	tx      *transaction.Server // the caller's INVITE, nil for a call that a transfer has made
	account *auth.Account
	outside *routing.Caller // who calls from outside, nil for a phone
	source  netip.Addr
	called  string // as dialled
	only    device // the call is for this one alone, see dialled
	sips    bool   // it is to a sips URI, see suits
	wanted  string // number the caller wants to show
	path    string // loop marker to be sent on
	forward int    // Max-Forwards to be sent on

	a       leg   // the caller
	b       *leg  // the callee, once it has answered
	won     *fork // that b belongs to
	forks   []*fork
	early   *leg // whose early media the caller hears
	rung    bool // the caller has heard 180
	calling bool // contacts are being rung one after the other, more are to come
	best    ending
	since   int // index in forks of the first that this turn of ringing has rung, see goOn

	anchor *sdp.Session // what the caller was answered in a provisional response
	rel    *reliable    // provisional responses that the caller acknowledges, nil when it does not

	plan      routing.Plan
	claimed   int          // hops at the beginning of plan.Hops that a phone has claimed, see hops
	offer     *sdp.Session // the caller's offer, nil when it wants ours
	offerBody []byte       // what the forks were offered
	wide      *sdp.Session // the caller's offer with all that can be made of it, nil until needed
	recoded   bool         // the legs share no codec
	forkSDP   sdp.Leg
	from, to  string // identities towards the callees, without tags
	reached   string // identity of the callee towards the caller, or empty
	streams   []stream
	first     spot // of the callee's side
	outposts  []outpost
	here      uint8              // which of the callee's places the streams have now, see seat
	heard     [2]tune            // what the sides hear of us
	anchored  bool               // the caller hears one stream, whatever its sources
	listening *transaction.Timer // see listen
	quiet     bool               // the early media that the caller is to hear does not come

	redirections int
	front        front        // stands in for the caller until it is answered
	desk         *dialling    // it holds the phones of a slot for another call, and is seen by nobody
	transfer     *transfer    // begun by a REFER in this call
	reserved     *reservation // this call is to be joined with another
	loan         *loan        // its peer is lent to another call, or borrowed from one
	treated      *treatment   // the system answers it itself
	pickedBy     *claim       // somebody is about to pick it up
	pickedAt     string       // the number at which somebody has

	ringTimer *transaction.Timer
	ringEnd   time.Time
	rec       calls.Record
	held      held
	urgent    bool // an emergency call
	pending   int  // forks and legs with something under way, see settle
}

// held is what the call has counted in shared state and gives back at its end.
type held struct {
	number, callerNumber   string
	callerSlot, calleeSlot string
	more                   []string // numbers over which it rings as well
	source                 bool
	active                 bool
	entered                bool // in the table of calls
}

// ending says how a call ends.
type ending struct {
	result calls.Result
	status int // final status to the caller
	by     string
	cause  string
	retry  int // seconds after which another attempt may be worth it, 0 when nobody has said so
	// warning is the value of a Warning header that goes with the status, or "".
	warning string
}

// Who hung up, as in calls.Record.HangupBy.
const (
	byCaller = "caller"
	byCallee = "callee"
	bySystem = "system"
)

// guard ends the call, and only this one, when a fault of ours shows. To be deferred by
// everything that enters the call from outside.
func (c *call) guard() {
	fault := recover()
	if fault == nil {
		return
	}
	c.u.caught(c.sh, fault, c.id)
	e := ending{result: calls.Failed, status: 500, by: bySystem, cause: "internal error"}
	c.attempt(func() {
		if c.phase == ringing {
			c.refuse(e)
		}
		c.hangup(bySystem, e.cause, nil)
	})
	c.attempt(c.abandon)
	c.attempt(c.sh.RefuseFaulty)
	c.attempt(func() { c.end(e) })
	c.attempt(c.release)
	c.attempt(c.settle)
}

// abandon ends what is under way towards both sides when a fault came in the middle of an answer: then the phase says more than
// has been done.
func (c *call) abandon() {
	for _, f := range c.forks {
		if f != c.won {
			c.attempt(func() { f.cancel("", "cancelled") })
		}
	}
	if c.tx != nil && !c.tx.Answered() {
		c.u.respond(c.tx, 500)
		c.a.close()
	}
}

// attempt runs fn and survives it.
func (c *call) attempt(fn func()) {
	defer func() {
		if fault := recover(); fault != nil {
			c.u.caught(c.sh, fault, c.id)
		}
	}()
	fn()
}

// after runs fn in the call after d.
func (c *call) after(d time.Duration, fn func()) *transaction.Timer {
	return c.sh.After(d, func() {
		defer c.guard()
		fn()
	})
}

// post runs fn in the call; it may be called from any goroutine.
func (c *call) post(fn func()) {
	c.sh.Post(func() {
		defer c.guard()
		fn()
	})
}

// hangup ends the call whatever its phase. The leg whose BYE caused it, if any, is
// left as it is.
func (c *call) hangup(by, cause string, except *leg) {
	switch c.phase {
	case ringing:
		e := ending{result: calls.Failed, status: 487, by: by, cause: cause}
		if by == byCaller {
			e.result = calls.Cancelled
		}
		c.refuse(e)
	case holding: // nothing has been heard of the answer yet
		if c.b != except {
			c.b.leave()
		}
		e := ending{result: calls.Failed, status: 480, by: by, cause: cause}
		if by == byCaller {
			e.result, e.status = calls.Cancelled, 487
		}
		c.refuse(e)
	case answering, up:
		for _, l := range [...]*leg{&c.a, c.b} {
			if l != except {
				l.leave()
			}
		}
		c.end(ending{result: calls.Answered, status: 200, by: by, cause: cause})
	}
}

// refuse answers the caller with a final failure, stops ringing and ends the call.
func (c *call) refuse(e ending) {
	if c.tx != nil {
		c.u.respond(c.tx, e.status, c.causeOf(e)...)
	}
	c.a.close()
	c.early = nil
	for _, f := range c.forks {
		f.cancel("", "cancelled")
	}
	c.end(e)
}

// end gives everything back and hands over the record. It runs once.
func (c *call) end(e ending) {
	if c.phase == ended {
		return
	}
	c.phase = ended
	now := c.sh.Now()
	c.treated.end(&e)
	if c.pickedAt != "" {
		e.cause += "; it was picked up while it rang at " + c.pickedAt
	}
	c.rec.End, c.rec.Result, c.rec.Status = now, e.result, e.status
	c.rec.HangupBy, c.rec.Cause = e.by, e.cause
	c.finishLegs(now)
	c.attempt(c.finishMedia) // a fault in these must not cost the record
	c.attempt(c.release)
	if c.desk == nil {
		c.kept.Close(now)
		c.publish(calls.CallEnded)
		c.rec.Reasons = c.plan.Trace()
		c.u.cfg.Recorder.Finished(c.rec)
	}
	// What lingers needs none of this any more.
	c.offer, c.offerBody, c.plan, c.rec = nil, nil, routing.Plan{}, calls.Record{}
	c.anchor, c.early = nil, nil
	c.endTransfers(e)
	c.endLoan(e)
	c.settle()
}

// release gives back what the call has counted and opened, each once.
func (c *call) release() {
	c.ringTimer.Stop()
	c.ringTimer = nil
	c.listening.Stop()
	c.listening = nil
	c.rel.stop()
	h, streams, outposts := c.held, c.streams, c.outposts
	c.held, c.streams, c.outposts = held{}, nil, nil
	live := c.u.cfg.Live
	live.RemoveNumber(h.number)
	live.RemoveNumber(h.callerNumber)
	for _, n := range h.more {
		live.RemoveNumber(n)
	}
	live.RemoveSlot(h.callerSlot)
	live.RemoveSlot(h.calleeSlot)
	if h.source {
		c.u.sources.remove(c.source)
	}
	if h.entered {
		c.u.cfg.Table.Remove(c.id)
	}
	if h.active {
		c.u.active.Add(-1)
	}
	for i := range streams {
		for _, e := range streams[i].ep {
			if e != nil {
				c.attempt(e.Close)
			}
		}
	}
	for i := range outposts {
		outposts[i].close(c)
	}
}

// settle notes when nothing of an ended call is under way any more.
func (c *call) settle() {
	if c.phase == ended && c.pending == 0 && !c.gone {
		c.gone = true
		c.u.open.Add(-1)
	}
}

// other is the far side of a leg, while it rings the dialog that is heard; nil before there is one.
func (c *call) other(l *leg) *leg {
	switch {
	case l != &c.a:
		return &c.a
	case c.b != nil:
		return c.b
	}
	return c.early
}

var (
	_ transaction.ServerUser = (*call)(nil)
	_ transaction.ServerUser = (*leg)(nil)
	_ sip.DialogUser         = (*leg)(nil)
	_ sip.DialogUser         = (*fork)(nil)
)
