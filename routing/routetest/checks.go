package routetest

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/koppelfeld/koppelfeld/routing"
)

// checks are the words that may stand below a call. Each compares one part of the
// answer.
var checks = map[string]func(*question, *world, []string) error{
	"outcome": func(q *question, _ *world, w []string) error {
		return q.expect("outcome", string(q.plan.Outcome), w)
	},
	"shows":  func(q *question, _ *world, w []string) error { return q.identity("shows", q.plan.Shown, w) },
	"called": func(q *question, _ *world, w []string) error { return q.identity("called", q.plan.ShownCalled, w) },
	"over": func(q *question, _ *world, w []string) error {
		return q.expect("over", q.plan.CallerNumber, w)
	},
	"takes": func(q *question, _ *world, w []string) error {
		return q.expect("takes", q.plan.Number, w)
	},
	"ring-time": func(q *question, _ *world, w []string) error {
		return q.expect("ring-time", strconv.Itoa(int(q.plan.RingTimeout/time.Second)), w)
	},
	"keep": func(q *question, _ *world, w []string) error {
		return q.expect("keep", map[bool]string{true: "yes", false: "no"}[q.plan.Keep], w)
	},
	"takes-turn": func(q *question, _ *world, w []string) error { return q.expect("takes-turn", q.plan.Turn, w) },
	"hops":       func(q *question, _ *world, w []string) error { return q.expect("hops", hops(&q.plan), w) },
	"command":    func(q *question, _ *world, w []string) error { return q.expect("command", order(q.plan.Command), w) },
	"setting":    (*question).setting,
	"rings":      (*question).rings,
	"dials":      (*question).dials,
	"alert":      (*question).alert,
	"reason":     (*question).reason,
	"no-reason":  (*question).noReason,
	"skips":      (*question).skips,
	"ends": func(q *question, _ *world, w []string) error {
		if !q.over {
			q.differ("ends: something comes next")
		}
		return nil
	},
}

func (q *question) differ(format string, args ...any) {
	q.problems = append(q.problems, fmt.Sprintf(format, args...))
}

// expect compares a part of the answer that is written as words. "none" stands for nothing.
func (q *question) expect(word, got string, want []string) error {
	if len(want) == 0 {
		return fmt.Errorf("%s wants something to compare", word)
	}
	text := strings.Join(want, " ")
	if text == "none" {
		text = ""
	}
	if text != got {
		q.differ("%s: want %s, got %s", word, text, got)
	}
	return nil
}

// hops are written as 416 always 417 busy +4917…: number, case, number.
func hops(p *routing.Plan) string {
	var words []string
	for i, h := range p.Hops {
		if i == 0 || p.Hops[i-1].To != h.From {
			words = append(words, h.From)
		}
		words = append(words, string(h.Why), h.To)
	}
	return strings.Join(words, " ")
}

// order is written as ACTION of NUMBER [argument TEXT] [numbers NUMBER…].
func order(o *routing.Order) string {
	if o == nil {
		return ""
	}
	text := o.Action + " of " + o.Number
	if o.Argument != "" {
		text += " argument " + o.Argument
	}
	if len(o.Numbers) > 0 {
		text += " numbers " + strings.Join(o.Numbers, " ")
	}
	if o.Refused {
		text += " refused"
	}
	return text
}

// target is a slot, or a number outside.
func target(t *routing.Target) string {
	if t.SlotID != "" {
		return t.SlotID
	}
	return t.Outside
}

// rings SLOT|NUMBER…: exactly these ring, in this order; "rings nothing": none does.
// A slot of the called user may go without the user's name.
func (q *question) rings(w *world, want []string) error {
	if len(want) == 0 {
		return errors.New("rings wants slots, or nothing")
	}
	var got []string
	for i := range q.plan.Targets {
		got = append(got, target(&q.plan.Targets[i]))
	}
	if len(want) == 1 && want[0] == "nothing" {
		want = nil
	}
	full := make([]string, len(want))
	for i, word := range want {
		if full[i] = word; strings.Trim(word, "+0123456789") != "" {
			full[i] = w.slotOf(q.plan.OwnerID, word)
		}
	}
	if !slices.Equal(full, got) {
		q.differ("rings: want %s, got %s", list(full), list(got))
	}
	return nil
}

