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

// profile USER/NAME: a forwarding profile without rules.
func (w *world) profile(rest []string) error {
	if len(rest) != 1 {
		return errors.New("want profile and user/name")
	}
	owner, name, ok := strings.Cut(rest[0], "/")
	if !ok || name == "" {
		return fmt.Errorf("%s is no user/name", rest[0])
	}
	u, err := w.person(owner)
	if err != nil {
		return err
	}
	u.Profiles = append(u.Profiles, routing.Profile{ID: rest[0], Name: name})
	return nil
}

func (w *world) findProfile(id string) (*routing.Profile, error) {
	owner, _, _ := strings.Cut(id, "/")
	u, err := w.person(owner)
	if err != nil {
		return nil, err
	}
	for i := range u.Profiles {
		if u.Profiles[i].ID == id {
			return &u.Profiles[i], nil
		}
	}
	return nil, fmt.Errorf("there is no profile %s", id)
}

// rule PROFILE CASE CLASS [after SECONDS] ACTION: a field of the table of a profile, or two fields for the class both.
func (w *world) rule(rest []string) error {
	if len(rest) < 4 {
		return errors.New("want rule, a profile, a case, a class and what to do")
	}
	p, err := w.findProfile(rest[0])
	if err != nil {
		return err
	}
	rules, err := caseRules(rest[1:])
	for _, r := range rules {
		r.Field = "table[" + strconv.Itoa(ofField(p.Rules, "table")) + "]"
		p.Rules = append(p.Rules, r)
	}
	return err
}

func ofField(rules []routing.Rule, field string) (n int) {
	for i := range rules {
		if strings.HasPrefix(rules[i].Field, field) {
			n++
		}
	}
	return n
}

// caseRules reads CASE CLASS [after SECONDS] ACTION.
func caseRules(words []string) ([]routing.Rule, error) {
	t := taker{words}
	r := routing.Rule{When: routing.Conditions{Cases: []routing.Case{routing.Case(t.next())}}}
	class := t.next()
	var err error
	if t.take("after") {
		if r.After, err = seconds(t.next()); err != nil {
			return nil, err
		}
	}
	if r.Do, err = t.action(); err != nil {
		return nil, err
	}
	classes := []string{class}
	if class == "both" {
		classes = []string{"inside", "outside"}
	}
	var out []routing.Rule
	for _, c := range classes {
		r.When.Class = routing.Class(c)
		out = append(out, r)
	}
	return out, nil
}

// extended PROFILE "NAME" when CONDITION… do ACTION: a rule before the table of a profile, after the extended ones that are there.
func (w *world) extended(rest []string) error {
	if len(rest) < 4 {
		return errors.New("want extended, a profile, a name, when, conditions, do and what to do")
	}
	p, err := w.findProfile(rest[0])
	if err != nil {
		return err
	}
	r, err := conditionalRule(rest[1], rest[2:])
	if err != nil {
		return err
	}
	at := ofField(p.Rules, "extended")
	r.Field = "extended[" + strconv.Itoa(at) + "]"
	p.Rules = slices.Insert(p.Rules, at, r)
	return nil
}

// system "NAME" when CONDITION… do ACTION: a system-wide rule after those that are there.
func (w *world) system(rest []string) error {
	if len(rest) < 3 {
		return errors.New("want system, a name, when, conditions, do and what to do")
	}
	r, err := conditionalRule(rest[0], rest[1:])
	if err != nil {
		return err
	}
	r.ID, r.Field = rest[0], "action"
	w.share()
	w.config.Globals.Rules = append(w.config.Globals.Rules, r)
	return nil
}

// conditionalRule reads when CONDITION… do ACTION. Conditions are: class CLASS, caller MATCH, called MATCH, group NAME, state CASE…,
// after SECONDS, during CALENDAR, not-during CALENDAR.
func conditionalRule(name string, words []string) (routing.Rule, error) {
	r := routing.Rule{Name: name}
	t := taker{words}
	c := &r.When
	if !t.take("when") {
		return r, errors.New("when is missing")
	}
	for !t.take("do") {
		var err error
		switch word := t.next(); word {
		case "class":
			c.Class = routing.Class(t.next())
		case "caller":
			c.Caller, err = t.match()
		case "called":
			c.Called, err = t.match()
		case "group":
			c.Group = t.next()
		case "state":
			c.Cases = append(c.Cases, routing.Case(t.next()))
		case "after":
			r.After, err = seconds(t.next())
		case "during":
			c.Calendar = t.next()
		case "not-during":
			c.Calendar, c.OutsideCalendar = t.next(), true
		case "":
			return r, errors.New("do is missing")
		default:
			err = fmt.Errorf("%q is no condition", word)
		}
		if err != nil {
			return r, err
		}
	}
	var err error
	r.Do, err = t.action()
	return r, err
}

