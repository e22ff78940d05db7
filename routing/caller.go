package routing

import "slices"

// callerShows fixes what the callee sees (SPEC M5, M11) and reports whether the
// caller may call at all. to is where the called number lies.
func (d *decision) callerShows(c *Caller, to Class) bool {
	if c.Class != Inside {
		d.Shown = Identity{Number: c.Number, Name: c.Name}
		d.add(step{code: cCallerOutside, text: c.Number})
		return true
	}
	s, ok := d.table.slots.get(c.SlotID)
	if !ok {
		d.add(step{code: cCallerUnknown, text: c.SlotID})
		return false
	}
	d.caller = s
	if s.def == nil {
		d.add(step{code: cCallerNoTick, slot: s})
		return false
	}
	show := s.def
	code := cCallerFirst
	if s.defChosen {
		code = cCallerDefault
	}
	other := ""
	if wanted, ok := Dialled(c.Wanted); ok {
		if n := s.showing(wanted); n != nil {
			show, code = n, cCallerWanted
		} else if s.user.mayShow(wanted, to) {
			other = wanted
		} else {
			d.add(step{code: cCallerNotTicked, slot: s, text: wanted})
		}
	}
	d.CallerNumber = show.number
	d.Shown = Identity{Number: show.number, Name: show.display}
	if other != "" {
		d.Shown.Number = other
		if code = cCallerListed; to == Outside {
			code = cCallerListedOutside
		}
		d.add(step{code: code, slot: s, number: show, text: other})
	} else {
		d.add(step{code: code, slot: s, number: show})
	}
	d.show = d.show && (other != "" || code == cCallerWanted)
	return true
}

// suppress leaves out the caller's number where he wants that: on this call, or on all calls to callees of a class unless he has named a
// number for this one.
func (d *decision) suppress(to Class) {
	u := d.callerUser()
	var c code
	switch {
	case u == nil:
	case d.hide:
		c = cHiddenOnce
	case d.show:
	case to == Inside && u.hideInside:
		c = cHiddenInside
	case to == Outside && u.hideOutside:
		c = cHiddenOutside
	}
	if c != cNone {
		d.Shown = Identity{}
		d.add(step{code: c, slot: d.caller})
	}
}

// showing returns the number if it is ticked for the slot.
func (s *slot) showing(num string) *number {
	for _, n := range s.shown {
		if n.number == num {
			return n
		}
	}
	return nil
}

// mayShow looks a number up in the list of those that the user may show beyond the ticked ones (SPEC M11).
func (u *user) mayShow(num string, to Class) bool {
	if to == Outside {
		return slices.Contains(u.shownOutside, num)
	}
	return slices.Contains(u.shownInside, num)
}

// callerUser is the user of an inside caller, else nil.
func (d *decision) callerUser() *user {
	if d.caller == nil {
		return nil
	}
	return d.caller.user
}

// barrier is what call blocking does with a call.
type barrier uint8

const (
	open    barrier = iota
	withPIN         // the caller has to key in his PIN
	closed
)

// blocking says whether the user may dial the number (SPEC G13). Where several of his blocks hold the strictest one counts. Numbers
// outside are compared in both forms: as dialled and international.
func (d *decision) blocking(u *user, number string) (b barrier) {
	if u == nil || len(u.blocks) == 0 || emergency(number) {
		return open
	}
	other := number
	if outside(number) {
		other = d.table.international(number)
	}
	for _, m := range u.blocks {
		switch {
		case !m.holdsEither(number, other):
		case !m.withPIN:
			return closed
		default:
			b = withPIN
		}
	}
	return b
}

// blocked ends a call that its caller may not make, or not without his PIN.
func (d *decision) blocked(r *Request, dialled string) bool {
	s := step{slot: d.caller, text: d.table.international(dialled)}
	u := d.callerUser()
	switch d.blocking(u, dialled) {
	case open:
		return false
	case closed:
		s.code = cBlocked
		d.end(Forbidden, s)
	case withPIN:
		switch {
		case r.PIN:
			s.code = cPINGiven
			d.add(s)
			return false
		case !u.hasPIN:
			s.code = cBlockedNoPIN
			d.end(Forbidden, s)
		default:
			s.code = cPINNeeded
			d.end(AskPIN, s)
			d.Command = &Order{Action: OrderPIN, UserID: u.id, SlotID: d.caller.id, Number: d.CallerNumber, Argument: dialled}
		}
	}
	return true
}