// dials NUMBER [over NUMBER] [for USER] [slot SLOT] [hidden] [emergency]: this number outside rings, with all that is said of it.
func (q *question) dials(w *world, want []string) error {
	var got []string
	for i := range q.plan.Targets {
		t := &q.plan.Targets[i]
		if t.Outside == "" {
			continue
		}
		text := t.Outside
		for _, part := range []struct{ word, value string }{{" over ", t.Number}, {" for ", t.UserID}, {" slot ", t.SlotID}} {
			if part.value != "" {
				text += part.word + part.value
			}
		}
		if t.Hide {
			text += " hidden"
		}
		if t.Emergency {
			text += " emergency"
		}
		got = append(got, text)
	}
	if text := strings.Join(want, " "); !slices.Contains(got, text) {
		q.differ("dials: want %s, got %s", text, list(got))
	}
	return nil
}

func list(words []string) string {
	if len(words) == 0 {
		return "nothing"
	}
	return strings.Join(words, " ")
}

// identity: NUMBER ["NAME"], or nothing.
func (q *question) identity(word string, got routing.Identity, want []string) error {
	var wanted routing.Identity
	switch {
	case len(want) == 1 && want[0] == "nothing":
	case len(want) == 1 || len(want) == 2:
		wanted.Number, wanted.Name = want[0], got.Name
		if len(want) == 2 {
			wanted.Name = want[1]
		}
	default:
		return fmt.Errorf("%s wants a number and, if you like, a name", word)
	}
	if wanted != got {
		q.differ("%s: want %s %q, got %s %q", word, wanted.Number, wanted.Name, got.Number, got.Name)
	}
	return nil
}

// alert VALUE | none: all ringing slots get it.
func (q *question) alert(_ *world, want []string) error {
	if len(want) != 1 {
		return errors.New("alert wants a value, or none")
	}
	value := want[0]
	if value == "none" {
		value = ""
	}
	for _, t := range q.plan.Targets {
		if t.Alert != value && t.SlotID != "" {
			q.differ("alert: want %q, got %q at %s", value, t.Alert, t.SlotID)
		}
	}
	return nil
}

// reason CODE [TEXT]: a reason of that code is there, its German or English words
// hold the text.
func (q *question) reason(_ *world, want []string) error {
	if len(want) == 0 {
		return errors.New("reason wants a code and, if you like, a part of its text")
	}
	if text := strings.Join(want[1:], " "); !q.says(want[0], text) {
		q.differ("reason: none with code %s says %q", want[0], text)
	}
	return nil
}

// no-reason CODE: there is none of that code.
func (q *question) noReason(_ *world, want []string) error {
	if len(want) != 1 {
		return errors.New("no-reason wants a code")
	}
	if q.says(want[0], "") {
		q.differ("no-reason: there is one with code %s", want[0])
	}
	return nil
}

func (q *question) says(code, text string) bool {
	return slices.ContainsFunc(q.reasons, func(r routing.Reason) bool {
		return r.Code == code && (strings.Contains(r.De, text) || strings.Contains(r.En, text))
	})
}

// setting CODE TYPE ID FIELD: the reason of that code points to that setting.
func (q *question) setting(_ *world, want []string) error {
	if len(want) != 4 {
		return errors.New("setting wants a code, a type, an ID and a field")
	}
	wanted := routing.Setting{Type: want[1], ID: want[2], Field: want[3]}
	var got []string
	for _, r := range q.reasons {
		if r.Code != want[0] || r.Setting == nil {
			continue
		}
		if *r.Setting == wanted {
			return nil
		}
		got = append(got, fmt.Sprintf("%+v", *r.Setting))
	}
	q.differ("setting: %s points to %s", want[0], list(got))
	return nil
}

// skips SLOT CODE…: the slot does not ring, for that reason; for several when the call came to several of its numbers.
func (q *question) skips(w *world, want []string) error {
	if len(want) < 2 {
		return errors.New("skips wants a slot and a code")
	}
	id := w.slotOf(q.plan.OwnerID, want[0])
	if slices.ContainsFunc(q.plan.Targets, func(t routing.Target) bool { return t.SlotID == id }) {
		q.differ("skips: %s rings", id)
	}
	var codes []string
	for _, r := range q.reasons {
		if r.SlotID == id && (strings.HasPrefix(r.Code, "slot_") || r.Code == "mobile_no_trunk") {
			codes = append(codes, r.Code)
		}
	}
	if !slices.Equal(codes, want[1:]) {
		q.differ("skips: %s for %s, want %s", id, list(codes), list(want[1:]))
	}
	return nil
}

