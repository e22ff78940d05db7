package b2bua

import (
	"slices"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/routing"
)

// A call runs over the number that takes it and over those of all targets: members of a hunt group, numbers that ring as well. All
// of them are counted, so that busy on any and limits hold (SPEC M7, M8).

// maxDecisions bounds how often one question is asked again because the answer runs over other numbers than were locked.
const maxDecisions = 4

// reserve decides and counts, in one step for all numbers over which the call then runs, so that two callers cannot both be the
// only one. Which numbers these are shows only when it is decided: then they are locked and it is decided once more. decide must change
// nothing; count is called once, under the locks, if anybody is to be rung.
func (c *call) reserve(first string, decide func() routing.Plan, count func(*routing.Plan)) (plan routing.Plan) {
	live, fits := c.u.cfg.Live, false
	live.WithNumber(first, func() {
		plan = decide()
		if fits = covers(&plan, first); fits && plan.Outcome == routing.Ring {
			count(&plan)
		}
	})
	for tries := 1; !fits; tries++ {
		locked := numbersOf(&plan)
		live.WithNumbers(locked, func() {
			plan = decide()
			if fits = tries >= maxDecisions || covers(&plan, locked...); fits && plan.Outcome == routing.Ring {
				count(&plan)
			}
		})
	}
	return plan
}

// covers reports whether a plan counts over no other numbers.
func covers(p *routing.Plan, numbers ...string) bool {
	if p.Outcome != routing.Ring {
		return true
	}
	if !slices.Contains(numbers, p.Number) {
		return false
	}
	for i := range p.Targets {
		if n := p.Targets[i].Number; n != "" && n != p.Number && !slices.Contains(numbers, n) {
			return false
		}
	}
	return true
}

func numbersOf(p *routing.Plan) []string {
	numbers := []string{p.Number}
	for i := range p.Targets {
		if n := p.Targets[i].Number; n != "" && !slices.Contains(numbers, n) {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

// runsOver counts the call over the numbers of a plan, and no longer over those before, unless they ring on.
func (c *call) runsOver(p *routing.Plan) {
	live, before := c.u.cfg.Live, c.held
	if !p.Keep {
		c.held.number, c.held.more = "", nil
	}
	if c.held.number == "" {
		c.held.number = p.Number
		live.AddNumber(p.Number)
	}
	for i := range p.Targets {
		c.alsoOver(p.Targets[i].Number)
	}
	if !p.Keep {
		live.RemoveNumber(before.number)
		for _, n := range before.more {
			live.RemoveNumber(n)
		}
	}
}

// alsoOver counts the call over a further number, once.
func (c *call) alsoOver(number string) {
	if number == "" || number == c.held.number || slices.Contains(c.held.more, number) {
		return
	}
	c.held.more = append(c.held.more, number)
	c.u.cfg.Live.AddNumber(number)
}

// silentAt gives those further numbers back at which no phone rings any more, while others ring on: a member of a hunt group that has
// declined is free again.
func (c *call) silentAt() {
	if len(c.held.more) == 0 || c.phase != ringing || c.calling { // some have not been rung yet
		return
	}
	kept := c.held.more[:0]
	for _, n := range c.held.more {
		if slices.ContainsFunc(c.forks, func(f *fork) bool { return f.state < forkCancelling && f.target.Number == n }) {
			kept = append(kept, n)
			continue
		}
		c.u.cfg.Live.RemoveNumber(n)
	}
	if len(kept) == len(c.held.more) {
		return
	}
	c.held.more = kept
	c.u.cfg.Table.Update(c.view())
}

// answeredOver gives the numbers back over which the call has rung and was not answered.
func (c *call) answeredOver(number string) {
	kept := c.held.more[:0]
	for _, n := range c.held.more {
		if n == number {
			kept = append(kept, n)
			continue
		}
		c.u.cfg.Live.RemoveNumber(n)
	}
	c.held.more = kept
}

// calledOver is the number over which the callee was reached.
func (c *call) calledOver() string {
	if n := c.won.target.Number; n != "" {
		return n
	}
	return c.held.number
}

// others is the state of the moment without the call that asks.
type others struct {
	calls.LiveState
	c *call
}

// NumberCalls implements routing.Live.
func (o others) NumberCalls(number string) int {
	n, h := o.LiveState.NumberCalls(number), &o.c.held
	if number == h.number || slices.Contains(h.more, number) {
		n--
	}
	if number == h.callerNumber {
		n--
	}
	return n
}

// SlotCalls implements routing.Live.
func (o others) SlotCalls(slotID string) int {
	n := o.LiveState.SlotCalls(slotID)
	if slotID == o.c.held.callerSlot {
		n--
	}
	return n
}
