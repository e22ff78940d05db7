package routetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/koppelfeld/koppelfeld/routing"
)

// checks are the words that may stand below a call. Each compares one part of the
// answer.
var checks = map[string]func(*question, *world, []string) error{
	"outcome": func(q *question, _ *world, w []string) error {
		return q.expect("outcome", string(q.plan.Outcome), w, 1)
	},
	"rings":  (*question).rings,
	"shows":  func(q *question, _ *world, w []string) error { return q.identity("shows", q.plan.Shown, w) },
	"called": func(q *question, _ *world, w []string) error { return q.identity("called", q.plan.ShownCalled, w) },
	"over": func(q *question, _ *world, w []string) error {
		return q.expect("over", q.plan.CallerNumber, w, 1)
	},
	"alert":  (*question).alert,
	"reason": (*question).reason,
	"skips":  (*question).skips,
}

func (q *question) differ(format string, args ...any) {
	q.problems = append(q.problems, fmt.Sprintf(format, args...))
}

func (q *question) expect(word, got string, want []string, n int) error {
	if len(want) != n {
		return fmt.Errorf("%s wants %d words", word, n)
	}
	if want[0] != got {
		q.differ("%s: want %s, got %s", word, want[0], got)
	}
	return nil
}

// rings SLOT…: exactly these ring, in this order; "rings nothing": none does.
// A slot of the called user may go without the user's name.
func (q *question) rings(w *world, want []string) error {
	if len(want) == 0 {
		return errors.New("rings wants slots, or nothing")
	}
	var got []string
	for _, t := range q.plan.Targets {
		got = append(got, t.SlotID)
	}
	if len(want) == 1 && want[0] == "nothing" {
		want = nil
	}
	full := make([]string, len(want))
	for i := range want {
		full[i] = w.slotOf(q.plan.OwnerID, want[i])
	}
	if !slices.Equal(full, got) {
		q.differ("rings: want %s, got %s", list(full), list(got))
	}
	if (len(got) > 0) != (q.plan.Outcome == routing.Ring) {
		q.differ("outcome is %s with %d slots ringing", q.plan.Outcome, len(got))
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
	if want[0] == "none" {
		want[0] = ""
	}
	for _, t := range q.plan.Targets {
		if t.Alert != want[0] {
			q.differ("alert: want %q, got %q at %s", want[0], t.Alert, t.SlotID)
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
	text := strings.Join(want[1:], " ")
	for _, r := range q.reasons {
		if r.Code == want[0] && (strings.Contains(r.De, text) || strings.Contains(r.En, text)) {
			return nil
		}
	}
	q.differ("reason: none with code %s says %q", want[0], text)
	return nil
}

// skips SLOT CODE: the slot does not ring, for that reason.
func (q *question) skips(w *world, want []string) error {
	if len(want) != 2 {
		return errors.New("skips wants a slot and a code")
	}
	id := w.slotOf(q.plan.OwnerID, want[0])
	if slices.ContainsFunc(q.plan.Targets, func(t routing.Target) bool { return t.SlotID == id }) {
		q.differ("skips: %s rings", id)
	}
	var codes []string
	for _, r := range q.reasons {
		if r.SlotID == id && strings.HasPrefix(r.Code, "slot_") || r.SlotID == id && r.Code == "mobile_no_trunk" {
			codes = append(codes, r.Code)
		}
	}
	if !slices.Equal(codes, want[1:]) {
		q.differ("skips: %s for %s, want %s", id, list(codes), want[1])
	}
	return nil
}

// show prints an answer as it would be expected in a script.
func (w *world) show(q *question) string {
	var b strings.Builder
	p := &q.plan
	fmt.Fprintf(&b, "  outcome %s\n", p.Outcome)
	var ringing []string
	for _, t := range p.Targets {
		ringing = append(ringing, t.SlotID)
	}
	fmt.Fprintf(&b, "  rings %s\n", list(ringing))
	fmt.Fprintf(&b, "  shows %s %q\n", p.Shown.Number, p.Shown.Name)
	fmt.Fprintf(&b, "  called %s %q\n", p.ShownCalled.Number, p.ShownCalled.Name)
	for _, r := range q.reasons {
		fmt.Fprintf(&b, "  reason %s %q\n", r.Code, r.En)
	}
	return b.String()
}