// tableChecks are the words that look at the configuration without a call. They return what differs.
var tableChecks = map[string]func(*world, *routing.Table, []string) (string, error){
	"active":  active,
	"applies": applies,
}

// active NUMBER PROFILE|none at "TIME" [by schedule] [until "TIME"|until never]: the profile that is in force.
func active(w *world, table *routing.Table, words []string) (string, error) {
	if len(words) < 4 {
		return "", errors.New(`want active, a number, a profile or none, at and a time`)
	}
	t := taker{words}
	num, want := t.next(), t.next()
	if u, _ := w.findNumber(num); want == "none" || u == nil {
		want = ""
	} else {
		want = w.slotOf(u.ID, want)
	}
	if !t.take("at") {
		return "", errors.New("at is missing")
	}
	at, err := instant(t.next())
	if err != nil {
		return "", err
	}
	got, scheduled, until := table.ActiveProfile(num, at)
	if got != want {
		return fmt.Sprintf("active: want %q, got %q", want, got), nil
	}
	if by := t.take("by"); by {
		t.take("schedule")
		if !scheduled {
			return "active: it is not by schedule", nil
		}
	}
	if t.take("until") {
		var end time.Time
		if !t.take("never") {
			if end, err = instant(t.next()); err != nil {
				return "", err
			}
		}
		if !end.Equal(until) {
			return fmt.Sprintf("active: until %s, want %s", until, end), nil
		}
	}
	return "", t.done()
}

// applies "NAME" yes|no from NUMBER|nobody [called NUMBER] [state CASE] [at "TIME"]: what a test attached to the rule of that name says.
func applies(w *world, table *routing.Table, words []string) (string, error) {
	if len(words) < 4 {
		return "", errors.New("want applies, a rule, yes or no, from and a number")
	}
	t := taker{words}
	name := t.next()
	test := routing.RuleTest{Applies: t.next() == "yes"}
	if !t.take("from") {
		return "", errors.New("from is missing")
	}
	if test.From = t.next(); test.From == "nobody" {
		test.From = ""
	}
	if t.take("called") {
		test.Called = t.next()
	}
	if t.take("state") {
		test.State = routing.Case(t.next())
	}
	if t.take("at") {
		var err error
		if test.At, err = instant(t.next()); err != nil {
			return "", err
		}
	}
	rule := w.ruleNamed(name)
	if rule == nil {
		return "", fmt.Errorf("no rule has the name %s", name)
	}
	rule.Tests = []routing.RuleTest{test}
	if faults := table.RunTests([]routing.Rule{*rule}); len(faults) > 0 {
		return faults.Error(), nil
	}
	return "", t.done()
}

// ruleNamed is a copy of an extended or system-wide rule, nil when there is none of that name.
func (w *world) ruleNamed(name string) *routing.Rule {
	sets := [][]routing.Rule{w.config.Globals.Rules}
	for i := range w.config.Users {
		for k := range w.config.Users[i].Profiles {
			sets = append(sets, w.config.Users[i].Profiles[k].Rules)
		}
	}
	for _, rules := range sets {
		for _, r := range rules {
			if r.Name == name {
				return &r
			}
		}
	}
	return nil
}

// show prints an answer as it would be expected in a script.
func (w *world) show(q *question) string {
	var b strings.Builder
	p := &q.plan
	if q.over {
		return "  ends\n"
	}
	fmt.Fprintf(&b, "  outcome %s\n", p.Outcome)
	var ringing []string
	for i := range p.Targets {
		ringing = append(ringing, target(&p.Targets[i]))
	}
	fmt.Fprintf(&b, "  rings %s\n  ring-time %d\n", list(ringing), int(p.RingTimeout/time.Second))
	if len(p.Hops) > 0 {
		fmt.Fprintf(&b, "  hops %s\n", hops(p))
	}
	if p.Command != nil {
		fmt.Fprintf(&b, "  command %s\n", order(p.Command))
	}
	fmt.Fprintf(&b, "  shows %s %q\n", p.Shown.Number, p.Shown.Name)
	fmt.Fprintf(&b, "  called %s %q\n", p.ShownCalled.Number, p.ShownCalled.Name)
	for _, r := range q.reasons {
		fmt.Fprintf(&b, "  reason %s %q\n", r.Code, r.En)
	}
	return b.String()
}
