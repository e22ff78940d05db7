package routing

import "slices"

// acted is what the rules of a case have come to.
type acted struct {
	done     bool     // the number does not ring, or not any more
	forward  string   // the number to go on with, if any
	parallel []string // numbers that ring as well
}

// choose finds the first rule that applies in a case and that can be carried out. What cannot be, such as a target that is
// gone, is noted and the next rule is tried, so that a mistake in old settings costs a forward and not the call.
func (d *decision) choose(n *number, rules []*rule, c caseSet) *rule {
	for _, r := range rules {
		if r.cases&c == 0 || !d.table.holds(r, &d.asked) {
			continue
		}
		why := d.hindrance(n.user, r)
		if why == cNone {
			return r
		}
		d.note(step{code: why, number: n, rule: r, text: r.do.Number})
	}
	return nil
}

// act carries out the rule of a case. Only a chain of forwards that is too long or comes back ends the call (SPEC F5).
func (d *decision) act(n *number, rules []*rule, c caseSet) acted {
	r := d.choose(n, rules, c)
	if r == nil {
		return acted{}
	}
	switch r.do.Kind {
	case Reject:
		d.end(Declined, step{code: cRuleReject, number: n, rule: r})
		d.passed(n, c, cSlotRejected)
		return acted{done: true}
	case Parallel:
		d.add(step{code: cRuleParallel, number: n, rule: r})
		return acted{parallel: r.do.Numbers}
	case Forward:
		return d.forward(n, r, c)
	}
	d.add(step{code: cRuleAllow, number: n, rule: r})
	return acted{}
}

// hindrance says why a rule cannot be carried out, cNone when it can. owner is whose rule it is, nil when it is nobody's in particular.
func (d *decision) hindrance(owner *user, r *rule) code {
	switch r.do.Kind {
	case Voicemail:
		return cRuleVoicemail
	case Announcement:
		return cRuleAnnouncement
	case Forward:
		return d.unfit(owner, r.do.Number)
	case Parallel:
		if !slices.ContainsFunc(r.do.Numbers, func(number string) bool { return d.cannotRing(owner, number) == cNone }) {
			return cParallelNobody
		}
	}
	return cNone
}

// unfit says why a call cannot be forwarded to a number, cNone when it can. Whether anybody is there shows when the call gets to it.
func (d *decision) unfit(owner *user, to string) code {
	target, known := d.table.numbers.get(to)
	switch {
	case d.himself(owner, target, to):
		return cForwardToCaller
	case known && target.user == nil && target.hunt == nil:
		return cForwardUnsupported
	case known:
		return cNone
	case to == "" || emergency(to) || !outside(to):
		return cForwardGone
	case !d.table.settings.Outside:
		return cForwardNoTrunk
	case d.blocking(owner, to) != open: // nobody is there to key in a PIN
		return cForwardBlocked
	}
	return cNone
}

// cannotRing says why a number cannot ring beside others, cNone when it can.
func (d *decision) cannotRing(owner *user, number string) code {
	target, known := d.table.numbers.get(number)
	if known && target.user == nil {
		return cParallelUnsupported
	}
	switch d.unfit(owner, number) {
	case cForwardToCaller:
		return cParallelAgain
	case cForwardGone:
		return cParallelGone
	case cForwardNoTrunk:
		return cParallelNoTrunk
	case cForwardBlocked:
		return cParallelBlocked
	}
	return cNone
}

// himself says whether a number is the caller's: of his user, of his mobile phone, or the one that an outside caller shows. The rules of others do not
// send him to himself; so a secretary reaches the one whose calls come to her.
func (d *decision) himself(owner *user, target *number, to string) bool {
	u := d.callerUser()
	switch {
	case u == nil:
		return target == nil && d.asked.caller != "" && d.table.international(to) == d.asked.caller
	case u == owner:
		return false
	case target != nil:
		return target.user == u
	}
	return to != "" && slices.ContainsFunc(u.slots, func(s *slot) bool { return s.mobile == d.table.international(to) })
}

