package routing

import (
	"slices"
	"strings"
)

// codeEntry is a function code (SPEC G10).
type codeEntry struct {
	action   string
	code     string
	argument bool
}

// TakesArgument says whether something has to be dialled after the code of an action.
func TakesArgument(action string) bool {
	switch action {
	case CodeForwardTo, CodeProfile, CodePickupNumber, CodeShowNumber, CodeHideNumber:
		return true
	}
	return false
}

// checkCodes refuses codes that nobody could dial, or that would stand in the way of a number: whoever dials the number would get
// the code. Only codes of digits can do that. It looks at all numbers when the codes change, else at the new ones.
func (b *build) checkCodes(c *Change) {
	if c.Globals != nil {
		b.checkNewCodes()
	}
	for _, e := range b.globals.codes {
		if !digits(e.code) {
			continue
		}
		for i := range c.Users {
			for k := range c.Users[i].Numbers {
				if n := c.Users[i].Numbers[k].Number; e.hides(n) {
					b.faults.add(userPath(&c.Users[i])+".numbers["+n+"].number", FaultCode, "%s begins with the function code %s (%s)", n, e.code, e.action)
				}
			}
		}
		for _, f := range c.Features {
			if e.hides(f.Number) {
				b.faults.add("features["+f.Number+"].number", FaultCode, "%s begins with the function code %s (%s)", f.Number, e.code, e.action)
			}
		}
	}
}

func (b *build) checkNewCodes() {
	for i, e := range b.globals.codes {
		path := "codes[" + e.action + "].code"
		if !dialable(e.code) {
			b.faults.add(path, FaultCode, "must be 2 to 8 of the keys 0 to 9, * and #")
			continue
		}
		for _, emergency := range []string{"110", "112", "0110", "0112"} {
			if strings.HasPrefix(emergency, e.code) || strings.HasPrefix(e.code, emergency) {
				b.faults.add(path, FaultCode, "%s stands in the way of the emergency number %s", e.code, emergency)
			}
		}
		for _, other := range b.globals.codes[:i] {
			if other.code == e.code {
				b.faults.add(path, FaultCode, "%s is the code of %s already", e.code, other.action)
			}
		}
		if !digits(e.code) {
			continue
		}
		for _, m := range b.numbers.shards {
			for n := range m {
				if e.hides(n) {
					b.faults.add(path, FaultCode, "%s would hide the number %s", e.code, n)
				}
			}
		}
	}
}

func (e *codeEntry) hides(number string) bool {
	if e.argument {
		return strings.HasPrefix(number, e.code)
	}
	return number == e.code
}

func dialable(code string) bool {
	return len(code) >= 2 && len(code) <= 8 && strings.Trim(code, "0123456789*#") == ""
}

// codeOf finds the code that a dialled text begins with. A "#" at the end, which many are used to dial, is left out. The
// argument keeps its "*", other separators are dropped.
func (t *Table) codeOf(text string) (e *codeEntry, argument string) {
	if len(t.codes) == 0 || len(text) > 2*maxDialled || text == "" {
		return nil, ""
	}
	if first := text[0]; first != '*' && first != '#' && !slices.ContainsFunc(t.codes, func(e codeEntry) bool { return e.code[0] == first }) {
		return nil, ""
	}
	if strings.ContainsAny(text, " -./()") {
		text = strings.NewReplacer(" ", "", "-", "", ".", "", "/", "", "(", "", ")", "").Replace(text)
	}
	ended := strings.TrimSuffix(text, "#")
	for i := range t.codes {
		e := &t.codes[i]
		switch {
		case e.argument && strings.HasPrefix(text, e.code):
			return e, strings.TrimPrefix(ended, e.code)
		case !e.argument && (ended == e.code || text == e.code):
			return e, ""
		}
	}
	return nil, ""
}

