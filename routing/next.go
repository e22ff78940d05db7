package routing

import (
	"slices"
	"time"
)

// continuation is what Next goes on with. It is immutable.
type continuation struct {
	table   *Table
	asked   asked
	caller  *slot
	show    bool    // as in decision
	number  *number // that rings; of a hunt group the member's
	cases   caseSet // for which rules are left
	rules   []*rule // of its profile or overflow
	hunting *hunting
}

// thens are the cases in which ringing can end, with what is said of them before and after.
var thens = [...]struct {
	end         caseSet
	then, after code
}{
	{onBusy, cThenBusy, cAfterBusy},
	{onNoAnswer, cThenNoAnswer, cAfterNoAnswer},
	{onUnregistered, cThenUnregistered, cAfterUnregistered},
}

// arm notes that rules apply when ringing ends in one of the cases, and how long it lasts. The reasons name what will come.
func (d *decision) arm(n *number, rules []*rule, cases caseSet) {
	armed := caseSet(0)
	for _, t := range thens {
		if cases&t.end == 0 {
			continue
		}
		r := d.choose(n, rules, t.end)
		if r == nil || r.do.Kind == Allow {
			continue
		}
		armed |= t.end
		s := step{code: t.then, number: n, rule: r}
		if t.end == onNoAnswer {
			if r.after > 0 {
				d.RingTimeout = r.after
			}
			s.n = int(d.RingTimeout / time.Second)
		}
		d.add(s)
	}
	if armed != 0 {
		d.more = &continuation{table: d.table, asked: d.asked, caller: d.caller, show: d.show, number: n, cases: armed, rules: rules}
	}
}

// Next says how the call goes on when what rings has ended as c: all busy, nobody answered within RingTimeout, or nothing could be
// reached. It is false when there is nothing more, and the call ends as it stands. The answer is one about the same
// call: class, caller and conditions of time are those at which it entered, and the table is that of the first plan; live and at are
// those of now. The reasons are all of them, from the beginning. p stays as it is, and asking again gives the same answer for
// the same state.
func (p *Plan) Next(c Case, at time.Time, live Live) (Plan, bool) {
	m := p.more
	if m == nil || c == Always {
		return Plan{}, false
	}
	end := bitOf(c)
	if end == 0 || m.hunting == nil && m.cases&end == 0 {
		return Plan{}, false
	}
	d := decision{Plan: *p, table: m.table, live: live, now: at, caller: m.caller, show: m.show, asked: m.asked}
	d.steps, d.Hops = slices.Clip(d.steps), slices.Clip(d.Hops)
	d.Targets, d.Outcome, d.more, d.Keep, d.Turn = nil, "", nil, false, ""
	d.RingTimeout = m.table.settings.RingTimeout
	for _, t := range thens {
		if t.end == end {
			d.add(step{code: t.after, number: m.number})
		}
	}
	if m.hunting != nil {
		g := *m.hunting
		g.busy, g.rang = g.busy || end == onBusy, g.rang || end == onNoAnswer
		d.route(d.huntOn(&g))
		return d.Plan, true
	}
	if act := d.act(m.number, m.rules, end); act.done {
		d.route(act.forward)
	} else {
		d.goOn(p, end, act.parallel)
	}
	return d.Plan, true
}

// goOn rings the numbers that a rule wants when ringing has ended. When nobody has answered, what rings already rings on.
func (d *decision) goOn(p *Plan, end caseSet, numbers []string) {
	n, rules := p.more.number, p.more.rules
	rang := 0
	if end == onNoAnswer { // what rings is not rung twice
		d.Targets = slices.Clone(p.Targets)
		rang = len(d.Targets)
	}
	for _, number := range numbers {
		d.alsoRing(n, number)
	}
	if d.Targets = d.Targets[rang:]; len(d.Targets) == 0 {
		d.Targets, d.Outcome = nil, outcomeOf(end)
		return
	}
	d.Outcome = Ring
	if d.Keep = end == onNoAnswer; !d.Keep {
		d.arm(n, rules, onNoAnswer)
	}
}

// outcomeOf is the answer to a call that ends in a case.
func outcomeOf(c caseSet) Outcome {
	switch c {
	case onBusy:
		return Busy
	case onNoAnswer:
		return Unanswered
	}
	return NotRegistered
}