// forward goes on to the target of a rule, unless the chain is at its end.
func (d *decision) forward(n *number, r *rule, c caseSet) acted {
	to := r.do.Number
	hop := Hop{From: n.number, To: to, Why: c.name()}
	if n.user != nil {
		hop.UserID = n.user.id
	}
	if !d.hop(hop, step{code: cRuleForward, number: n, rule: r, text: to}) {
		d.passed(n, c, cSlotLoop)
		return acted{done: true}
	}
	d.passed(n, c, cSlotForwarded)
	d.Targets, d.Outcome, d.RingTimeout = nil, "", d.table.settings.RingTimeout
	return acted{done: true, forward: to}
}

// hop makes a forward part of the chain, or ends the call where the chain comes back or is too long (SPEC F5). s is the step of the forward.
func (d *decision) hop(h Hop, s step) bool {
	switch {
	case h.To == h.From || slices.ContainsFunc(d.Hops, func(before Hop) bool { return before.From == h.To }):
		s.code, s.text = cForwardLoop, h.To
		d.end(Looped, s)
		return false
	case len(d.Hops) >= MaxHops:
		s.code, s.text = cForwardHops, h.To
		d.end(TooManyHops, s)
		return false
	}
	d.add(s)
	d.Hops = append(slices.Clip(d.Hops), h)
	return true
}

// passed gives the slots of a number their reason when a rule at once has taken the call away. In other cases they have one.
func (d *decision) passed(n *number, c caseSet, why code) {
	if c == atOnce && n.user != nil {
		d.refuseAll(n, why)
	}
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

// ringAlso rings further numbers beside that of n: slots by the matrix, without forwarding of their own, or numbers outside that the
// owner of n may dial. Then somebody rings, or the outcome stays as it is.
func (d *decision) ringAlso(n *number, numbers []string) {
	for _, number := range numbers {
		d.alsoRing(n, number)
	}
	if len(d.Targets) > 0 {
		d.Outcome = Ring
	}
}

func (d *decision) alsoRing(n *number, number string) {
	if number == n.number || d.ringsOver(number) {
		d.add(step{code: cParallelAgain, number: n, text: number})
		return
	}
	if why := d.cannotRing(n.user, number); why != cNone {
		d.add(step{code: why, number: n, text: number})
		return
	}
	if target, known := d.table.numbers.get(number); known {
		outcome := d.Outcome
		d.ring(target)
		d.Outcome = outcome // that of n: what rings is in the targets
		return
	}
	t := Target{Number: n.number}
	if n.user != nil {
		t.UserID = n.user.id
	}
	d.addOutside(number, t)
}

// ringsOver says whether a number rings already.
func (d *decision) ringsOver(number string) bool {
	return slices.ContainsFunc(d.Targets, func(t Target) bool {
		return t.Number == number && t.SlotID != "" || t.Outside != "" && t.Outside == d.table.international(number)
	})
}

// systemWide follows the first system-wide rule that applies to the number as it was dialled, n if it has an owner (SPEC F7). It returns the number to
// go on with, empty when the call ends here.
func (d *decision) systemWide(n *number, dialled string) (next string) {
	if d.table.system == nil {
		return dialled
	}
	for _, r := range d.table.system.rules {
		if r.cases&atOnce == 0 || r.do.Number == dialled || !d.table.holds(r, &d.asked) {
			continue
		}
		if why := d.hindrance(nil, r); why != cNone {
			d.add(step{code: systemWide(why), rule: r, text: r.do.Number})
			continue
		}
		switch r.do.Kind {
		case Allow:
			d.add(step{code: cSystemAllow, rule: r, text: dialled})
			return dialled
		case Reject:
			d.end(Declined, step{code: cSystemReject, rule: r, text: dialled})
			d.refused(n, cSlotRejected)
			return ""
		case Forward:
			if !d.hop(Hop{From: dialled, To: r.do.Number, Why: BySystem}, step{code: cSystemForward, rule: r, text: dialled}) {
				d.refused(n, cSlotLoop)
				return ""
			}
			d.refused(n, cSlotForwarded)
			return r.do.Number
		}
	}
	return dialled
}

// systemWide is the code of a hindrance where a system-wide rule has words of its own.
func systemWide(c code) code {
	switch c {
	case cRuleVoicemail:
		return cSystemVoicemail
	case cRuleAnnouncement:
		return cSystemAnnouncement
	}
	return c
}
