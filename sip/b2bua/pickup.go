package b2bua

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/routing"
	"github.com/koppelfeld/koppelfeld/sip"
)

// Picking up (SPEC G5): who dials the code becomes the callee of the call that has rung longest. The ringing call may lie in another shard:
//
//	call of the code                        ringing call
//	   │ ── claim ────────────────────────────▶ │ it rings on; nobody else can claim it
//	   │ 200, ACK                               │
//	   │ ── commit ───────────────────────────▶ │ its phones stop, unless one has answered
//	   │ leg is detached ─────────────────────▶ │ leg is offered what the caller offers; its answer is the caller's
//
// A claim that is given up before the commit leaves the ringing call as it was.
type claim struct {
	c      *call // that rings
	number string
	shown  routing.Identity // its caller
	taken  bool             // committed
}

var (
	errNoCall  = errors.New("no call rings there")
	errTaken   = errors.New("the call was answered by somebody else, or its caller hung up")
	errNoOffer = errors.New("the phone made no offer, or there is no relay of audio")
)

// maxSought bounds the dialogs that are looked at in each shard.
const maxSought = 20000

// rings is a call that rings at one of some numbers.
type rings struct {
	c     *call
	since time.Time
}

// ringsAt is the number at which the call may be picked up and since when it rings there, "" when it may not.
func (c *call) ringsAt(numbers []string, slot string) (number string, since time.Time) {
	if c.phase != ringing || c.pickedBy != nil || c.desk != nil || c.account.SlotID == slot {
		return "", since
	}
	for _, f := range c.forks {
		if f.state < forkCancelling && slices.Contains(numbers, f.target.Number) && (number == "" || f.start.Before(since)) {
			number, since = f.target.Number, f.start
		}
	}
	return number, since
}

// ringingIn finds the calls of a shard that may be picked up.
func ringingIn(sh *sip.Shard, numbers []string, slot string) (found []rings) {
	seen, n := map[*call]bool{}, 0
	for _, user := range sh.BoundDialogs() {
		if n++; n > maxSought {
			break
		}
		if f, ok := user.(*fork); ok && !seen[f.c] {
			seen[f.c] = true
			if number, since := f.c.ringsAt(numbers, slot); number != "" {
				found = append(found, rings{f.c, since})
			}
		}
	}
	return found
}

// pickUp looks for a call to be picked up.
func (t *treatment) pickUp() {
	c := t.c
	if t.ep == nil || c.offer == nil {
		t.done(nil, errNoOffer)
		return
	}
	stack, numbers, slot := c.sh.Stack(), t.order.Numbers, t.order.SlotID
	t.off(func(ctx context.Context) func() {
		cl, err := claimOldest(ctx, stack, numbers, slot)
		return func() { t.claimed(cl, err) }
	})
}

// claimOldest claims the call that has rung longest.
func claimOldest(ctx context.Context, stack *sip.Stack, numbers []string, slot string) (*claim, error) {
	var found []rings
	err := sip.Survey(ctx, stack, func(sh *sip.Shard) []rings { return ringingIn(sh, numbers, slot) },
		func(_ *sip.Shard, r []rings) { found = append(found, r...) })
	if err != nil {
		return nil, fmt.Errorf("looking for calls: %w", err)
	}
	slices.SortStableFunc(found, func(a, b rings) int { return a.since.Compare(b.since) })
	for _, r := range found {
		answer := make(chan *claim, 1)
		r.c.post(func() { answer <- r.c.claimAt(numbers, slot) })
		select {
		case cl := <-answer:
			if cl != nil {
				return cl, nil
			}
		case <-ctx.Done():
			r.c.post(func() { (<-answer).release() }) // behind the one above
			return nil, fmt.Errorf("claiming a call: %w", ctx.Err())
		}
	}
	return nil, errNoCall
}

func (c *call) claimAt(numbers []string, slot string) *claim {
	number, _ := c.ringsAt(numbers, slot)
	if number == "" {
		return nil
	}
	c.pickedBy = &claim{c: c, number: number, shown: c.plan.Shown}
	return c.pickedBy
}

// claimed answers who picks up, showing whose call it is.
func (t *treatment) claimed(cl *claim, err error) {
	c := t.c
	switch {
	case err != nil:
		t.done(nil, err)
		return
	case c.phase != ringing:
		cl.free()
		return
	}
	t.claim, t.ends = cl, t.take
	t.told = "picking up call " + cl.c.id + " from " + cl.shown.Number + " at " + cl.number
	if cl.shown.Number != "" {
		c.reached = identity(cl.shown, c.u.cfg.Domain)
	}
	t.answer(nil)
}

