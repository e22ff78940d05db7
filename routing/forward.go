package routing

import "slices"

// acted is what the rules of a case have come to.
type acted struct {
	done     bool     // the number does not ring, or not any more
	forward  string   // the number to go on with, if any
	parallel []string // numbers that ring as well
}

// act carries out the first rule that applies in a case and that can be carried out. What cannot be, such as a target that is
// gone, is noted and the next rule is tried, so that a mistake in old settings costs a forward and not the call. Only a
// chain that is too long or comes back ends the call (SPEC F5).
func (d *decision) act(n *number, rules []*rule, c caseSet) acted {
	for _, r := range rules {
		if r.cases&c == 0 || !d.table.holds(r, &d.asked) {
			continue
		}
		switch r.do.Kind {
		case Allow:
			d.add(step{code: cRuleAllow, number: n, rule: r})
			return acted{}
		case Reject:
			d.end(Declined, step{code: cRuleReject, number: n, rule: r})
			d.passed(n, c)
			return acted{done: true}
		case Voicemail:
			d.add(step{code: cRuleVoicemail, number: n, rule: r})
		case Announcement:
			d.add(step{code: cRuleAnnouncement, number: n, rule: r})
		case Parallel:
			d.add(step{code: cRuleParallel, number: n, rule: r})
			return acted{parallel: r.do.Numbers}
		case Forward:
			why := d.unfit(n, r.do.Number)
			if why != cNone {
				d.add(step{code: why, number: n, rule: r, text: r.do.Number})
				continue
			}
			return d.forward(n, r, c)
		}
	}
	return acted{}
}

// unfit says why a rule's target cannot be called, cNone when it can.
func (d *decision) unfit(n *number, to string) code {
	target, known := d.table.numbers.get(to)
	switch {
	case to == d.CallerNumber && d.CallerNumber != "":
		return cForwardToCaller
	case known && target.user == nil && target.hunt == nil:
		return cForwardUnsupported
	case known:
		return cNone
	case to == "" || emergency(to) || !outside(to):
		return cForwardGone
	case !d.table.settings.Outside:
		return cForwardNoTrunk
	case n.user != nil && d.blocked(n.user, to):
		return cForwardBlocked
	}
	return cNone
}

// forward goes on to the target of a rule, unless the chain is at its end.
func (d *decision) forward(n *number, r *rule, c caseSet) acted {
	to := r.do.Number
	switch {
	case d.visited(n.number, to):
		d.end(Looped, step{code: cForwardLoop, number: n, rule: r, text: to})
		d.passed(n, c)
		return acted{done: true}
	case len(d.Hops) >= MaxHops:
		d.end(TooManyHops, step{code: cForwardHops, number: n, rule: r, text: to})
		d.passed(n, c)
		return acted{done: true}
	}
	d.add(step{code: cRuleForward, number: n, rule: r, text: to})
	d.passed(n, c)
	hop := Hop{From: n.number, To: to, Why: c.name()}
	if n.user != nil {
		hop.UserID = n.user.id
	}
	d.Hops = append(slices.Clip(d.Hops), hop)
	d.Targets, d.Outcome = nil, ""
	return acted{done: true, forward: to}
}

// passed gives the slots of a number their reason when a rule at once has taken the call away. In other cases they have one.
func (d *decision) passed(n *number, c caseSet) {
	if c == atOnce && n.user != nil {
		d.refuseAll(n, cSlotForwarded)
	}
}

// visited says whether the call has been at a number before.
func (d *decision) visited(now, number string) bool {
	return number == now || slices.ContainsFunc(d.Hops, func(h Hop) bool { return h.From == number })
}

func (c caseSet) name() Case {
	switch c {
	case onBusy:
		return OnBusy
	case onNoAnswer:
		return OnNoAnswer
	case onUnregistered:
		return OnUnregistered
	}
	return Always
}

// alsoRing rings a further number beside that of n: its slots by the matrix, without its own forwarding, or a number outside that the owner of n
// may dial. mine says that the numbers belong to a rule of n's owner.
func (d *decision) alsoRing(n *number, number string, mine bool) {
	target, known := d.table.numbers.get(number)
	switch {
	case number == n.number || number == d.CallerNumber && number != "" || d.ringsOver(number):
		d.add(step{code: cParallelAgain, number: n, text: number})
	case known && target.user != nil:
		outcome := d.Outcome
		d.ring(target)
		d.Outcome = outcome // that of n: what rings is in the targets
	case known || !outside(number) || emergency(number):
		d.add(step{code: cParallelGone, number: n, text: number})
	case !d.table.settings.Outside:
		d.add(step{code: cParallelNoTrunk, number: n, text: number})
	case mine && d.blocked(n.user, number):
		d.add(step{code: cParallelBlocked, number: n, text: number})
	default:
		number = d.table.international(number)
		d.add(step{code: cOutsideRings, text: number})
		d.Targets = append(d.Targets, Target{Outside: number, Number: n.number, UserID: n.ownerID})
	}
}

func (d *decision) ringsOver(number string) bool {
	return slices.ContainsFunc(d.Targets, func(t Target) bool {
		return t.Number == number && t.SlotID != "" || t.Outside != "" && t.Outside == d.table.international(number)
	})
}

// systemWide follows the first system-wide rule that applies to the number as it was dialled (SPEC F7). It returns the number to
// go on with, empty when the call ends here.
func (d *decision) systemWide(num string) string {
	if d.table.system == nil {
		return num
	}
	for _, r := range d.table.system.rules {
		if r.cases&atOnce == 0 || r.do.Number == num || !d.table.holds(r, &d.asked) {
			continue
		}
		switch r.do.Kind {
		case Allow:
			d.add(step{code: cSystemAllow, rule: r, text: num})
			return num
		case Reject:
			d.end(Declined, step{code: cSystemReject, rule: r, text: num})
			d.bypassed(num)
			return ""
		case Forward:
			if why := d.unfit(&number{}, r.do.Number); why != cNone && why != cForwardToCaller {
				d.add(step{code: why, rule: r, text: r.do.Number})
				continue
			}
			d.add(step{code: cSystemForward, rule: r, text: num})
			d.bypassed(num)
			d.Hops = append(slices.Clip(d.Hops), Hop{From: num, To: r.do.Number, Why: BySystem})
			return r.do.Number
		case Voicemail:
			d.add(step{code: cSystemVoicemail, rule: r, text: num})
		case Announcement:
			d.add(step{code: cSystemAnnouncement, rule: r, text: num})
		}
	}
	return num
}

// bypassed gives the slots of a number their reason when a system-wide rule has taken the call.
func (d *decision) bypassed(num string) {
	if n, ok := d.table.numbers.get(num); ok {
		d.passed(n, atOnce)
	}
}
