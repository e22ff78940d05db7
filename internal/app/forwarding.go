package app

import (
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/store"
	"github.com/koppelfeld/koppelfeld/routing"
)

// The configuration of forwarding as routing wants it.

func routingProfiles(s *directory.Snapshot, userID string) []routing.Profile {
	var out []routing.Profile
	for _, id := range s.ProfilesOf[userID] {
		p := s.Profiles[id]
		out = append(out, routing.Profile{ID: p.ID, Name: p.Name, Rules: profileRules(p)})
	}
	return out
}

// profileRules are the rules of a profile in the order in which they are tried.
func profileRules(p *directory.Profile) []routing.Rule {
	var out []routing.Rule
	for i := range p.Extended {
		r := &p.Extended[i]
		out = append(out, routing.Rule{
			Name: r.Name, Field: fmt.Sprintf("extended[%d]", i), When: routingConditions(&r.When), Do: routingAction(&r.Action),
			After: time.Duration(r.When.After) * time.Second, Tests: routingTests(r.Tests),
		})
	}
	return append(out, caseRules("table", p.Table)...)
}

func caseRules(field string, rules []directory.CaseRule) []routing.Rule {
	out := make([]routing.Rule, len(rules))
	for i := range rules {
		r := &rules[i]
		out[i] = routing.Rule{
			Field: fmt.Sprintf("%s[%d]", field, i), Do: routingAction(&r.Action), After: time.Duration(r.After) * time.Second,
			When: routing.Conditions{Cases: []routing.Case{routing.Case(r.Case)}, Class: routing.Class(r.Class)},
		}
	}
	return out
}

func routingConditions(w *directory.Conditions) routing.Conditions {
	out := routing.Conditions{
		Class: routing.Class(w.Class), Caller: routingMatch(w.Caller), Called: routingMatch(w.Called), Group: w.Group,
		Calendar: w.Calendar, OutsideCalendar: w.Outside,
	}
	for _, c := range w.States {
		out.Cases = append(out.Cases, routing.Case(c))
	}
	return out
}

func routingMatch(m *directory.Match) *routing.Match {
	if m == nil {
		return nil
	}
	return &routing.Match{Kind: routing.MatchKind(m.Kind), Value: m.Value, Not: m.Not}
}

func routingAction(a *directory.Action) routing.Action {
	return routing.Action{Kind: routing.ActionKind(a.Kind), Number: a.Number, Numbers: a.Numbers, ID: a.ID}
}

func routingTests(tests []directory.RuleTest) []routing.RuleTest {
	var out []routing.RuleTest
	for _, t := range tests {
		out = append(out, routing.RuleTest{From: t.From, Called: t.Called, State: routing.Case(t.State), At: t.At, Applies: t.Applies})
	}
	return out
}

func routingSchedule(s *directory.Schedule) *routing.Schedule {
	if s == nil {
		return nil
	}
	return &routing.Schedule{Calendar: s.Calendar, Profiles: s.Profiles}
}

// systemRules are the system-wide rules that are switched on.
func systemRules(rules []*directory.SystemRule) []routing.Rule {
	var out []routing.Rule
	for _, r := range rules {
		if !r.Enabled {
			continue
		}
		out = append(out, routing.Rule{
			ID: r.ID, Name: r.Name, Field: "action", When: routingConditions(&r.When), Do: routingAction(&r.Action), Tests: routingTests(r.Tests),
		})
	}
	return out
}

// routingGlobals is what belongs to no single user.
func routingGlobals(s *directory.Snapshot) *routing.Globals {
	g := &routing.Globals{Rules: systemRules(s.Rules), Rights: rights{s}}
	for _, h := range s.HuntGroups {
		g.Hunts = append(g.Hunts, routing.Hunt{
			ID: h.ID, Name: h.Name, Number: h.Number, Strategy: string(h.Strategy), Members: h.Members,
			MemberTime: time.Duration(h.MemberSeconds) * time.Second, RingTime: time.Duration(h.Seconds) * time.Second,
			Overflow: caseRules("overflow", h.Overflow),
		})
	}
	for _, c := range s.Calendars {
		g.Calendars = append(g.Calendars, routing.Calendar{ID: c.ID, Name: c.Name, Spec: c.Spec})
	}
	for _, p := range s.PickupGroups {
		g.Pickups = append(g.Pickups, routing.PickupGroup{ID: p.ID, Name: p.Name, Users: p.Users})
	}
	for _, c := range s.Codes {
		if c.Enabled {
			g.Codes = append(g.Codes, routing.Code{Action: string(c.Action), Code: c.Code})
		}
	}
	return g
}

// testRules runs the tests that administrators have attached to the rules that a change touches. A rule that is switched off is tested as if it
// were on, so that it can be switched on later; but switching one off, or what has nothing to do with its tests, is never refused. The error is
// of type routing.Faults.
func testRules(t *routing.Table, prev, next *directory.Snapshot, changed store.Changed) error {
	var faults routing.Faults
	for id := range changed.Profiles {
		if p := next.Profiles[id]; p != nil {
			faults = append(faults, t.RunTests(profileRules(p))...)
		}
	}
	for _, r := range next.Rules {
		if _, ok := changed.Rules[r.ID]; !ok || !r.Enabled && testedAlike(prev, r) {
			continue
		}
		on := *r
		on.Enabled = true
		faults = append(faults, t.RunTests(systemRules([]*directory.SystemRule{&on}))...)
	}
	if len(faults) > 0 {
		return faults
	}
	return nil
}

// testedAlike reports whether the tests of a rule, and what they test, are as they were.
func testedAlike(prev *directory.Snapshot, r *directory.SystemRule) bool {
	if prev == nil {
		return false
	}
	i := slices.IndexFunc(prev.Rules, func(old *directory.SystemRule) bool { return old.ID == r.ID })
	return i >= 0 && reflect.DeepEqual(prev.Rules[i].When, r.When) && reflect.DeepEqual(prev.Rules[i].Tests, r.Tests)
}

// rights is a routing.Rights: what users may by the same snapshot as the table.
type rights struct{ s *directory.Snapshot }

func (r rights) InGroup(group, userID string) bool { return r.s.InGroup(group, userID) }

func (r rights) MayPickUp(userID, ownerID string) bool {
	return r.s.May(userID, directory.MayPickUp, ownerID).Allowed
}
