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
	number  *number // that rings
	rules   []*rule // of its profile or overflow; nil when none is left
	hunting *hunting
}

// arm notes that rules apply when ringing ends without an answer, and how long it lasts. The reasons name what will come.
func (d *decision) arm(n *number, rules []*rule) {
	armed := false
	for _, c := range [...]struct {
		set  caseSet
		code code
	}{{onBusy, cThenBusy}, {onNoAnswer, cThenNoAnswer}, {onUnregistered, cThenUnregistered}} {
		r := d.first(n, rules, c.set)
		if r == nil {
			continue
		}
		armed = true
		s := step{code: c.code, number: n, rule: r, text: r.do.Number}
		if c.set == onNoAnswer {
			if r.after > 0 {
				d.RingTimeout = r.after
			}
			s.n = int(d.RingTimeout / time.Second)
		}
		d.add(s)
	}
	if armed {
		d.more = &continuation{table: d.table, asked: d.asked, caller: d.caller, number: n, rules: rules}
	}
}

// first is the rule that act would carry out in a case, nil when there is none.
func (d *decision) first(n *number, rules []*rule, c caseSet) *rule {
	for _, r := range rules {
		if r.cases&c == 0 || !d.table.holds(r, &d.asked) {
			continue
		}
		switch r.do.Kind {
		case Reject, Parallel:
			return r
		case Allow:
			return nil
		case Forward:
			if d.unfit(n, r.do.Number) == cNone {
				return r
			}
		}
	}
	return nil
}

// Next says how the call goes on when what rings has ended as c: all busy, nobody answered within RingTimeout, or nothing could be
// reached. It is false when there is nothing more, and the call ends as it stands. The answer is one about the same
// call: class, caller and conditions of time are those at which it entered, and the table is that of the first plan; live and at are
// those of now. The reasons are all of them, from the beginning. p stays as it is, and asking again gives the same answer for
// the same state.
func (p *Plan) Next(c Case, at time.Time, live Live) (Plan, bool) {
	m := p.more
	if m == nil {
		return Plan{}, false
	}
	d := decision{Plan: *p, table: m.table, live: live, caller: m.caller, asked: m.asked}
	d.steps = slices.Clip(d.steps)
	d.Hops = slices.Clip(d.Hops)
	d.Targets, d.Outcome, d.more, d.Keep, d.Turn = nil, "", nil, false, ""
	d.RingTimeout = m.table.settings.RingTimeout
	bit := bitOf(c)
	switch c {
	case OnBusy:
		d.add(step{code: cAfterBusy, number: m.number})
	case OnNoAnswer:
		d.add(step{code: cAfterNoAnswer, number: m.number})
	case OnUnregistered:
		d.add(step{code: cAfterUnregistered, number: m.number})
	default:
		return Plan{}, false
	}
	if m.hunting != nil {
		g := *m.hunting
		g.busy = g.busy || c == OnBusy
		d.route(d.huntOn(&g, at))
		return d.Plan, true
	}
	act := d.act(m.number, m.rules, bit)
	switch {
	case act.done:
		d.route(act.forward)
	case act.parallel != nil:
		d.Keep = c == OnNoAnswer
		if d.Keep { // what rings already is not rung twice
			d.Targets = slices.Clone(p.Targets)
		}
		before := len(d.Targets)
		for _, number := range act.parallel {
			d.alsoRing(m.number, number, m.number.user != nil)
		}
		if d.Targets = d.Targets[before:]; len(d.Targets) == 0 {
			return Plan{}, false
		}
		d.Outcome = Ring
	default:
		return Plan{}, false
	}
	return d.Plan, true
}
