package directory

import (
	"cmp"
	"fmt"
	"slices"
)

// Belongings lists what is removed together with a user, and what it leaves a gap in.
type Belongings struct {
	Numbers  []string   // freed, in the order of the rows
	Slots    []*Slot    // in the order of the columns
	Ticks    int        // count
	Groups   []string   // names of the groups that list the user, sorted
	Profiles []*Profile // in their order
	// HuntGroups have numbers of the user among their members and PickupGroups the user; they stay without. Sorted by name.
	HuntGroups   []*HuntGroup
	PickupGroups []*PickupGroup
}

// Belongings says what DeleteUser would remove together with the user, so that
// people can be told before (SPEC A3).
func (s *Snapshot) Belongings(userID string) Belongings {
	b := Belongings{Numbers: slices.Clone(s.Rows[userID]), Groups: slices.Clone(s.MemberOf[userID])}
	for _, n := range b.Numbers {
		b.Ticks += len(s.Ticks[n])
	}
	for _, id := range s.Columns[userID] {
		b.Slots = append(b.Slots, s.Slots[id])
	}
	for _, id := range s.ProfilesOf[userID] {
		b.Profiles = append(b.Profiles, s.Profiles[id])
	}
	b.HuntGroups = s.HuntGroupsWith(b.Numbers...)
	for _, g := range s.PickupGroups {
		if slices.Contains(g.Users, userID) {
			b.PickupGroups = append(b.PickupGroups, g)
		}
	}
	slices.SortFunc(b.PickupGroups, func(x, y *PickupGroup) int { return cmp.Compare(x.Name, y.Name) })
	return b
}

// HuntGroupsWith lists the hunt groups that have one of the numbers among their members, sorted by name.
func (s *Snapshot) HuntGroupsWith(numbers ...string) []*HuntGroup {
	var out []*HuntGroup
	for _, h := range s.HuntGroups {
		if slices.ContainsFunc(h.Members, func(m string) bool { return slices.Contains(numbers, m) }) {
			out = append(out, h)
		}
	}
	slices.SortFunc(out, func(x, y *HuntGroup) int { return cmp.Compare(x.Name, y.Name) })
	return out
}

// Kinds of References.
const (
	RefersProfile = "profile"
	RefersRule    = "forwarding_rule"
	RefersHunt    = "hunt_group"
)

// Reference is a place in the configuration that refers to something else.
type Reference struct {
	Kind   string
	ID     string // of the profile, system-wide rule or hunt group
	Name   string // of the same
	UserID string // owner of a profile
	Field  string // where in it, as in the HTTP API: "extended[0].action.number"
	Rule   string // name of the extended rule, may be empty
}

// In names the place for people: `rule 1 "Chef" of profile Urlaub of armin.artmann`.
func (s *Snapshot) In(r Reference) string {
	switch r.Kind {
	case RefersRule:
		return "system-wide rule " + r.Name
	case RefersHunt:
		return "hunt group " + r.Name
	}
	place := "profile " + r.Name
	if u := s.Users[r.UserID]; u != nil {
		place += " of " + u.Username
	}
	if r.Rule != "" {
		place = "rule " + r.Rule + " of " + place
	}
	return place
}

// ReferencesTo lists what sends calls to a number: system-wide rules, hunt groups that have it as member or overflow, and profiles, in
// this order and each in theirs. Deleting the number takes it out of members; the others stay and are passed over by calls.
func (s *Snapshot) ReferencesTo(number string) []Reference {
	var out []Reference
	add := func(r Reference, path string, a *Action) {
		if a.Kind == ToNumber && a.Number == number {
			r.Field = path + ".number"
			out = append(out, r)
		}
		for i, n := range a.Numbers {
			if a.Kind == ToParallel && n == number {
				r.Field = fmt.Sprintf("%s.numbers[%d]", path, i)
				out = append(out, r)
			}
		}
	}
	for _, r := range s.Rules {
		add(Reference{Kind: RefersRule, ID: r.ID, Name: r.Name}, "action", &r.Action)
	}
	for _, h := range sorted(s.HuntGroups, func(h *HuntGroup) string { return h.Name }) {
		r := Reference{Kind: RefersHunt, ID: h.ID, Name: h.Name}
		if i := slices.Index(h.Members, number); i >= 0 {
			r.Field = fmt.Sprintf("members[%d]", i)
			out = append(out, r)
		}
		for i := range h.Overflow {
			add(r, fmt.Sprintf("overflow[%d].action", i), &h.Overflow[i].Action)
		}
	}
	for _, p := range s.profilesInOrder() {
		r := Reference{Kind: RefersProfile, ID: p.ID, Name: p.Name, UserID: p.UserID}
		for i := range p.Extended {
			r.Rule = p.Extended[i].Name
			add(r, fmt.Sprintf("extended[%d].action", i), &p.Extended[i].Action)
		}
		r.Rule = ""
		for i := range p.Table {
			add(r, fmt.Sprintf("table[%d].action", i), &p.Table[i].Action)
		}
	}
	return out
}

// ReferencesToCalendar lists the rules that name a calendar, ReferencesToGroup those that name a group: system-wide ones first.
func (s *Snapshot) ReferencesToCalendar(id string) []Reference {
	return s.conditions("calendar", func(w *Conditions) bool { return w.Calendar == id })
}

// ReferencesToGroup is to groups what ReferencesToCalendar is to calendars.
func (s *Snapshot) ReferencesToGroup(name string) []Reference {
	return s.conditions("group", func(w *Conditions) bool { return w.Group == name })
}

func (s *Snapshot) conditions(field string, named func(*Conditions) bool) []Reference {
	var out []Reference
	for _, r := range s.Rules {
		if named(&r.When) {
			out = append(out, Reference{Kind: RefersRule, ID: r.ID, Name: r.Name, Field: "when." + field})
		}
	}
	for _, p := range s.profilesInOrder() {
		for i := range p.Extended {
			if r := &p.Extended[i]; named(&r.When) {
				out = append(out, Reference{Kind: RefersProfile, ID: p.ID, Name: p.Name, UserID: p.UserID, Rule: r.Name, Field: fmt.Sprintf("extended[%d].when.%s", i, field)})
			}
		}
	}
	return out
}

// profilesInOrder lists all profiles by user name and position.
func (s *Snapshot) profilesInOrder() []*Profile {
	var out []*Profile
	for _, p := range s.Profiles {
		out = append(out, p)
	}
	name := func(p *Profile) string {
		if u := s.Users[p.UserID]; u != nil {
			return u.Username
		}
		return ""
	}
	slices.SortFunc(out, func(x, y *Profile) int {
		return cmp.Or(cmp.Compare(name(x), name(y)), cmp.Compare(x.Position, y.Position), cmp.Compare(x.ID, y.ID))
	})
	return out
}

func sorted[T any](m map[string]T, by func(T) string) []T {
	var out []T
	for _, v := range m {
		out = append(out, v)
	}
	slices.SortFunc(out, func(x, y T) int { return cmp.Compare(by(x), by(y)) })
	return out
}
