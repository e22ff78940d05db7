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
	hide   bool  // the caller wants no number shown on this call
	asked  asked
}

// Decide says who rings for a request. It never fails and does no I/O; live is
// asked only for what the answer depends on. When nothing can ring, Busy wins
// over NotRegistered: one slot that was left out because of a call, of do not
// disturb or because it is the caller itself makes the answer Busy. What comes when those who ring do not
// answer is said by Plan.Next.
func (t *Table) Decide(r Request, live Live) Plan {
	d := decision{table: t, live: live}
	d.RingTimeout = t.settings.RingTimeout
	d.decide(&r)
	return d.Plan
}

func (d *decision) decide(r *Request) {
	called := r.Called
	if e, argument := d.table.codeOf(called); e != nil {
		if called = d.code(e, argument, r); called == "" {
			return
		}
	}
	dialled, ok := Dialled(called)
	switch {
	case !ok && (strings.HasPrefix(called, "*") || strings.HasPrefix(called, "#")):
		d.end(NoSuchNumber, step{code: cNoSuchCode, text: called})
		return
	case !ok:
		d.end(NoSuchNumber, step{code: cNotANumber, text: called})
		return
	}
	n, known := d.table.numbers.get(dialled)
	if known && n.user != nil {
		d.steps = append(make([]step, 0, len(d.steps)+len(n.user.slots)+5), d.steps...)
	}
	d.Number = dialled
	// Emergency calls are looked at before the caller: no right and no missing
	// tick may stand in their way (SPEC R5).
	if emergency(dialled) {
		d.emergency(r, dialled)
		return
	}
	goesOut := !known && outside(dialled)
	to := Inside
	if goesOut {
		to = Outside
	}
	allowed := d.callerShows(&r.Caller, to)
	d.asked = asked{at: r.At, class: r.Caller.Class, caller: r.Caller.Number, called: dialled}
	if d.caller != nil {
		d.asked.userID, d.asked.caller = d.caller.user.id, d.CallerNumber
	}
	for _, from := range r.Diverted[:min(len(r.Diverted), MaxHops)] {
		d.Hops = append(d.Hops, Hop{From: from, To: dialled, Why: Always})
	}
	switch {
	case !allowed:
		d.Outcome = Forbidden
		if known {
			d.owned(n)
			if n.user != nil {
				d.refuseAll(n, cSlotCallRefused)
			}
		}
	case d.blocked(d.callerUser(), dialled):
		d.end(Forbidden, step{code: cBlocked, slot: d.caller, text: d.table.international(dialled)})
	case goesOut && r.Caller.Class != Inside:
		d.end(Forbidden, step{code: cTransit, text: dialled})
	default:
		d.route(d.systemWide(dialled))
	}
}

// outside reports whether a number that is none of ours leads outside.
func outside(number string) bool { return number[0] == '+' || number[0] == '0' }

// Emergency reports whether a dialled text calls an emergency number.
func Emergency(text string) bool {
	number, ok := Dialled(text)
	return ok && emergency(number)
}

func emergency(num string) bool {
	return num == "110" || num == "112" || num == "0110" || num == "0112"
}

// emergency lets an emergency call out, with a number shown whatever the caller has set (SPEC R5).
func (d *decision) emergency(r *Request, dialled string) {
	if !d.table.settings.Outside {
		d.end(NoRoute, step{code: cEmergencyNoTrunk, text: dialled})
		return
	}
	if s, ok := d.table.slots.get(r.Caller.SlotID); ok && r.Caller.Class == Inside {
		d.caller = s
		if s.def != nil {
			d.Shown = Identity{Number: s.def.number, Name: s.def.display}
			d.CallerNumber = s.def.number
		}
	}
	d.add(step{code: cEmergency, text: dialled})
	d.Outcome = Ring
	d.Targets = []Target{{Outside: strings.TrimPrefix(dialled, "0"), Emergency: true}}
}

func (d *decision) add(s step) { d.steps = append(d.steps, s) }

func (d *decision) end(o Outcome, s step) {
	d.Outcome = o
	d.add(s)
}

// owned fills in who owns the number that the call has come to.
func (d *decision) owned(n *number) {
	d.Number, d.OwnerType, d.OwnerID = n.number, n.ownerType, n.ownerID
	d.ShownCalled = Identity{Number: n.number, Name: n.display}
}

// route decides for a number and follows forwards until somebody rings or nobody does. An empty number means that all is said.
func (d *decision) route(number string) {
	for number != "" {
		n, known := d.table.numbers.get(number)
		d.Number = number
		switch {
		case !known && outside(number):
			d.ringOutside(number)
			return
		case !known:
			d.end(NoSuchNumber, step{code: cNoSuchNumber, text: number})
			return
		}
		d.owned(n)
		switch {
		case n.hunt != nil:
			number = d.hunt(n)
		case n.user == nil:
			d.end(Unsupported, step{code: cUnsupported, number: n})
			return
		default:
			number = d.user(n)
		}
	}
}

// ringOutside rings a number outside for the caller, or for who has forwarded to it.
func (d *decision) ringOutside(number string) {
	d.OwnerType, d.OwnerID, d.ShownCalled = "", "", Identity{}
	if !d.table.settings.Outside {
		d.end(NoRoute, step{code: cOutsideNoTrunk, text: number})
		return
	}
	number = d.table.international(number)
	t := Target{Outside: number}
	if u := d.callerUser(); u != nil {
		t.UserID = u.id
	}
	if len(d.Hops) > 0 {
		last := &d.Hops[len(d.Hops)-1]
		t.Number, t.UserID = last.From, last.UserID
	}
	d.add(step{code: cOutsideRings, text: number})
	d.Outcome = Ring
	d.Targets = []Target{t}
}

// international puts a number outside as people dial it into international form, as far as Settings tell how.
func (t *Table) international(number string) string {
	switch s := &t.settings; {
	case number == "" || number[0] != '0' || s.Country == "":
		return number
	case strings.HasPrefix(number, "00"):
		return "+" + number[2:]
	default:
		return "+" + s.Country + number[1:]
	}
}