// code carries out a dialled function code as far as that is a matter of deciding, or says what is to be done. It returns the number that
// is called after all, by codes that say how a number is to be called.
func (d *decision) code(e *codeEntry, argument string, q *Request) (called string) {
	if q.Caller.Class != Inside {
		d.end(NoSuchNumber, step{code: cCodeOutside, text: q.Called})
		return ""
	}
	d.add(step{code: cCode, text: e.code, entry: e})
	switch e.action {
	case CodeHideNumber:
		d.hide = true
		called = argument
	case CodeShowNumber:
		d.show = true
		q.Caller.Wanted, called, _ = strings.Cut(argument, "*")
	default:
		d.order(e, argument, &q.Caller)
		return ""
	}
	if _, ok := Dialled(called); !ok {
		if d.refuse(e.action, &q.Caller) {
			d.end(NoSuchNumber, step{code: cCodeIncomplete, text: e.code, entry: e})
		}
		return ""
	}
	return called
}

// refuse lets the caller hear that nothing can be done. It is false, and all is said, when the caller may not call at all.
func (d *decision) refuse(action string, c *Caller) bool {
	if !d.callerShows(c, Inside) {
		d.Outcome = Forbidden
		return false
	}
	d.Command = &Order{Action: action, UserID: d.caller.user.id, SlotID: d.caller.id, Number: d.CallerNumber, Refused: true}
	return true
}

// order makes the order of a code that changes something or that answers itself.
func (d *decision) order(e *codeEntry, argument string, c *Caller) {
	if !d.callerShows(c, Inside) {
		d.Outcome = Forbidden
		return
	}
	o := &Order{Action: e.action, UserID: d.caller.user.id, SlotID: d.caller.id, Number: d.CallerNumber, Argument: argument}
	switch number, ok := Dialled(argument); {
	case e.argument && !ok:
		o.Argument = ""
		d.end(NoSuchNumber, step{code: cCodeIncomplete, text: e.code, entry: e})
	case e.argument:
		o.Argument = number
	}
	switch {
	case d.Outcome != "":
	case e.action == CodePickupGroup:
		d.pickupGroup(o)
	case e.action == CodePickupNumber:
		d.pickupNumber(o)
	}
	if d.Command, o.Refused = o, d.Outcome != ""; !o.Refused {
		d.Outcome = Command
	}
}

// pickupGroup lists the numbers of all who share a pickup group with the caller (SPEC G5).
func (d *decision) pickupGroup(o *Order) {
	groups := d.table.pickups[o.UserID]
	if len(groups) == 0 {
		d.end(Forbidden, step{code: cPickupNoGroup, slot: d.caller})
		return
	}
	for _, p := range groups {
		for _, id := range p.users {
			u, ok := d.table.users.get(id)
			if !ok || id == o.UserID {
				continue
			}
			for _, n := range u.numbers {
				if !slices.Contains(o.Numbers, n.number) {
					o.Numbers = append(o.Numbers, n.number)
				}
			}
		}
	}
	d.add(step{code: cPickupGroup, set: &groups[0].ruleset, n: len(o.Numbers)})
}

// pickupNumber allows to take a call that rings for a named number. That of a hunt group stands for those of its members.
func (d *decision) pickupNumber(o *Order) {
	n, ok := d.table.numbers.get(o.Argument)
	switch {
	case ok && n.user != nil:
		d.pickupFrom(o, n)
	case ok && n.hunt != nil:
		for _, num := range n.hunt.members {
			if m, ok := d.table.numbers.get(num); ok && m.user != nil {
				d.pickupFrom(o, m)
			}
		}
	default:
		d.end(NoSuchNumber, step{code: cNoSuchNumber, text: o.Argument})
		return
	}
	if len(o.Numbers) == 0 {
		d.Outcome = Forbidden
	}
}

// pickupFrom allows to take calls for a user's number: of one's own, of who shares a pickup group, or by permission.
func (d *decision) pickupFrom(o *Order, n *number) {
	groups := d.table.pickups[o.UserID]
	common := slices.IndexFunc(groups, func(p *pickup) bool { return slices.Contains(p.users, n.user.id) })
	switch {
	case n.user.id == o.UserID:
		d.add(step{code: cPickupOwn, number: n})
	case common >= 0:
		d.add(step{code: cPickupTogether, number: n, set: &groups[common].ruleset})
	case d.table.rights != nil && d.table.rights.MayPickUp(o.UserID, n.user.id):
		d.add(step{code: cPickupAllowed, number: n})
	default:
		d.add(step{code: cPickupForbidden, number: n})
		return
	}
	o.Numbers = append(o.Numbers, n.number)
}
