package routing

import (
	"slices"
	"strings"
	"time"
)

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
	now    time.Time
	caller *slot // nil for outside callers
	hide   bool  // a code asks for no number to be shown on this call
	show   bool  // a code names the number to be shown on this call
	asked  asked
}

// Decide says who rings for a request. It never fails and does no I/O; live is
// asked only for what the answer depends on. When nothing can ring, Busy wins
// over NotRegistered: one slot that was left out because of a call, of do not
// disturb or because it is the caller itself makes the answer Busy. What comes when those who ring do not
// answer is said by Plan.Next.
func (t *Table) Decide(r Request, live Live) Plan {
	d := decision{table: t, live: live, now: r.At}
	d.RingTimeout = t.settings.RingTimeout
	d.decide(&r)
	return d.Plan
}

func (d *decision) decide(r *Request) {
	if r.Caller.Class != Inside {
		r.Caller.Class = Outside
	}
	called := r.Called
	if e, argument := d.table.codeOf(called); e != nil {
		if called = d.code(e, argument, r); called == "" {
			return
		}
	}
	dialled, ok := Dialled(called)
	if !ok {
		d.noNumber(called, &r.Caller)
		return
	}
	n, _ := d.table.numbers.get(dialled)
	if n != nil && n.user != nil {
		d.steps = append(make([]step, 0, len(d.steps)+len(n.user.slots)+5), d.steps...)
	}
	d.Number = dialled
	// Emergency calls are looked at before the caller: no right and no missing
	// tick may stand in their way (SPEC R5).
	if emergency(dialled) && r.Caller.Class == Inside {
		d.emergency(r, dialled)
		return
	}
	allowed := d.callerShows(&r.Caller, d.table.side(dialled))
	d.ask(r, dialled)
	switch {
	case !allowed:
		d.Outcome = Forbidden
		d.refused(n, cSlotCallRefused)
		return
	case slices.Contains(r.Diverted, dialled):
		d.end(Looped, step{code: cCameBack, text: dialled})
		d.refused(n, cSlotLoop)
		return
	}
	next := d.systemWide(n, dialled)
	if next == dialled && d.blocked(r, dialled) {
		d.refused(n, cSlotCallRefused)
		return
	}
	if next != "" {
		d.suppress(d.table.side(next))
	}
	d.route(next)
}

// noNumber ends a call to something that is no number. Who dials a code that does not exist hears so.
func (d *decision) noNumber(called string, by *Caller) {
	c := cNotANumber
	if strings.HasPrefix(called, "*") || strings.HasPrefix(called, "#") {
		c = cNoSuchCode
		if by.Class == Inside && strings.Trim(called, "0123456789*#") == "" && !d.refuse(CodeUnknown, by) {
			return
		}
	}
	d.end(NoSuchNumber, step{code: c, text: called})
}

// ask fixes what conditions are held against, and the hops that the call has behind it.
func (d *decision) ask(r *Request, dialled string) {
	d.asked = asked{at: r.At, class: r.Caller.Class, caller: r.Caller.Number, called: dialled, alias: d.table.international(dialled)}
	if d.caller != nil {
		d.asked.userID, d.asked.caller = d.caller.user.id, d.CallerNumber
	}
	from := r.Diverted[:min(len(r.Diverted), MaxHops)]
	d.asked.diverted = len(from)
	for last := len(from) - 1; last >= 0; last-- { // the last one to forward stands first
		to := dialled
		if last > 0 {
			to = from[last-1]
		}
		d.Hops = append(d.Hops, Hop{From: from[last], To: to, Why: Always})
	}
}

// refused gives the slots of a number their reason when the call does not get to it.
func (d *decision) refused(n *number, c code) {
	if n == nil {
		return
	}
	d.owned(n)
	if n.user != nil {
		d.refuseAll(n, c)
	}
}

// outside reports whether a number that is none of ours leads outside.
func outside(number string) bool { return number[0] == '+' || number[0] == '0' }

// side says where a number lies.
func (t *Table) side(number string) Class {
	if _, known := t.numbers.get(number); !known && outside(number) {
		return Outside
	}
	return Inside
}

// Emergency reports whether a dialled text calls an emergency number.
func Emergency(text string) bool {
	number, ok := Dialled(text)
	return ok && emergency(number)
}

func emergency(num string) bool {
	return num == "110" || num == "112" || num == "0110" || num == "0112"
}

// emergencyRing is how long an emergency call rings: no setting may end it early.
const emergencyRing = 3 * time.Minute

// emergency lets an emergency call out, with a number shown whatever the caller has set (SPEC R5).
func (d *decision) emergency(r *Request, dialled string) {
	if !d.table.settings.Outside {
		d.end(NoRoute, step{code: cEmergencyNoTrunk, text: dialled})
		return
	}
	t := Target{Outside: strings.TrimPrefix(dialled, "0"), Emergency: true}
	if s, ok := d.table.slots.get(r.Caller.SlotID); ok {
		d.caller, t.UserID = s, s.user.id
		if s.def != nil {
			d.Shown = Identity{Number: s.def.number, Name: s.def.display}
			d.CallerNumber = s.def.number
		}
	}
	d.end(Ring, step{code: cEmergency, text: dialled})
	d.Targets = []Target{t}
	d.RingTimeout = emergencyRing
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
	var t Target
	if u := d.callerUser(); u != nil {
		t.UserID = u.id
	}
	forwards := d.forwards()
	if len(forwards) > 0 {
		last := &forwards[len(forwards)-1]
		t.Number, t.UserID = last.From, last.UserID
	}
	switch {
	case d.asked.class != Inside && !slices.ContainsFunc(forwards, d.table.forwardedByUs):
		d.end(Forbidden, step{code: cTransit, text: number})
	case !d.table.settings.Outside:
		d.end(NoRoute, step{code: cOutsideNoTrunk, text: number})
	default:
		d.Outcome = Ring
		d.addOutside(number, t)
	}
}

// forwards are the hops that rules of ours have made: what came with the call may be invented.
func (d *decision) forwards() []Hop { return d.Hops[min(d.asked.diverted, len(d.Hops)):] }

// forwardedByUs says whether a hop begins at a number of ours; only such a one leads from outside to outside (SPEC R4).
func (t *Table) forwardedByUs(h Hop) bool { return t.side(h.From) == Inside }

// addOutside adds a number outside to what rings.
func (d *decision) addOutside(number string, t Target) {
	t.Outside = d.table.international(number)
	d.add(step{code: cOutsideRings, text: t.Outside})
	if u := d.callerUser(); u != nil && u.hideOutside && !d.show && d.Shown != (Identity{}) {
		t.Hide = true
		d.note(step{code: cHiddenOutside, slot: d.caller})
	}
	d.Targets = append(d.Targets, t)
}

// note adds a step that is not told twice.
func (d *decision) note(s step) {
	if !slices.ContainsFunc(d.steps, func(have step) bool { return have.code == s.code && have.rule == s.rule }) {
		d.add(s)
	}
}

// International puts a number outside as people dial it, 0661… or 0049…, into international form. What is in it already, what leads
// nowhere outside, and everything where the country code is not known ("") stays.
func International(number, country string) string {
	switch {
	case number == "" || number[0] != '0' || country == "":
		return number
	case strings.Trim(number, "0") == "":
		return number // zeros alone are the way out, and no number behind it
	case strings.HasPrefix(number, "00"):
		return "+" + number[2:]
	default:
		return "+" + country + number[1:]
	}
}

// international is International for the site.
func (t *Table) international(number string) string { return International(number, t.settings.Country) }
