package routing

// user decides for a number of a user: forwarding that applies at once, then the matrix, then forwarding that follows from how that came
// out. It returns the number to go on with, empty when all is said.
func (d *decision) user(n *number) (next string) {
	set, why := n.active(d.asked.at)
	if why != cNone {
		d.add(step{code: why, number: n, set: set})
	}
	if set == nil {
		d.ring(n)
		return ""
	}
	act := d.act(n, set.rules, atOnce)
	if act.done {
		return act.forward
	}
	if open := d.ring(n); open {
		d.ringAlso(n, act.parallel)
	}
	c := caseOf(d.Outcome)
	if c == 0 {
		d.arm(n, set.rules, onBusy|onNoAnswer|onUnregistered)
		return ""
	}
	if act = d.act(n, set.rules, c); act.done {
		return act.forward
	}
	if d.ringAlso(n, act.parallel); d.Outcome == Ring {
		d.arm(n, set.rules, onNoAnswer)
	}
	return ""
}

// caseOf is the case in which a number is that does not ring, 0 when it does.
func caseOf(o Outcome) caseSet {
	switch o {
	case Busy:
		return onBusy
	case NotRegistered:
		return onUnregistered
	}
	return 0
}

// refuseAll gives every slot of the row its reason when the row as a whole does
// not ring.
func (d *decision) refuseAll(n *number, ticked code) {
	for i, s := range n.user.slots {
		c := cSlotNotTicked
		if n.ticked[i] {
			c = ticked
		}
		d.add(step{code: c, slot: s, number: n})
	}
}

// ring rings a number of a user by the matrix. The outcome is that of this number alone. It is not open when it takes no further call
// wherever that would ring.
func (d *decision) ring(n *number) (open bool) {
	if n.ticks == 0 {
		d.end(NotRegistered, step{code: cRowNoTick, number: n})
		d.refuseAll(n, cSlotNotTicked)
		return true
	}
	d.add(step{code: cRow, number: n})
	if n.busyOnAny || n.maxCalls > 0 {
		if d.full(n) {
			return false
		}
	}
	if d.Targets == nil {
		d.Targets = make([]Target, 0, n.ticks)
	}
	rung, busy := d.ringSlots(n)
	switch {
	case rung > 0:
		d.Outcome = Ring
	case busy:
		d.end(Busy, step{code: cAllBusy, number: n})
	default:
		d.end(NotRegistered, step{code: cNoneRegistered, number: n})
	}
	if len(d.Targets) == 0 {
		d.Targets = nil
	}
	return true
}

// full ends the call as busy when the number takes no further one (SPEC M7, M8).
func (d *decision) full(n *number) bool {
	running := d.live.NumberCalls(n.number)
	switch {
	case n.busyOnAny && running > 0:
		d.end(Busy, step{code: cBusyOnAny, number: n, n: running})
	case n.maxCalls > 0 && running >= n.maxCalls:
		d.end(Busy, step{code: cLimit, number: n, n: running})
	default:
		return false
	}
	d.refuseAll(n, cSlotNumberBusy)
	return true
}

// ringSlots makes targets of the slots of a row, counts those that ring, for this number or another, and gives each slot its reason. busy says that one
// was left out because of a call, of do not disturb or because it is the caller.
func (d *decision) ringSlots(n *number) (rung int, busy bool) {
	alert := n.outside
	if d.asked.class == Inside {
		alert = n.inside
	}
	for i, s := range n.user.slots {
		c := cSlotNotTicked
		if n.ticked[i] {
			c = d.slot(n, s)
		}
		d.add(step{code: c, slot: s, number: n})
		switch c {
		case cSlotRings, cSlotRingsWaiting, cSlotMobileRings:
			rung++
			t := Target{SlotID: s.id, UserID: s.user.id, Type: s.typ, Number: n.number, Alert: alert}
			if c == cSlotMobileRings {
				t.Outside = s.mobile
			}
			d.Targets = append(d.Targets, t)
		case cSlotRingsAlready:
			rung++
		case cSlotIsCaller, cSlotUserDND, cSlotDND, cSlotInCall:
			busy = true
		}
	}
	return rung, busy
}

// slot says what becomes of one ticked slot. The order is that of the strongest
// reason first: what the user has set comes before what happens to be.
func (d *decision) slot(n *number, s *slot) code {
	switch {
	case s == d.caller, s.mobile != "" && d.caller == nil && s.mobile == d.asked.caller && s.typ == slotMobile:
		return cSlotIsCaller
	case s.user.dnd:
		return cSlotUserDND
	case s.dnd:
		return cSlotDND
	case d.rings(s):
		return cSlotRingsAlready
	}
	if s.typ == slotMobile {
		switch {
		case !d.table.settings.Outside:
			return cSlotMobileNoTrunk
		case s.mobile == "":
			return cSlotMobileNoNumber
		case d.live.SlotCalls(s.id) > 0 && !n.waiting:
			return cSlotInCall
		}
		return cSlotMobileRings
	}
	inCall := d.live.SlotCalls(s.id) > 0
	switch {
	case inCall && !n.waiting:
		return cSlotInCall
	case !d.live.Registered(s.id):
		return cSlotNotRegistered
	case inCall:
		return cSlotRingsWaiting
	}
	return cSlotRings
}

// rings says whether a slot rings for another number of the same call.
func (d *decision) rings(s *slot) bool {
	for i := range d.Targets {
		if d.Targets[i].SlotID == s.id {
			return true
		}
	}
	return false
}
