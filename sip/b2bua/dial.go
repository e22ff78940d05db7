package b2bua

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/internal/media"
	"github.com/koppelfeld/koppelfeld/routing"
	"github.com/koppelfeld/koppelfeld/sip"
	"github.com/koppelfeld/koppelfeld/sip/auth"
	"github.com/koppelfeld/koppelfeld/sip/dialog"
	"github.com/koppelfeld/koppelfeld/sip/sdp"
)

// Click to dial is third party call control (RFC 3725) in flow IV, but for the first offer, which is ours: the relay is a party of its own.
//
//	phones of the slot                 us                          number
//	   ◀──INVITE, our codecs──────────  │
//	   ──200, ACK─────────────────────▶ │
//	   ◀══ ringback ══                  │ ──INVITE, what the phone has answered──▶
//	                                    │ ◀──200, ACK─────────────────────────────
//	   ◀──re-INVITE, what was answered──│
//
// The call that was asked for is in the table from the beginning, and has one record. A second call, the desk, holds the phones of the slot until
// both can be connected; it is seen by nobody. Whichever of them ends tells the other.
type dialling struct {
	c     *call // that was asked for
	desk  *call
	order calls.Dial
	own   *sdp.Session // what the phone is offered at first
	rung  bool         // the number rings
}

// front stands in for the caller of a call that has none yet.
type front interface {
	// progressed is told what the caller would be told by a provisional response.
	progressed(status int)
	// answered is told of the answer: d is what l described.
	answered(l *leg, d *sdp.Session)
	// over is told that the call has ended without being connected.
	over(e ending)
}

// deskFor is how long the phones of the slot ring.
const deskFor = 30 * time.Second

var (
	errNoRelay  = errors.New("there is no relay of audio to hold the phone")
	errStopping = errors.New("the system is about to stop")
)

// Dial rings the phones of a slot, and then calls a number in its name. It returns the ID of the call that has begun, or a *calls.Refusal. It may
// be called from any goroutine and blocks for an event of a shard.
func (u *UA) Dial(ctx context.Context, o calls.Dial) (id string, err error) {
	stack := u.stack.Load()
	switch {
	case stack == nil || u.stopping.Load():
		return "", errStopping
	case u.cfg.Media == nil:
		return "", errNoRelay
	}
	type outcome struct {
		id      string
		refused *calls.Refusal
	}
	shards, done := stack.Shards(), make(chan outcome, 1)
	sh := shards[rand.IntN(len(shards))]
	sh.Post(func() {
		out := outcome{refused: &calls.Refusal{Result: calls.Failed, Status: 500, Cause: "internal error"}}
		defer func() { done <- out }()
		if ctx.Err() == nil {
			out.id, out.refused = u.dial(sh, o)
		}
	})
	select {
	case out := <-done:
		if out.refused != nil {
			return "", out.refused
		}
		return out.id, nil
	case <-ctx.Done():
		return "", fmt.Errorf("beginning a call: %w", ctx.Err())
	}
}

// dial begins a call, in a shard.
func (u *UA) dial(sh *sip.Shard, o calls.Dial) (id string, refused *calls.Refusal) {
	plan, e := u.mayDial(sh.Now(), &o)
	if e.status != 0 {
		return "", &calls.Refusal{Result: e.result, Status: e.status, Cause: e.cause, Reasons: plan.Trace()}
	}
	who := party{slot: o.SlotID, user: o.UserID, number: plan.CallerNumber, shown: plan.Shown}
	c := u.newCallFor(sh, &who, printable(o.To))
	defer c.guard()
	d := &dialling{c: c, order: o}
	c.wanted, c.rec.AskedBy, c.front = o.Show, o.By, d
	c.callsAs(plan.CallerNumber, o.SlotID)
	c.plan = plan // until the number is called
	c.plan.Targets = nil
	c.showFrom(plan.Shown, plan.CallerNumber)
	d.desk = u.newDesk(d, &plan)
	c.enter()
	d.ringSlot()
	if c.phase == ended {
		return "", &calls.Refusal{Result: calls.Unreachable, Status: 480, Cause: "no phone of the slot can be reached"}
	}
	return c.id, nil
}

// mayDial decides beforehand, so that nobody's phone rings for a call that cannot be.
func (u *UA) mayDial(now time.Time, o *calls.Dial) (plan routing.Plan, e ending) {
	e = ending{result: calls.Rejected, status: 503}
	switch {
	case !u.attempts.calls.Take(o.SlotID, now):
		u.refused.Add(1)
		e.cause = "this phone calls too often"
		return plan, e
	case u.Active() >= u.cfg.Limits.Total:
		e.cause = "limit of calls of the system reached"
		return plan, e
	case u.cfg.Live.SlotCalls(o.SlotID) >= u.cfg.Limits.PerSlot:
		e.status, e.cause = 486, "limit of calls of this phone reached"
		return plan, e
	case !u.cfg.Locator.Registered(o.SlotID):
		return plan, ending{result: calls.Unreachable, status: 480, cause: "no phone of the slot is registered"}
	}
	plan = u.cfg.Router.Decide(requestOf(o, now), u.live)
	if plan.Outcome != routing.Ring {
		return plan, planned(plan.Outcome)
	}
	return plan, ending{}
}

// requestOf is what the routing table is asked: a call of the slot.
func requestOf(o *calls.Dial, now time.Time) routing.Request {
	return routing.Request{
		Called: o.To, At: now,
		Caller: routing.Caller{Class: routing.Inside, SlotID: o.SlotID, UserID: o.UserID, Wanted: o.Show},
	}
}