// match reads [not] exact|prefix|pattern VALUE, or [not] hidden.
func (t *taker) match() (*routing.Match, error) {
	m := &routing.Match{Not: t.take("not")}
	switch m.Kind = routing.MatchKind(t.next()); m.Kind {
	case routing.MatchHidden:
	case routing.MatchExact, routing.MatchPrefix, routing.MatchPattern:
		m.Value = t.next()
	default:
		return nil, fmt.Errorf("a match is exact, prefix, pattern or hidden, not %q", m.Kind)
	}
	return m, nil
}

// action reads forward NUMBER | parallel NUMBER… | voicemail [ID] | announcement ID | reject | allow, and with it the rest of the words.
func (t *taker) action() (routing.Action, error) {
	var a routing.Action
	switch word := t.next(); word {
	case "forward":
		a.Kind, a.Number = routing.Forward, t.next()
	case "parallel":
		a.Kind, a.Numbers = routing.Parallel, t.words
		t.words = nil
	case "voicemail", "announcement":
		a.Kind, a.ID = routing.ActionKind(word), t.next()
	case "reject", "allow":
		a.Kind = routing.ActionKind(word)
	default:
		return a, fmt.Errorf("%q is nothing to do with a call", word)
	}
	return a, t.done()
}

// choose NUMBER PROFILE|none [at "TIME"]: the profile of a number, chosen by hand.
func (w *world) choose(rest []string) error {
	if len(rest) != 2 && (len(rest) != 4 || rest[2] != "at") {
		return errors.New(`want choose, a number, a profile or none, and at "2026-12-24 10:00" if you like`)
	}
	u, n, err := w.extension(rest[0])
	if err != nil {
		return err
	}
	if n.Profile = ""; rest[1] != "none" {
		n.Profile = w.slotOf(u.ID, rest[1])
	}
	n.Chosen = begin
	if len(rest) == 4 {
		n.Chosen, err = instant(rest[3])
	}
	return err
}

// hunt NAME NUMBER STRATEGY MEMBER… adds a hunt group; hunt NAME member-time|ring-time SECONDS and hunt NAME members NUMBER… change it.
func (w *world) hunt(rest []string) error {
	if len(rest) < 3 {
		return errors.New("want hunt, a name, a number, a strategy and members, or a setting")
	}
	w.share()
	h := w.findHunt(rest[0])
	if h == nil {
		w.config.Globals.Hunts = append(w.config.Globals.Hunts, routing.Hunt{
			ID: rest[0], Name: rest[0], Number: rest[1], Strategy: rest[2], Members: rest[3:], MemberTime: 15 * time.Second, RingTime: time.Minute,
		})
		return nil
	}
	var err error
	switch rest[1] {
	case "member-time":
		h.MemberTime, err = seconds(rest[2])
	case "ring-time":
		h.RingTime, err = seconds(rest[2])
	case "members":
		h.Members = rest[2:]
	default:
		err = fmt.Errorf("a hunt group has no %q", rest[1])
	}
	return err
}

func (w *world) findHunt(name string) *routing.Hunt {
	g := &w.config.Globals
	for i := range g.Hunts {
		if g.Hunts[i].ID == name {
			return &g.Hunts[i]
		}
	}
	return nil
}

// overflow HUNTGROUP CASE CLASS ACTION.
func (w *world) overflow(rest []string) error {
	if len(rest) < 4 {
		return errors.New("want overflow, a hunt group, a case, a class and what to do")
	}
	w.share()
	h := w.findHunt(rest[0])
	if h == nil {
		return fmt.Errorf("there is no hunt group %s", rest[0])
	}
	rules, err := caseRules(rest[1:])
	for _, r := range rules {
		r.Field = "overflow[" + strconv.Itoa(len(h.Overflow)) + "]"
		h.Overflow = append(h.Overflow, r)
	}
	return err
}
