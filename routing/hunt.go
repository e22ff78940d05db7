package routing

import "time"

// hunting is where a hunt group is that rings its members in turn.
type hunting struct {
	group *number
	since time.Time // when the call came to the group
	round time.Time // when this round began
	again bool      // this is not the first round
	told  int       // steps of the decision when the first round was over
	at    int       // index of the member whose turn is next
	left  int       // members left in this round
	rang  bool      // a member has rung, and did not answer
	busy  bool      // a member was busy
}

// leastTurn is the least time that a member rings for the group to go round again, should settings say less. It keeps phones that refuse
// at once from being called again and again.
const leastTurn = 5 * time.Second

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
		start = max(0, d.live.HuntTurn(h.id)%len(h.members))
		d.Turn = h.id
	}
	return d.huntOn(&hunting{group: n, since: d.now, round: d.now, at: start, left: len(h.members)})
}

// huntAll rings all members at once.
func (d *decision) huntAll(n *number) string {
	h := n.hunt
	busy := false
	for _, m := range h.members {
		busy = d.member(n, m) == Busy || busy
	}
	switch {
	case len(d.Targets) > 0:
		d.Outcome = Ring
		if h.ringTime > 0 {
			d.RingTimeout = h.ringTime
		}
		d.arm(n, h.overflow.rules, onBusy|onNoAnswer|onUnregistered)
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
	d.ring(n)
	found := d.Outcome
	d.Outcome = ""
	return found
}

// huntOn rings the next member that can be rung. When none is left the group goes round again until its time is over, provided that somebody
// rang in full; else the overflow applies.
func (d *decision) huntOn(g *hunting) (next string) {
	h := g.group.hunt
	for {
		spent := d.now.Sub(g.since)
		switch {
		case h.ringTime > 0 && spent >= h.ringTime:
			return d.overflow(g.group, onNoAnswer)
		case g.left > 0:
		case h.ringTime > 0 && d.now.Sub(g.round) >= max(h.memberTime, leastTurn):
			d.roundAgain(g)
		default:
			return d.overflow(g.group, g.found())
		}
		member := h.members[g.at]
		g.at, g.left = (g.at+1)%len(h.members), g.left-1
		d.add(step{code: cHuntMember, number: g.group, text: member})
		switch d.member(g.group, member) {
		case Ring:
			d.Outcome = Ring
			d.huntTime(h, spent)
			n, _ := d.table.numbers.get(member)
			d.more = &continuation{table: d.table, asked: d.asked, caller: d.caller, show: d.show, number: n, hunting: g}
			return ""
		case Busy:
			g.busy = true
		}
	}
}

// roundAgain begins another round. Of the rounds after the first only the last is told, so that a long call has a short record.
func (d *decision) roundAgain(g *hunting) {
	if !g.again {
		g.again, g.told = true, len(d.steps)
	}
	d.steps = append(d.steps[:g.told:g.told], step{code: cHuntAgain, number: g.group, n: int(d.now.Sub(g.since) / time.Second)})
	g.left, g.round = len(g.group.hunt.members), d.now
}

// huntTime is how long a member rings: its turn, but no longer than the group has left.
func (d *decision) huntTime(h *hunt, spent time.Duration) {
	if h.memberTime > 0 {
		d.RingTimeout = h.memberTime
	}
	if left := h.ringTime - spent; h.ringTime > 0 && (left < d.RingTimeout || d.RingTimeout <= 0) {
		d.RingTimeout = left
	}
}

// found is the case in which a group is that has gone through its members.
func (g *hunting) found() caseSet {
	switch {
	case g.rang:
		return onNoAnswer
	case g.busy:
		return onBusy
	}
	return onUnregistered
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
	d.ringAlso(n, act.parallel)
	return ""
}