// newDesk makes the call that holds the phones of the slot. They are shown who is going to be called.
func (u *UA) newDesk(d *dialling, plan *routing.Plan) *call {
	c := d.c
	shown := plan.ShownCalled
	if shown.Number == "" {
		shown = routing.Identity{Number: c.called}
	}
	desk := &call{u: u, sh: c.sh, id: c.id, kept: c.kept, account: &auth.Account{}, called: plan.CallerNumber, forward: 70, desk: d}
	desk.front = slotSide{d}
	desk.a = leg{c: desk, side: callerSide}
	desk.rec = calls.Record{ID: c.id, Start: c.rec.Start, Class: string(routing.Inside)}
	desk.path = u.marker + "/" + plan.CallerNumber
	desk.plan = routing.Plan{
		Outcome: routing.Ring, Number: plan.CallerNumber, Shown: shown, RingTimeout: deskFor,
		Targets: []routing.Target{{SlotID: d.order.SlotID, UserID: d.order.UserID}},
	}
	u.open.Add(1)
	return desk
}

// ringSlot rings the phones of the slot.
func (d *dialling) ringSlot() {
	desk := d.desk
	defer desk.guard()
	var err error
	if d.own, err = sdp.Parse([]byte(ownCodecs)); err == nil {
		desk.offer = d.own
		err = desk.openStreams(d.own, nil)
	}
	if err != nil {
		desk.noMedia(err)
		desk.refuse(ending{result: calls.Failed, status: 503, by: bySystem, cause: "no media port is free"})
		return
	}
	desk.prepare(nil)
	desk.ringAll()
}

// slotSide is the front of the desk.
type slotSide struct{ *dialling }

func (s slotSide) progressed(int) {}

// answered calls the number.
func (s slotSide) answered(l *leg, d *sdp.Session) {
	desk := s.desk
	desk.phase = up
	desk.early, desk.anchor = nil, nil
	l.remote = d
	desk.plumb(l)
	s.c.post(s.call)
}

// over ends the call whose phone did not answer, or has hung up.
func (s slotSide) over(e ending) {
	c := s.c
	c.front = nil
	switch {
	case c.phase == ended:
	case e.result == calls.Answered: // it was up
		c.hangup(byCaller, "the caller gave up", nil)
	default:
		e.cause = "the phone that was to call: " + e.cause
		c.refuse(e)
	}
}

// call rings the number for the phone that has answered.
func (d *dialling) call() {
	c, desk := d.c, d.desk
	if c.phase != ringing || desk.phase != up {
		return
	}
	l := desk.b
	c.a.dlg = dialog.Dialog{Flow: l.dlg.Flow, CallID: l.dlg.CallID}
	c.rec.SIPCallID = l.dlg.CallID
	c.offer = l.remote
	c.path = c.u.marker + "/" + c.called
	number, _ := routing.Dialled(c.called)
	live := others{c.u.live, c}
	c.plan = c.reserve(number, func() routing.Plan { return c.u.cfg.Router.Decide(requestOf(&d.order, c.sh.Now()), live) }, func(p *routing.Plan) {
		c.runsOver(p)
		c.u.cfg.Live.TakeTurn(p.Turn)
	})
	c.follow()
	if c.plan.Outcome != routing.Ring {
		c.refuse(planned(c.plan.Outcome))
		return
	}
	c.showFrom(c.plan.Shown, c.plan.CallerNumber)
	if err := c.openStreams(c.offer, nil); err != nil {
		c.noMedia(err)
		c.refuse(ending{result: calls.Failed, status: 503, by: bySystem, cause: "no media port is free"})
		return
	}
	c.u.cfg.Table.Update(c.view())
	c.prepare(nil)
	c.ringAll()
}

// progressed lets the phone hear that the number rings.
func (d *dialling) progressed(status int) {
	d.rung = d.rung || status >= 180
	d.desk.sound()
}

// answered connects the phone with who has answered.
func (d *dialling) answered(l *leg, answer *sdp.Session) {
	c, desk := d.c, d.desk
	c.phase = up
	c.early, c.anchor = nil, nil
	l.remote = answer
	c.plumb(l)
	desk.whenIdle(desk.b, busyTries, func(idle bool) {
		switch {
		case c.phase != up: // it has hung up again, see over
		case !idle || desk.phase != up:
			c.hangup(bySystem, "the phone that was to call is not there any more", nil)
		default:
			d.connect()
		}
	})
}

// connect moves the phone from the desk into the call.
func (d *dialling) connect() {
	c, desk := d.c, d.desk
	moved := desk.b.detach()
	c.front, desk.front = nil, nil
	desk.end(ending{})
	c.attach(moved, callerSide).fresh = true
	c.a.reached = c.reached
	c.connect(&c.a, func() {
		c.expect()
		if preferred(c.a.remote) != preferred(c.b.remote) {
			c.resync(c.b)
		}
	})
}

// over lets the phone hear that nobody is to be reached, and hangs up; while it rings it stops.
func (d *dialling) over(e ending) {
	desk := d.desk
	desk.front = nil
	ep, _ := desk.audio(desk.b)
	if desk.phase != up || ep == nil || e.by == byCaller || e.status == 487 || e.result == calls.Answered {
		desk.hangup(bySystem, e.cause, nil)
		return
	}
	clip := desk.u.clips.refused()
	desk.heard[calleeSide] = sign
	desk.plumb(desk.b) // with the formats
	ep.Play(clip, media.PlayOptions{})
	desk.after(clip.Duration()+soundOver, func() { desk.hangup(bySystem, e.cause, nil) })
}