// take commits the claim once who picks up has heard of the answer.
func (t *treatment) take() {
	c, cl := t.c, t.claim
	t.ends = nil
	cl.c.post(func() {
		won := cl.commit()
		c.post(func() { t.committed(cl, won) })
	})
}

// commit stops the phones that ring. It is false when the call does not ring any more.
func (cl *claim) commit() bool {
	c := cl.c
	if c.pickedBy != cl || c.phase != ringing {
		return false
	}
	cl.taken = true
	c.phase = holding
	c.ringTimer.Stop()
	c.listening.Stop()
	c.early = nil
	for _, f := range c.forks {
		f.cancel(elsewhere, "elsewhere")
	}
	return true
}

// committed moves who picks up to the call, or lets it hear that somebody was faster.
func (t *treatment) committed(cl *claim, won bool) {
	c := t.c
	switch {
	case c.phase != up:
		return // it has given the claim back
	case !won:
		t.claim, t.told, t.clip = nil, "failed: "+errTaken.Error(), c.u.clips.refused()
		cl.free()
		t.soon()
		return
	}
	c.whenIdle(&c.a, busyTries, func(idle bool) {
		if c.phase != up {
			return
		}
		if !idle {
			c.hangup(bySystem, "the phone is busy with an offer", nil)
			return
		}
		who := c.party(callerSide)
		who.shown = routing.Identity{Number: t.order.Number}
		moved := c.a.detach()
		cl.c.post(func() { cl.c.pickedUp(cl, moved, who) })
		c.sh.HandOver(moved.dlg.CallID, cl.c.sh)
		t.claim = nil
		c.end(ending{result: calls.Answered, status: 200, by: bySystem})
	})
}

// free gives a claim back. It may be called from any shard.
func (cl *claim) free() {
	if cl != nil {
		cl.c.post(cl.release)
	}
}

func (cl *claim) release() {
	if cl == nil || cl.c.pickedBy != cl {
		return
	}
	c := cl.c
	c.pickedBy = nil
	if cl.taken && c.phase == holding {
		c.refuse(ending{result: calls.NoAnswer, status: 480, by: byCallee, cause: "who picked the call up has hung up"})
	}
}

// pickedUp makes who has picked up the callee.
func (c *call) pickedUp(cl *claim, moved leg, who party) {
	if c.pickedBy != cl || c.phase != holding {
		c.attach(moved, calleeSide).leave() // the caller has hung up meanwhile
		return
	}
	c.pickedBy = nil
	b := c.adopt(moved, &who)
	b.fresh = true
	c.pickedAt = cl.number
	c.movesTo(who.number)
	c.rec.Number, c.rec.ToUser, c.rec.ToSlot = who.number, who.user, who.slot
	c.plan.ShownCalled = who.shown
	c.reached = identity(who.shown, c.u.cfg.Domain)
	if c.plan.Shown.Number != "" {
		b.reached = c.from
	}
	c.won.dlg.Flow = b.dlg.Flow
	if err := c.won.sit(); err != nil {
		c.noMedia(err)
	}
	b.at = c.won.at
	if c.offer == nil {
		c.pickedUpUnasked(b)
		return
	}
	c.match()
	if c.unconfirmed() {
		c.rel.then = func() { c.offerOver(b) }
		return
	}
	c.offerOver(b)
}

// pickedUpUnasked answers a caller that has made no offer with what the phone of who picks up has described; the phone is offered the
// caller's answer.
func (c *call) pickedUpUnasked(b *leg) {
	if err := c.openStreams(b.remote, b.dlg.Flow); err != nil {
		c.noMedia(err)
		b.leave()
		c.refuse(ending{result: calls.Failed, status: 503, by: bySystem, cause: "no media port is free"})
		return
	}
	c.phase = answering
	c.rec.AnswerAt = c.sh.Now()
	c.offerToCaller(b.remote)
	c.publish(calls.CallAnswered)
}

// movesTo counts the call over another number than those that it has rung at.
func (c *call) movesTo(number string) {
	live, h := c.u.cfg.Live, &c.held
	live.AddNumber(number)
	live.RemoveNumber(h.number)
	for _, n := range h.more {
		live.RemoveNumber(n)
	}
	h.number, h.more = number, nil
}
