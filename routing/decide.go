package routing

import "strings"

// maxDialled bounds the digits of a dialled number, with room for prefixes.
const maxDialled = 32

// Dialled reduces a dialled text to a number: separators that people type are
// dropped and a leading "+" is kept. It reports false, with an empty number,
// when anything else than digits is left or nothing at all. Decide does the
// same; callers need it to lock the number before they ask.
func Dialled(text string) (string, bool) {
	switch {
	case len(text) > 2*maxDialled:
		return "", false
	case len(text) <= maxDialled && digits(text):
		return text, true
	}
	var b strings.Builder
	for i := range len(text) {
		switch c := text[i]; {
		case c >= '0' && c <= '9':
			b.WriteByte(c)
		case c == '+' && b.Len() == 0:
			b.WriteByte(c)
		case strings.IndexByte(" -./()", c) >= 0:
		default:
			return "", false
		}
	}
	if n := b.String(); n != "" && n != "+" && len(n) <= maxDialled {
		return n, true
	}
	return "", false
}

// decision is a plan in the making.
type decision struct {
	Plan
	table  *Table
	live   Live
	caller *slot // nil for outside callers
}

// Decide says who rings for a request. It never fails and does no I/O; live is
// asked only for what the answer depends on. When nothing can ring, Busy wins
// over NotRegistered: one slot that was left out because of a call, of do not
// disturb or because it is the caller itself makes the answer Busy.
func (t *Table) Decide(r Request, live Live) Plan {
	d := decision{table: t, live: live}
	d.RingTimeout = t.settings.RingTimeout
	d.decide(r)
	return d.Plan
}

func (d *decision) decide(r Request) {
	dialled, ok := Dialled(r.Called)
	if !ok {
		d.end(NoSuchNumber, step{code: cNotANumber, text: r.Called})
		return
	}
	d.Number = dialled
	n, known := d.table.numbers.get(dialled)
	if known && n.user != nil {
		d.steps = make([]step, 0, len(n.user.slots)+4)
	}
	// Emergency calls are looked at before the caller: no right and no missing
	// tick may stand in their way (SPEC R5).
	if emergency(dialled) {
		d.end(NoRoute, step{code: cEmergencyNoTrunk, text: dialled})
		return
	}
	allowed := d.callerShows(&r.Caller)
	if known {
		d.OwnerType, d.OwnerID = n.ownerType, n.ownerID
		d.ShownCalled = Identity{Number: n.number, Name: n.display}
	}
	switch {
	case !allowed:
		d.Outcome = Forbidden
		if known && n.user != nil {
			d.refuseAll(n, cSlotCallRefused)
		}
	case !known && (dialled[0] == '+' || dialled[0] == '0'):
		d.end(NoRoute, step{code: cOutsideNoTrunk, text: dialled})
	case !known:
		d.end(NoSuchNumber, step{code: cNoSuchNumber, text: dialled})
	case n.user == nil:
		d.end(Unsupported, step{code: cUnsupported, number: n})
	default:
		d.ring(n, r.Caller.Class)
	}
}

// Emergency reports whether a dialled text calls an emergency number.
func Emergency(text string) bool {
	number, ok := Dialled(text)
	return ok && emergency(number)
}

func emergency(num string) bool {
	return num == "110" || num == "112" || num == "0110" || num == "0112"
}

func (d *decision) add(s step) { d.steps = append(d.steps, s) }

func (d *decision) end(o Outcome, s step) {
	d.Outcome = o
	d.add(s)
}

// callerShows fixes what the callee sees (SPEC M5) and reports whether the
// caller may call at all.
func (d *decision) callerShows(c *Caller) bool {
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
	if wanted, ok := Dialled(c.Wanted); ok {
		if n := s.showing(wanted); n != nil {
			show, code = n, cCallerWanted
		} else {
			d.add(step{code: cCallerNotTicked, slot: s, text: wanted})
		}
	}
	d.add(step{code: code, slot: s, number: show})
	d.Shown = Identity{Number: show.number, Name: show.display}
	d.CallerNumber = show.number
	return true
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

// ring decides for a number of a user.
func (d *decision) ring(n *number, class Class) {
	if n.ticks == 0 {
		d.end(NotRegistered, step{code: cRowNoTick, number: n})
		d.refuseAll(n, cSlotNotTicked)
		return
	}
	d.add(step{code: cRow, number: n})
	if n.busyOnAny || n.maxCalls > 0 {
		running := d.live.NumberCalls(n.number)
		switch {
		case n.busyOnAny && running > 0:
			d.end(Busy, step{code: cBusyOnAny, number: n, n: running})
		case n.maxCalls > 0 && running >= n.maxCalls:
			d.end(Busy, step{code: cLimit, number: n, n: running})
		}
		if d.Outcome == Busy {
			d.refuseAll(n, cSlotNumberBusy)
			return
		}
	}
	alert := n.outside
	if class == Inside {
		alert = n.inside
	}
	busy := false
	d.Targets = make([]Target, 0, n.ticks)
	for i, s := range n.user.slots {
		c := cSlotNotTicked
		if n.ticked[i] {
			c = d.slot(n, s)
		}
		d.add(step{code: c, slot: s, number: n})
		switch c {
		case cSlotRings, cSlotRingsWaiting:
			d.Targets = append(d.Targets, Target{
				SlotID: s.id, UserID: s.user.id, Type: s.typ, Number: n.number, Alert: alert,
			})
		case cSlotIsCaller, cSlotUserDND, cSlotDND, cSlotInCall:
			busy = true
		}
	}
	switch {
	case len(d.Targets) > 0:
		d.Outcome = Ring
	case busy:
		d.Targets = nil
		d.end(Busy, step{code: cAllBusy, number: n})
	default:
		d.Targets = nil
		d.end(NotRegistered, step{code: cNoneRegistered, number: n})
	}
}

// slot says what becomes of one ticked slot. The order is that of the strongest
// reason first: what the user has set comes before what happens to be.
func (d *decision) slot(n *number, s *slot) code {
	switch {
	case s == d.caller:
		return cSlotIsCaller
	case s.user.dnd:
		return cSlotUserDND
	case s.dnd:
		return cSlotDND
	case s.typ == slotMobile:
		return cSlotMobileNoTrunk
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
