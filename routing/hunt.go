package routing

import "time"

// hunting is where a hunt group is that rings its members in turn.
type hunting struct {
	group   *number
	since   time.Time // when the call came to the group
	at      int       // index of the member that rings
	left    int       // members left in this round
	rang    bool      // a member has rung
	busy    bool      // a member was busy
	rounded bool      // somebody rang in this round
}

// hunt decides for the number of a hunt group (SPEC G4). Members ring by the matrix; their own forwarding does not apply, since
// the group is to reach its members and no voicemail of one of them.
func (d *decision) hunt(n *number) (next string) {
	h := n.hunt
	if act := d.act(n, h.overflow.rules, atOnce); act.done {
		return act.forward
	}
	d.add(step{code: cHunt, number: n, n: len(h.members)})
	if len(h.members) == 0 {
		return d.overflow(n, onUnregistered)
	}
	if h.strategy != RoundRobin && h.strategy != Linear {
		return d.huntAll(n)
	}
	start := 0
	if h.strategy == RoundRobin {
		start = d.live.HuntTurn(h.id) % len(h.members)
		if start < 0 {
			start = 0
		}
		d.Turn = h.id
	}
	return d.huntOn(&hunting{group: n, since: d.asked.at, at: start, left: len(h.members)}, d.asked.at)
}

func (d *decision) huntAll(n *number) string {
	h := n.hunt
	busy := false
	for _, m := range h.members {
		busy = d.member(n, m) == Busy || busy
	}
	d.RingTimeout = h.ringTime
	switch {
	case len(d.Targets) > 0:
		d.Outcome = Ring
		d.arm(n, h.overflow.rules)
		return ""
	case busy:
		return d.overflow(n, onBusy)
	}
	return d.overflow(n, onUnregistered)
}

// member rings one member and says how it was found. What the plan says of the owner stays that of the group.
func (d *decision) member(group *number, num string) Outcome {
	n, ok := d.table.numbers.get(num)
	if !ok || n.user == nil {
		d.add(step{code: cHuntMemberGone, number: group, text: num})
		return NotRegistered
	}
	before := len(d.Targets)
	d.ring(n)
	found := d.Outcome
	d.Outcome = ""
	if len(d.Targets) > before {
		return Ring
	}
	return found
}

// huntOn rings the next member that can be rung. When none is left the overflow applies, after the first round only if nobody rings at all:
// as long as somebody does, the group goes round until its time is over.
func (d *decision) huntOn(g *hunting, now time.Time) string {
	h := g.group.hunt
	for {
		spent := now.Sub(g.since)
		if h.ringTime > 0 && spent >= h.ringTime {
			return d.overflow(g.group, onNoAnswer)
		}
		if g.left == 0 {
			switch {
			case g.rounded && h.ringTime > 0:
				g.left, g.rounded = len(h.members), false
			case g.rang:
				return d.overflow(g.group, onNoAnswer)
			case g.busy:
				return d.overflow(g.group, onBusy)
			default:
				return d.overflow(g.group, onUnregistered)
			}
		}
		member := g.at
		g.at, g.left = (g.at+1)%len(h.members), g.left-1
		d.add(step{code: cHuntMember, number: g.group, text: h.members[member]})
		switch d.member(g.group, h.members[member]) {
		case Ring:
			g.rang, g.rounded = true, true
			d.Outcome = Ring
			d.RingTimeout = h.memberTime
			if left := h.ringTime - spent; h.ringTime > 0 && (left < d.RingTimeout || d.RingTimeout <= 0) {
				d.RingTimeout = left
			}
			d.more = &continuation{table: d.table, asked: d.asked, caller: d.caller, number: g.group, hunting: g}
			return ""
		case Busy:
			g.busy = true
		}
	}
}

// overflow ends the hunt: by a rule, or with what the case means for the caller.
func (d *decision) overflow(n *number, c caseSet) (next string) {
	switch d.RingTimeout = d.table.settings.RingTimeout; c {
	case onNoAnswer:
		d.end(Unanswered, step{code: cHuntNoAnswer, number: n})
	case onBusy:
		d.end(Busy, step{code: cHuntBusy, number: n})
	default:
		d.end(NotRegistered, step{code: cHuntUnregistered, number: n})
	}
	act := d.act(n, n.hunt.overflow.rules, c)
	if act.done {
		return act.forward
	}
	for _, number := range act.parallel {
		d.alsoRing(n, number, false)
	}
	d.settle()
	return ""
}
