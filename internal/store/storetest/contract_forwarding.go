package storetest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/store"
	"github.com/koppelfeld/koppelfeld/routing/calendar"
)

// forwardingTests are the tests of Contract that are about forwarding.
func forwardingTests() []contractTest {
	return []contractTest{
		{"what users show and block", calling},
		{"profiles", profiles},
		{"profiles refused", profilesRefused},
		{"order of profiles", orderProfiles},
		{"chosen profile", chosenProfile},
		{"delete profile", deleteProfile},
		{"circles of forwards", circles},
		{"system-wide rules", systemRules},
		{"calendars", calendars},
		{"hunt groups", huntGroups},
		{"hunt groups refused", huntGroupsRefused},
		{"pickup groups", pickupGroups},
		{"grants", grants},
		{"function codes", codes},
		{"delete user with forwarding", deleteUserWithForwarding},
		{"delete number with forwarding", deleteNumberWithForwarding},
		{"what a change touches", touched},
	}
}

// always is the table of a profile that forwards all calls.
func always(number string) []directory.CaseRule {
	return []directory.CaseRule{
		{Case: directory.Always, Class: directory.FromInside, Action: directory.Action{Kind: directory.ToNumber, Number: number}},
		{Case: directory.Always, Class: directory.FromOutside, Action: directory.Action{Kind: directory.ToNumber, Number: number}},
	}
}

// workdays is a calendar of opening hours with n entries.
func workdays(n int) calendar.Spec {
	spec := calendar.Spec{Zone: "Europe/Berlin", State: "HE"}
	for i := range n {
		spec.Entries = append(spec.Entries, calendar.Entry{Days: calendar.DaysOf(time.Monday), From: calendar.Minute(480 + 10*i), To: calendar.Minute(490 + 10*i)})
	}
	return spec
}

// profile makes a profile of a user.
func (f *fixture) profile(p directory.Profile) string {
	f.t.Helper()
	var id string
	f.update(func(tx *store.Tx) error {
		made, err := tx.CreateProfile(p)
		if err == nil {
			id = made.ID
		}
		return err
	})
	return id
}

// bert adds a user with number 21 and returns its ID.
func (f *fixture) bert() (id string) {
	f.t.Helper()
	f.update(func(tx *store.Tx) error {
		var err error
		id, _, err = person(tx, "bert", []string{"21"}, directory.Desk)
		return err
	})
	return id
}

// refusedField runs a change that must be refused for one field.
func (f *fixture) refusedField(field string, fn func(*store.Tx) error) error {
	f.t.Helper()
	err := f.refused(fn)
	invalidField(f.t, err, field)
	return err
}

func calling(t *testing.T, database string) {
	f := newFixture(t, database)
	inside := []string{"12", "99"}
	f.update(func(tx *store.Tx) error {
		_, err := tx.UpdateUser(f.anna, 1, func(u *directory.User) {
			u.ShownInside, u.ShownOutside, u.HideInside, u.HideOutside = inside, []string{"+4966112345", "0"}, true, true
			u.Blocks = []directory.Block{{Match: directory.Match{Kind: directory.MatchPrefix, Value: "+900"}, Note: "teuer"}}
		})
		return err
	})
	inside[0] = "changed by the caller"
	u := f.st.Snapshot().Users[f.anna]
	if u.ShownInside[0] != "12" || len(u.ShownOutside) != 2 || !u.HideInside || !u.HideOutside || u.Blocks[0].Note != "teuer" || u.Version != 2 {
		t.Errorf("user: got %+v", u)
	}
	f.stored()
	for field, spoil := range map[string]func(*directory.User){
		"shown_numbers_inside[0]":  func(u *directory.User) { u.ShownInside = []string{"+49661"} },
		"shown_numbers_inside[1]":  func(u *directory.User) { u.ShownInside = []string{"12", "12"} },
		"shown_numbers_outside[0]": func(u *directory.User) { u.ShownOutside = []string{"0661 12345"} },
		"shown_numbers_outside":    func(u *directory.User) { u.ShownOutside = make([]string, directory.MaxShown+1) },
		"call_blocking[0].match.value": func(u *directory.User) {
			u.Blocks[0].Match = directory.Match{Kind: directory.MatchPattern, Value: "(?=0900)"}
		},
		"call_blocking[0].match.kind": func(u *directory.User) { u.Blocks[0].Match = directory.Match{Kind: directory.MatchHidden} },
		"call_blocking":               func(u *directory.User) { u.Blocks = make([]directory.Block, directory.MaxBlocks+1) },
	} {
		f.refusedField(field, func(tx *store.Tx) error {
			_, err := tx.UpdateUser(f.anna, 0, spoil)
			return err
		})
	}
	revision := f.st.Snapshot().Revision
	f.update(func(tx *store.Tx) error { // an empty list is none
		_, err := tx.UpdateUser(f.anna, 0, func(u *directory.User) {
			u.ShownInside, u.ShownOutside, u.Blocks = []string{}, nil, []directory.Block{}
		})
		return err
	})
	f.update(func(tx *store.Tx) error {
		_, err := tx.UpdateUser(f.anna, 0, func(u *directory.User) { u.Blocks = []directory.Block{} })
		return err
	})
	if got := f.st.Snapshot().Revision; got != revision+1 {
		t.Errorf("revision: got %d, want %d", got, revision+1)
	}
	f.stored()
}

func profiles(t *testing.T, database string) {
	f := newFixture(t, database)
	table := always("+491713920001")
	at := time.Date(2026, 12, 27, 14, 0, 0, 0, time.FixedZone("", 3600))
	id := f.profile(directory.Profile{UserID: f.anna, Name: "Urlaub", Table: table, Extended: []directory.ExtendedRule{{
		Name: "Chef", When: directory.Conditions{Caller: &directory.Match{Kind: directory.MatchExact, Value: "12"}, States: []directory.Case{}},
		Action: directory.Action{Kind: directory.Allow}, Tests: []directory.RuleTest{{From: "12", At: at, Applies: true}},
	}}})
	table[0].Action.Number = "changed by the caller"
	p := f.st.Snapshot().Profiles[id]
	if p.Table[0].Action.Number != "+491713920001" || p.Position != 0 || p.Version != 1 || !p.Extended[0].Tests[0].At.Equal(at) {
		t.Errorf("profile: got %+v", p)
	}
	f.stored()
	f.update(func(tx *store.Tx) error {
		_, err := tx.UpdateProfile(id, 1, func(p *directory.Profile) {
			p.Name, p.Table[1].Action.Number, p.Extended = "Ferien", "12", nil
			p.ID, p.UserID, p.Position, p.Version = "x", "y", 7, 8 // must have no effect
		})
		return err
	})
	now := f.st.Snapshot().Profiles[id]
	if now.Name != "Ferien" || now.Table[1].Action.Number != "12" || now.Extended != nil || now.Version != 2 || now.UserID != f.anna {
		t.Errorf("profile after update: got %+v", now)
	}
	if p.Table[1].Action.Number != "+491713920001" {
		t.Error("an update has changed the profile that was in force")
	}
	f.stored()
	revision := f.st.Snapshot().Revision
	f.update(func(tx *store.Tx) error {
		_, err := tx.UpdateProfile(id, 2, func(*directory.Profile) {})
		return err
	})
	if got := f.st.Snapshot().Revision; got != revision {
		t.Errorf("an update that changes nothing makes revision %d of %d", got, revision)
	}
	for what, fn := range map[string]func(*store.Tx) error{
		"update of an old version": func(tx *store.Tx) error {
			_, err := tx.UpdateProfile(id, 1, func(p *directory.Profile) { p.Name = "x" })
			return err
		},
		"removal of an old version": func(tx *store.Tx) error { return tx.DeleteProfile(id, 1) },
	} {
		if err := f.refused(fn); !errors.Is(err, store.ErrConflict) {
			t.Errorf("%s: got %v, want ErrConflict", what, err)
		}
	}
	if err := f.refused(func(tx *store.Tx) error { return tx.DeleteProfile("none", 0) }); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("removal of none: got %v, want ErrNotFound", err)
	}
	entries, _, err := f.st.ListAudit(t.Context(), store.AuditFilter{ObjectType: "profile", ObjectID: id})
	if err != nil || len(entries) != 2 {
		t.Fatalf("audit: got %d entries and %v, want 2", len(entries), err)
	}
	if e := entries[0]; e.Action != "update" || !strings.Contains(string(e.Before), `"Urlaub"`) || !strings.Contains(string(e.After), `"Ferien"`) {
		t.Errorf("audit: got %s before %s after %s", e.Action, e.Before, e.After)
	}
}

func profilesRefused(t *testing.T, database string) {
	f := newFixture(t, database)
	f.profile(directory.Profile{UserID: f.anna, Name: "Urlaub"})
	good := directory.Profile{UserID: f.anna, Name: "Krank"}
	for field, spoil := range map[string]func(*directory.Profile){
		"name":                   func(p *directory.Profile) { p.Name = "URLAUB" },
		"table[0].action.number": func(p *directory.Profile) { p.Table = always("99") },
		"table":                  func(p *directory.Profile) { p.Table = make([]directory.CaseRule, 9) },
		"extended":               func(p *directory.Profile) { p.Extended = make([]directory.ExtendedRule, directory.MaxRules+1) },
		"extended[0].when.calendar": func(p *directory.Profile) {
			p.Extended = []directory.ExtendedRule{{When: directory.Conditions{Calendar: "none"}, Action: directory.Action{Kind: directory.Reject}}}
		},
		"extended[0].when.group": func(p *directory.Profile) {
			p.Extended = []directory.ExtendedRule{{When: directory.Conditions{Group: "none"}, Action: directory.Action{Kind: directory.Reject}}}
		},
		"extended[0].when.states": func(p *directory.Profile) {
			p.Extended = []directory.ExtendedRule{{When: directory.Conditions{States: make([]directory.Case, 1000)}, Action: directory.Action{Kind: directory.Reject}}}
		},
		"extended[0].action.id": func(p *directory.Profile) {
			p.Extended = []directory.ExtendedRule{{When: directory.Conditions{Class: directory.FromInside}, Action: directory.Action{Kind: directory.Reject, ID: "x"}}}
		},
		"extended[0].when.caller.value": func(p *directory.Profile) {
			p.Extended = []directory.ExtendedRule{{When: directory.Conditions{Caller: &directory.Match{Kind: directory.MatchPattern, Value: "(a"}}, Action: directory.Action{Kind: directory.Reject}}}
		},
	} {
		f.refusedField(field, func(tx *store.Tx) error {
			p := good
			spoil(&p)
			_, err := tx.CreateProfile(p)
			return err
		})
	}
	if err := f.refused(func(tx *store.Tx) error {
		_, err := tx.CreateProfile(directory.Profile{UserID: "nobody", Name: "x"})
		return err
	}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("profile of nobody: got %v, want ErrNotFound", err)
	}
	f.update(func(tx *store.Tx) error {
		for i := 1; i < directory.MaxProfiles; i++ {
			if _, err := tx.CreateProfile(directory.Profile{UserID: f.anna, Name: fmt.Sprint(i)}); err != nil {
				return err
			}
		}
		return nil
	})
	f.refusedField("name", func(tx *store.Tx) error {
		_, err := tx.CreateProfile(good)
		return err
	})
	f.stored()
}

// positions checks that the profiles of a user stand in an order, by name.
func (f *fixture) positions(want ...string) {
	f.t.Helper()
	snap := f.st.Snapshot()
	var got []string
	for i, id := range snap.ProfilesOf[f.anna] {
		if snap.Profiles[id].Position != i {
			f.t.Errorf("profile %d has position %d", i, snap.Profiles[id].Position)
		}
		got = append(got, snap.Profiles[id].Name)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		f.t.Errorf("order (-want +got):\n%s", diff)
	}
	f.stored()
}

func orderProfiles(t *testing.T, database string) {
	f := newFixture(t, database)
	var ids []string
	for _, name := range []string{"a", "b", "c", "d"} {
		ids = append(ids, f.profile(directory.Profile{UserID: f.anna, Name: name}))
	}
	f.update(func(tx *store.Tx) error { return tx.OrderProfiles(f.anna, []string{ids[2], ids[0], ids[1], ids[3]}) })
	f.positions("c", "a", "b", "d")
	if got := f.st.Snapshot().Profiles[ids[3]].Version; got != 1 {
		t.Errorf("a profile that did not move has version %d", got)
	}
	for what, order := range map[string][]string{"one missing": ids[:3], "one twice": {ids[0], ids[0], ids[1], ids[2]}, "a stranger": {ids[0], ids[1], ids[2], "x"}} {
		t.Run(what, func(t *testing.T) {
			f.refusedField("profiles", func(tx *store.Tx) error { return tx.OrderProfiles(f.anna, order) })
		})
	}
	f.update(func(tx *store.Tx) error { return tx.DeleteProfile(ids[0], 0) })
	f.positions("c", "b", "d")
	f.profile(directory.Profile{UserID: f.anna, Name: "e"})
	f.positions("c", "b", "d", "e")
}

func chosenProfile(t *testing.T, database string) {
	f := newFixture(t, database)
	bert := f.bert()
	id, other := f.profile(directory.Profile{UserID: f.anna, Name: "Urlaub"}), f.profile(directory.Profile{UserID: bert, Name: "Urlaub"})
	choose := func(number, profile string) *directory.Number {
		f.update(func(tx *store.Tx) error {
			_, err := tx.SetForwardingProfile(number, 0, profile)
			return err
		})
		f.stored()
		return f.st.Snapshot().Numbers[number]
	}
	first := choose("11", id)
	if first.ProfileID != id || first.ProfileChosen.IsZero() || first.Version != 2 {
		t.Errorf("chosen: got %+v", first)
	}
	if again := choose("11", id); again != first {
		t.Errorf("the same choice without a schedule is a change: %+v", again)
	}
	f.update(func(tx *store.Tx) error {
		_, err := tx.UpdateNumber("11", 0, func(n *directory.Number) {
			n.Schedule = &directory.Schedule{Calendar: workdays(2), Profiles: []string{id, ""}}
			n.ProfileChosen = time.Unix(1, 0) // must have no effect
		})
		return err
	})
	n := f.st.Snapshot().Numbers["11"]
	if !n.ProfileChosen.Equal(first.ProfileChosen) || n.Schedule == nil {
		t.Errorf("number with a schedule: got %+v", n)
	}
	if again := choose("11", id); !again.ProfileChosen.After(first.ProfileChosen) {
		t.Error("with a schedule the same choice must count anew")
	}
	f.update(func(tx *store.Tx) error {
		_, err := tx.UpdateNumber("11", 0, func(n *directory.Number) { n.ProfileChosen = time.Time{} })
		return err
	})
	if n := f.st.Snapshot().Numbers["11"]; n.ProfileID != "" || !n.ProfileChosen.IsZero() || n.Schedule == nil {
		t.Errorf("choice taken back: got %+v", n)
	}
	f.stored()
	f.update(func(tx *store.Tx) error {
		_, err := tx.UpdateNumber("12", 0, func(n *directory.Number) { n.ProfileID = id })
		return err
	})
	if n := f.st.Snapshot().Numbers["12"]; n.ProfileID != id || n.ProfileChosen.IsZero() {
		t.Errorf("chosen by UpdateNumber: got %+v", n)
	}
	f.update(func(tx *store.Tx) error {
		_, err := tx.AddNumber(directory.Number{Number: "40", OwnerType: directory.OwnerFaxLine, OwnerID: "Fax"})
		return err
	})
	for what, test := range map[string]struct {
		field string
		edit  func(*directory.Number)
	}{
		"profile of another": {"forwarding_profile", func(n *directory.Number) { n.ProfileID = other }},
		"no such profile":    {"forwarding_profile", func(n *directory.Number) { n.ProfileID = "x" }},
		"schedule with another's": {"schedule.profiles[0]", func(n *directory.Number) {
			n.Schedule = &directory.Schedule{Calendar: workdays(1), Profiles: []string{other}}
		}},
		"schedule without profile": {"schedule.profiles", func(n *directory.Number) { n.Schedule = &directory.Schedule{Calendar: workdays(1)} }},
		"no such zone": {"schedule.calendar.zone", func(n *directory.Number) {
			n.Schedule = &directory.Schedule{Calendar: calendar.Spec{Zone: "Mars/Olympus"}}
		}},
	} {
		t.Run(what, func(t *testing.T) {
			f.refusedField(test.field, func(tx *store.Tx) error {
				_, err := tx.UpdateNumber("11", 0, test.edit)
				return err
			})
		})
	}
	f.refusedField("schedule", func(tx *store.Tx) error {
		_, err := tx.UpdateNumber("40", 0, func(n *directory.Number) {
			n.Schedule = &directory.Schedule{Calendar: workdays(1), Profiles: []string{""}}
		})
		return err
	})
}

func deleteProfile(t *testing.T, database string) {
	f := newFixture(t, database)
	id, kept := f.profile(directory.Profile{UserID: f.anna, Name: "Urlaub"}), f.profile(directory.Profile{UserID: f.anna, Name: "Ferien"})
	f.update(func(tx *store.Tx) error {
		_, err := tx.SetForwardingProfile("11", 0, id)
		if err != nil {
			return err
		}
		_, err = tx.UpdateNumber("12", 0, func(n *directory.Number) {
			n.ProfileID = kept
			n.Schedule = &directory.Schedule{Calendar: workdays(3), Profiles: []string{id, kept, id}}
		})
		return err
	})
	before := f.st.Snapshot().Numbers["12"]
	revision := f.update(func(tx *store.Tx) error { return tx.DeleteProfile(id, 0) })
	snap := f.st.Snapshot()
	if snap.Profiles[id] != nil || snap.Numbers["11"].ProfileID != "" || snap.Numbers["12"].ProfileID != kept {
		t.Errorf("numbers after the removal: got %+v and %+v", snap.Numbers["11"], snap.Numbers["12"])
	}
	if diff := cmp.Diff([]string{"", kept, ""}, snap.Numbers["12"].Schedule.Profiles); diff != "" {
		t.Errorf("schedule (-want +got):\n%s", diff)
	}
	if before.Schedule.Profiles[0] != id {
		t.Error("the schedule that was in force has changed")
	}
	f.stored()
	entries, _, err := f.st.ListAudit(t.Context(), store.AuditFilter{Limit: 3})
	if err != nil {
		t.Fatal(err)
	}
	var acts []string
	for _, e := range entries {
		if e.Revision == revision {
			acts = append(acts, e.Action+" "+e.ObjectType)
		}
	}
	if diff := cmp.Diff([]string{"delete profile", "update number", "update number"}, acts); diff != "" {
		t.Errorf("audit (-want +got):\n%s", diff)
	}
	f.update(func(tx *store.Tx) error { return tx.DeleteProfile(kept, 0) })
	if n := f.st.Snapshot().Numbers["12"]; n.ProfileID != "" || !n.ProfileChosen.IsZero() {
		t.Errorf("with a schedule the choice ends with its profile: got %+v", n)
	}
	f.stored()
}

func circles(t *testing.T, database string) {
	f := newFixture(t, database)
	bert := f.bert()
	anna := f.profile(directory.Profile{UserID: f.anna, Name: "to bert", Table: always("21")})
	self := f.profile(directory.Profile{UserID: f.anna, Name: "to 12", Table: always("12")})
	back := f.profile(directory.Profile{UserID: bert, Name: "to anna", Table: always("11")[1:]}) // from outside alone
	choose := func(number, profile string) func(*store.Tx) error {
		return func(tx *store.Tx) error {
			_, err := tx.SetForwardingProfile(number, 0, profile)
			return err
		}
	}
	says := func(err error, way string) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), way) {
			t.Errorf("got %v, want it to name the way %s", err, way)
		}
	}
	f.update(choose("11", anna))
	says(f.refusedField("forwarding_profile", choose("21", back)), "outside would go round in a circle: 21 → 11 → 21")
	f.update(func(tx *store.Tx) error { // with a schedule it depends on the time
		_, err := tx.UpdateNumber("11", 0, func(n *directory.Number) {
			n.Schedule = &directory.Schedule{Calendar: workdays(1), Profiles: []string{""}}
		})
		return err
	})
	f.update(choose("21", back))
	says(f.refusedField("forwarding_profile", func(tx *store.Tx) error { // until the schedule goes
		_, err := tx.UpdateNumber("11", 0, func(n *directory.Number) { n.Schedule = nil })
		return err
	}), "11 → 21 → 11")
	f.update(choose("21", ""))
	f.update(func(tx *store.Tx) error {
		_, err := tx.UpdateNumber("11", 0, func(n *directory.Number) { n.Schedule, n.ProfileID = nil, anna })
		return err
	})
	f.update(func(tx *store.Tx) error {
		_, err := tx.UpdateProfile(back, 0, func(p *directory.Profile) { p.Table[0].Action.Number = "+4966112345" })
		return err
	})
	f.update(choose("21", back))
	says(f.refusedField("table[0].action.number", func(tx *store.Tx) error {
		_, err := tx.UpdateProfile(back, 0, func(p *directory.Profile) { p.Table[0].Action.Number = "11" })
		return err
	}), "21 → 11 → 21")

	f.update(choose("11", self))
	says(f.refusedField("forwarding_profile", choose("12", self)), "12 → 12")
	f.update(func(tx *store.Tx) error {
		_, err := tx.UpdateProfile(self, 0, func(p *directory.Profile) { p.Table = always("21") })
		return err
	})
	f.update(choose("12", self))
	says(f.refusedField("table[0].action.number", func(tx *store.Tx) error { // active for 11 and 12
		_, err := tx.UpdateProfile(self, 0, func(p *directory.Profile) { p.Table = always("12") })
		return err
	}), "12 → 12")

	hunt := directory.HuntGroup{Name: "Zentrale", Number: "30", Strategy: directory.RingAll, Seconds: 30, Overflow: always("11")[:1]}
	f.update(func(tx *store.Tx) error {
		_, err := tx.CreateHuntGroup(hunt)
		return err
	})
	says(f.refusedField("table[0].action.number", func(tx *store.Tx) error {
		_, err := tx.UpdateProfile(self, 0, func(p *directory.Profile) { p.Table = always("30") })
		return err
	}), "inside would go round in a circle: 11 → 30 → 11")
	f.update(func(tx *store.Tx) error {
		h := pickHunt(tx)
		_, err := tx.UpdateHuntGroup(h, 0, func(h *directory.HuntGroup) { h.Overflow = nil })
		if err != nil {
			return err
		}
		_, err = tx.UpdateProfile(self, 0, func(p *directory.Profile) { p.Table = always("30") })
		return err
	})
	says(f.refusedField("overflow[1].action.number", func(tx *store.Tx) error {
		_, err := tx.UpdateHuntGroup(pickHunt(tx), 0, func(h *directory.HuntGroup) { h.Overflow = append(always("+4966112345")[:1], always("12")[1]) })
		return err
	}), "30 → 12 → 30")
	f.stored()
}

// pickHunt is the ID of the only hunt group.
func pickHunt(tx *store.Tx) string {
	for id := range tx.Snapshot().HuntGroups {
		return id
	}
	return ""
}

func systemRules(t *testing.T, database string) {
	f := newFixture(t, database)
	rule := func(name string) directory.SystemRule {
		return directory.SystemRule{
			Name: name, Enabled: true, When: directory.Conditions{Called: &directory.Match{Kind: directory.MatchExact, Value: "11"}},
			Action: directory.Action{Kind: directory.ToNumber, Number: "12"}, Tests: []directory.RuleTest{{Called: "11", Applies: true}},
		}
	}
	var ids []string
	for _, name := range []string{"a", "b", "c"} {
		f.update(func(tx *store.Tx) error {
			r, err := tx.CreateRule(rule(name))
			if err == nil {
				ids = append(ids, r.ID)
			}
			return err
		})
	}
	names := func(want ...string) {
		t.Helper()
		var got []string
		for i, r := range f.st.Snapshot().Rules {
			if r.Position != i {
				t.Errorf("rule %d has position %d", i, r.Position)
			}
			got = append(got, r.Name)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("rules (-want +got):\n%s", diff)
		}
		f.stored()
	}
	names("a", "b", "c")
	f.update(func(tx *store.Tx) error { return tx.OrderRules([]string{ids[2], ids[0], ids[1]}) })
	names("c", "a", "b")
	before := f.st.Snapshot().Rules[1]
	f.update(func(tx *store.Tx) error {
		_, err := tx.UpdateRule(ids[0], before.Version, func(r *directory.SystemRule) {
			r.Name, r.Enabled, r.When.Called.Value = "A", false, "12"
			r.ID, r.Position, r.Version = "x", 9, 9 // must have no effect
		})
		return err
	})
	if before.When.Called.Value != "11" {
		t.Error("an update has changed the rule that was in force")
	}
	names("c", "A", "b")
	f.update(func(tx *store.Tx) error { return tx.DeleteRule(ids[2], 0) })
	names("A", "b")
	f.refusedField("rules", func(tx *store.Tx) error { return tx.OrderRules(ids) })
	f.refusedField("when", func(tx *store.Tx) error {
		_, err := tx.UpdateRule(ids[0], 0, func(r *directory.SystemRule) { r.When = directory.Conditions{} })
		return err
	})
	if err := f.refused(func(tx *store.Tx) error { return tx.DeleteRule(ids[1], 77) }); !errors.Is(err, store.ErrConflict) {
		t.Errorf("removal of another version: got %v, want ErrConflict", err)
	}
	f.update(func(tx *store.Tx) error { return errors.Join(tx.DeleteRule(ids[0], 0), tx.DeleteRule(ids[1], 0)) })
	names()
}

func calendars(t *testing.T, database string) {
	f := newFixture(t, database)
	var id string
	f.update(func(tx *store.Tx) error {
		c, err := tx.CreateCalendar(directory.Calendar{Name: "Geschäftszeiten", Spec: workdays(2)})
		if err == nil {
			id = c.ID
		}
		return err
	})
	f.stored()
	f.update(func(tx *store.Tx) error {
		_, err := tx.UpdateCalendar(id, 1, func(c *directory.Calendar) {
			c.Spec.Entries[0].From = 0
			c.Spec.Own = []calendar.Holiday{{Name: "Betriebsausflug", Date: calendar.Date{Year: 2027, Month: time.June, Day: 4}}}
		})
		return err
	})
	if c := f.st.Snapshot().Calendars[id]; c.Spec.Entries[0].From != 0 || len(c.Spec.Own) != 1 || c.Version != 2 {
		t.Errorf("calendar: got %+v", c)
	}
	f.stored()
	f.refusedField("zone", func(tx *store.Tx) error {
		_, err := tx.UpdateCalendar(id, 0, func(c *directory.Calendar) { c.Spec.Zone = "Mars/Olympus" })
		return err
	})
	if err := f.refused(func(tx *store.Tx) error {
		_, err := tx.CreateCalendar(directory.Calendar{Name: "geschäftszeiten", Spec: workdays(1)})
		return err
	}); !errors.Is(err, store.ErrTaken) {
		t.Errorf("name of another: got %v, want ErrTaken", err)
	}
	profile := f.profile(directory.Profile{UserID: f.anna, Name: "Feierabend", Extended: []directory.ExtendedRule{{
		Name: "zu", When: directory.Conditions{Calendar: id, Outside: true}, Action: directory.Action{Kind: directory.Reject},
	}}})
	err := f.refusedField("id", func(tx *store.Tx) error { return tx.DeleteCalendar(id, 0) })
	if want := "needed by rule zu of profile Feierabend of anna"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("calendar in use: got %v, want it to say %q", err, want)
	}
	f.update(func(tx *store.Tx) error { return errors.Join(tx.DeleteProfile(profile, 0), tx.DeleteCalendar(id, 0)) })
	f.stored()
}

func huntGroups(t *testing.T, database string) {
	f := newFixture(t, database)
	var id string
	f.update(func(tx *store.Tx) error {
		h, err := tx.CreateHuntGroup(directory.HuntGroup{
			Name: "Zentrale", Number: "30", Strategy: directory.Linear, Members: []string{"12", "11"}, MemberSeconds: 10, Seconds: 60, Overflow: always("+4966112345"),
		})
		if err == nil {
			id = h.ID
		}
		return err
	})
	snap := f.st.Snapshot()
	if n := snap.Numbers["30"]; n == nil || n.OwnerType != directory.OwnerHuntGroup || n.OwnerID != id || snap.OwnerName(n) != "Zentrale" {
		t.Errorf("number of the group: got %+v", n)
	}
	f.stored()
	err := f.refused(func(tx *store.Tx) error {
		_, err := tx.AddNumber(directory.Number{Number: "30", OwnerType: directory.OwnerUser, OwnerID: f.anna})
		return err
	})
	if !errors.Is(err, store.ErrTaken) || err.Error() != "number 30 belongs to hunt group Zentrale" {
		t.Errorf("second owner: got %v", err)
	}
	f.refusedField("number", func(tx *store.Tx) error { return tx.RemoveNumber("30", 0) })
	f.update(func(tx *store.Tx) error {
		if _, err := tx.UpdateNumber("30", 0, func(n *directory.Number) { n.MaxCalls = 5 }); err != nil {
			return err
		}
		_, err := tx.UpdateHuntGroup(id, 1, func(h *directory.HuntGroup) { h.Number, h.Members = "31", h.Members[:1] })
		return err
	})
	snap = f.st.Snapshot()
	if n := snap.Numbers["31"]; snap.Numbers["30"] != nil || n == nil || n.MaxCalls != 5 || len(snap.HuntGroups[id].Members) != 1 {
		t.Errorf("after the move: got %+v and %+v", n, snap.HuntGroups[id])
	}
	f.stored()
	f.update(func(tx *store.Tx) error { return tx.DeleteHuntGroup(id, 2) })
	if f.st.Snapshot().Numbers["31"] != nil {
		t.Error("the number of a removed group is not free")
	}
	f.stored()
}

func huntGroupsRefused(t *testing.T, database string) {
	f := newFixture(t, database)
	good := directory.HuntGroup{Name: "Zentrale", Number: "30", Strategy: directory.RingAll, Seconds: 30}
	f.update(func(tx *store.Tx) error {
		_, err := tx.CreateHuntGroup(good)
		return err
	})
	good.Name, good.Number = "Vertrieb", "31"
	for field, spoil := range map[string]func(*directory.HuntGroup){
		"number":                    func(h *directory.HuntGroup) { h.Number = "+30" },
		"members[0]":                func(h *directory.HuntGroup) { h.Members = []string{"30"} },
		"members":                   func(h *directory.HuntGroup) { h.Members = make([]string, directory.MaxMembers+1) },
		"seconds":                   func(h *directory.HuntGroup) { h.Seconds = 1 << 40 },
		"member_seconds":            func(h *directory.HuntGroup) { h.MemberSeconds = 1 << 40 },
		"strategy":                  func(h *directory.HuntGroup) { h.Strategy = "random" },
		"overflow[0].action.number": func(h *directory.HuntGroup) { h.Overflow = always("99")[:1] },
	} {
		f.refusedField(field, func(tx *store.Tx) error {
			h := good
			spoil(&h)
			_, err := tx.CreateHuntGroup(h)
			return err
		})
	}
	for what, spoil := range map[string]func(*directory.HuntGroup){
		"name of another":   func(h *directory.HuntGroup) { h.Name = "zentrale" },
		"number of another": func(h *directory.HuntGroup) { h.Number = "30" },
		"number of a user":  func(h *directory.HuntGroup) { h.Number = "11" },
	} {
		err := f.refused(func(tx *store.Tx) error {
			h := good
			spoil(&h)
			_, err := tx.CreateHuntGroup(h)
			return err
		})
		if !errors.Is(err, store.ErrTaken) {
			t.Errorf("%s: got %v, want ErrTaken", what, err)
		}
	}
	f.refusedField("owner_type", func(tx *store.Tx) error {
		_, err := tx.AddNumber(directory.Number{Number: "32", OwnerType: directory.OwnerHuntGroup, OwnerID: "x"})
		return err
	})
	f.stored()
}

func pickupGroups(t *testing.T, database string) {
	f := newFixture(t, database)
	bert := f.bert()
	var id string
	f.update(func(tx *store.Tx) error {
		g, err := tx.CreatePickupGroup(directory.PickupGroup{Name: "Vertrieb", Users: []string{bert, f.anna}})
		if err == nil {
			id = g.ID
		}
		return err
	})
	f.stored()
	f.refusedField("users[1]", func(tx *store.Tx) error {
		_, err := tx.UpdatePickupGroup(id, 0, func(g *directory.PickupGroup) { g.Users[1] = "nobody" })
		return err
	})
	f.refusedField("users", func(tx *store.Tx) error {
		_, err := tx.UpdatePickupGroup(id, 0, func(g *directory.PickupGroup) { g.Users = make([]string, directory.MaxPickup+1) })
		return err
	})
	f.update(func(tx *store.Tx) error {
		_, err := tx.UpdatePickupGroup(id, 1, func(g *directory.PickupGroup) { g.Name, g.Users = "Verkauf", []string{} })
		return err
	})
	if g := f.st.Snapshot().PickupGroups[id]; g.Name != "Verkauf" || g.Users != nil || g.Version != 2 {
		t.Errorf("pickup group: got %+v", g)
	}
	f.stored()
	if err := f.refused(func(tx *store.Tx) error { return tx.DeletePickupGroup(id, 1) }); !errors.Is(err, store.ErrConflict) {
		t.Errorf("removal of an old version: got %v, want ErrConflict", err)
	}
	f.update(func(tx *store.Tx) error { return tx.DeletePickupGroup(id, 2) })
	f.stored()
}

func grants(t *testing.T, database string) {
	f := newFixture(t, database)
	pickup := directory.Grant{Group: "staff", Permission: directory.MayPickUp, Objects: directory.AllUsers}
	f.update(func(tx *store.Tx) error {
		for _, g := range []directory.Group{{Name: "staff", Title: "Staff", Type: directory.GroupUser}, {Name: "faxes.of.staff", Title: "F", Type: directory.GroupFax}} {
			if _, err := tx.CreateGroup(g); err != nil {
				return err
			}
		}
		return errors.Join(tx.AddMember("staff", f.anna), tx.AddGrant(pickup), tx.AddGrant(pickup),
			tx.AddGrant(directory.Grant{Group: "staff", Permission: directory.MayFax, Objects: "faxes.of.staff"}),
			tx.AddGrant(directory.Grant{Group: directory.AllUsers, Permission: directory.MayDial}))
	})
	snap := f.st.Snapshot()
	if v := snap.May(f.anna, directory.MayPickUp, f.anna); !v.Allowed || len(snap.Grants) != 3 {
		t.Errorf("may pick up: got %+v of %v", v, snap.Grants)
	}
	f.stored()
	for field, g := range map[string]directory.Grant{
		"group":      {Group: "none", Permission: directory.MayDial},
		"permission": {Group: "staff", Permission: "everything"},
		"objects":    {Group: "staff", Permission: directory.MayFax, Objects: directory.AllUsers},
	} {
		f.refusedField(field, func(tx *store.Tx) error { return tx.AddGrant(g) })
	}
	f.refusedField("objects", func(tx *store.Tx) error {
		return tx.AddGrant(directory.Grant{Group: "staff", Permission: directory.MayDial, Objects: "staff"})
	})
	f.refusedField("group", func(tx *store.Tx) error {
		return tx.AddGrant(directory.Grant{Group: directory.AllFaxes, Permission: directory.MayDial})
	})
	f.update(func(tx *store.Tx) error { return errors.Join(tx.RemoveGrant(pickup), tx.RemoveGrant(pickup)) })
	if f.st.Snapshot().May(f.anna, directory.MayPickUp, f.anna).Allowed {
		t.Error("a permission that was taken back holds")
	}
	f.stored()
	profile := f.profile(directory.Profile{UserID: f.anna, Name: "p", Extended: []directory.ExtendedRule{{When: directory.Conditions{Group: "staff"}, Action: directory.Action{Kind: directory.Reject}}}})
	if err := f.refusedField("name", func(tx *store.Tx) error { return tx.DeleteGroup("staff", 0) }); err == nil || !strings.Contains(err.Error(), "profile p of anna") {
		t.Errorf("group that a rule needs: got %v", err)
	}
	f.update(func(tx *store.Tx) error { return errors.Join(tx.DeleteProfile(profile, 0), tx.DeleteGroup("staff", 0)) })
	if got := f.st.Snapshot().Grants; len(got) != 1 {
		t.Errorf("grants after the removal of their group: got %v", got)
	}
	f.stored()
}

func codes(t *testing.T, database string) {
	f := newFixture(t, database)
	want := map[directory.CodeAction]string{
		"forward_to": "*21*", "forward_on": "*21", "forward_off": "#21", "profile": "*22*", "dnd_on": "*26", "dnd_off": "#26",
		"call_waiting_on": "*43", "call_waiting_off": "#43", "pickup_group": "*8", "pickup_number": "*8*", "show_number": "*41*",
		"hide_number": "*31*", "hide_numbers_on": "*32", "hide_numbers_off": "#32", "echo": "*99", "own_number": "*98",
	}
	got := map[directory.CodeAction]string{}
	for action, c := range f.st.Snapshot().Codes {
		if got[action] = c.Code; !c.Enabled || c.Action != action {
			t.Errorf("code of a new installation: got %+v", c)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("codes of a new installation (-want +got):\n%s", diff)
	}
	edit := func(action directory.CodeAction, version int64, code string, enabled bool) func(*store.Tx) error {
		return func(tx *store.Tx) error {
			_, err := tx.UpdateCode(action, version, func(c *directory.Code) { c.Code, c.Enabled, c.Action = code, enabled, "x" })
			return err
		}
	}
	f.update(edit(directory.CodeEcho, 1, "*77", true))
	f.stored()
	for _, code := range []string{"", "*", "*123456789", "*9a", "*26"} {
		f.refusedField("code", edit(directory.CodeEcho, 0, code, true))
	}
	f.update(edit(directory.CodeEcho, 2, "*26", false)) // one that is off is in nobody's way
	f.refusedField("code", edit(directory.CodeEcho, 0, "*26", true))
	if err := f.refused(edit(directory.CodeEcho, 1, "*78", true)); !errors.Is(err, store.ErrConflict) {
		t.Errorf("update of an old version: got %v, want ErrConflict", err)
	}
	if err := f.refused(edit("none", 0, "*78", true)); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("update of none: got %v, want ErrNotFound", err)
	}
	f.stored()
}

func deleteUserWithForwarding(t *testing.T, database string) {
	f := newFixture(t, database)
	bert := f.bert()
	f.profile(directory.Profile{UserID: f.anna, Name: "Urlaub", Table: always("21")})
	far := f.profile(directory.Profile{UserID: bert, Name: "to anna", Table: always("11")})
	f.update(func(tx *store.Tx) error {
		if _, err := tx.CreateGroup(directory.Group{Name: "staff", Title: "Staff", Type: directory.GroupUser}); err != nil {
			return err
		}
		// The overflow is gone when 11 is, and must not be in the way.
		_, err := tx.CreateHuntGroup(directory.HuntGroup{Name: "Zentrale", Number: "30", Strategy: directory.RingAll, Seconds: 30, Members: []string{"12", "21", "11"}, Overflow: always("11")})
		if err != nil {
			return err
		}
		if _, err := tx.CreatePickupGroup(directory.PickupGroup{Name: "Vertrieb", Users: []string{f.anna, bert}}); err != nil {
			return err
		}
		return errors.Join(tx.AddMember("staff", f.anna), tx.AddGrant(directory.Grant{Group: "staff", Permission: directory.MayPickUp, Objects: directory.AllUsers}))
	})
	f.update(func(tx *store.Tx) error { return tx.RemoveNumber("11", 0) })
	gone := f.st.Snapshot().Belongings(f.anna)
	if len(gone.Profiles) != 1 || len(gone.HuntGroups) != 1 || len(gone.PickupGroups) != 1 {
		t.Errorf("belongings: got %+v, want one profile, hunt group and pickup group", gone)
	}
	f.update(func(tx *store.Tx) error {
		_, err := tx.DeleteUser(f.anna, 0)
		return err
	})
	snap := f.st.Snapshot()
	if len(snap.ProfilesOf) != 1 || snap.Profiles[far] == nil || len(snap.Grants) != 1 {
		t.Errorf("after the removal: profiles %v, grants %v", snap.ProfilesOf, snap.Grants)
	}
	if got := snap.HuntGroups[gone.HuntGroups[0].ID]; !cmp.Equal(got.Members, []string{"21"}) {
		t.Errorf("hunt group: got %+v", got)
	}
	if got := snap.PickupGroups[gone.PickupGroups[0].ID]; !cmp.Equal(got.Users, []string{bert}) {
		t.Errorf("pickup group: got %+v", got)
	}
	f.stored()
}

func deleteNumberWithForwarding(t *testing.T, database string) {
	f := newFixture(t, database)
	bert := f.bert()
	id := f.profile(directory.Profile{UserID: bert, Name: "to anna", Table: always("11")})
	f.update(func(tx *store.Tx) error {
		_, err := tx.CreateHuntGroup(directory.HuntGroup{Name: "Zentrale", Number: "30", Strategy: directory.RingAll, Seconds: 30, Members: []string{"12", "11"}})
		return err
	})
	var places []string
	for _, r := range f.st.Snapshot().ReferencesTo("11") {
		places = append(places, f.st.Snapshot().In(r)+" "+r.Field)
	}
	want := []string{"hunt group Zentrale members[1]", "profile to anna of bert table[0].action.number", "profile to anna of bert table[1].action.number"}
	if diff := cmp.Diff(want, places); diff != "" {
		t.Errorf("who refers to the number (-want +got):\n%s", diff)
	}
	f.update(func(tx *store.Tx) error { return tx.RemoveNumber("11", 0) })
	snap := f.st.Snapshot()
	for _, h := range snap.HuntGroups {
		if !cmp.Equal(h.Members, []string{"12"}) || h.Version != 2 {
			t.Errorf("hunt group: got %+v", h)
		}
	}
	if snap.Profiles[id].Table[0].Action.Number != "11" {
		t.Error("a forward to a number that is gone does not stay")
	}
	f.stored()
}

// touched checks that subscribers are told what they have to look at.
func touched(t *testing.T, database string) {
	f := newFixture(t, database)
	var got store.Changed
	f.st.OnCommit(func(_, _ *directory.Snapshot, changed store.Changed) { got = changed })
	var profile, rule, cal string
	for _, test := range []struct {
		what                   string
		fn                     func(*store.Tx) error
		users, profiles, rules int
		globals, groups        bool
	}{
		{"new profile", func(tx *store.Tx) error {
			p, err := tx.CreateProfile(directory.Profile{UserID: f.anna, Name: "p"})
			if err == nil {
				profile = p.ID
			}
			return err
		}, 1, 1, 0, false, false},
		{"profile", func(tx *store.Tx) error {
			_, err := tx.UpdateProfile(profile, 0, func(p *directory.Profile) { p.Name = "q" })
			return err
		}, 1, 1, 0, false, false},
		{"chosen profile", func(tx *store.Tx) error {
			_, err := tx.SetForwardingProfile("11", 0, profile)
			return err
		}, 1, 0, 0, false, false},
		{"profile gone", func(tx *store.Tx) error { return tx.DeleteProfile(profile, 0) }, 1, 0, 0, false, false},
		{"new rule", func(tx *store.Tx) error {
			r, err := tx.CreateRule(directory.SystemRule{Name: "r", When: directory.Conditions{Class: directory.FromOutside}, Action: directory.Action{Kind: directory.Reject}})
			if err == nil {
				rule = r.ID
			}
			return err
		}, 0, 0, 1, true, false},
		{"rule", func(tx *store.Tx) error {
			_, err := tx.UpdateRule(rule, 0, func(r *directory.SystemRule) { r.Enabled = true })
			return err
		}, 0, 0, 1, true, false},
		{"calendar", func(tx *store.Tx) error {
			c, err := tx.CreateCalendar(directory.Calendar{Name: "c", Spec: workdays(1)})
			if err == nil {
				cal = c.ID
			}
			return err
		}, 0, 0, 0, true, false},
		{"calendar gone", func(tx *store.Tx) error { return tx.DeleteCalendar(cal, 0) }, 0, 0, 0, true, false},
		{"hunt group", func(tx *store.Tx) error {
			_, err := tx.CreateHuntGroup(directory.HuntGroup{Name: "h", Number: "30", Strategy: directory.RingAll, Seconds: 30, Members: []string{"12"}})
			return err
		}, 0, 0, 0, true, false},
		{"member gone", func(tx *store.Tx) error { return tx.RemoveNumber("12", 0) }, 1, 0, 0, true, false},
		{"pickup group", func(tx *store.Tx) error {
			_, err := tx.CreatePickupGroup(directory.PickupGroup{Name: "p"})
			return err
		}, 0, 0, 0, true, false},
		{"code", func(tx *store.Tx) error {
			_, err := tx.UpdateCode(directory.CodeEcho, 0, func(c *directory.Code) { c.Enabled = false })
			return err
		}, 0, 0, 0, true, false},
		{"grant", func(tx *store.Tx) error {
			return tx.AddGrant(directory.Grant{Group: directory.AllUsers, Permission: directory.MayDial})
		}, 0, 0, 0, false, true},
		{"user", func(tx *store.Tx) error {
			_, err := tx.UpdateUser(f.anna, 0, func(u *directory.User) { u.HideOutside = true })
			return err
		}, 1, 0, 0, false, false},
	} {
		f.update(test.fn)
		if len(got.Users) != test.users || len(got.Profiles) != test.profiles || len(got.Rules) != test.rules || got.Globals != test.globals || got.Groups != test.groups {
			t.Errorf("%s: got %+v", test.what, got)
		}
	}
}

// sound checks that what random changes have made refers to nothing that is gone,
// but for the targets of forwards, and goes nowhere in a circle.
func (f *fixture) sound() {
	f.t.Helper()
	snap := f.st.Snapshot()
	for _, n := range snap.Numbers {
		if err := errors.Join(n.Validate(), n.CheckForwarding(snap)); err != nil {
			f.t.Errorf("number %s: %v", n.Number, err)
		}
		for _, class := range []directory.Class{directory.FromInside, directory.FromOutside} {
			if way := snap.ForwardLoop(n.Number, class); way != nil {
				f.t.Errorf("circle: %v", way)
			}
		}
		if n.OwnerType == directory.OwnerHuntGroup && (snap.HuntGroups[n.OwnerID] == nil || snap.HuntGroups[n.OwnerID].Number != n.Number) {
			f.t.Errorf("number %s belongs to a hunt group that does not know it", n.Number)
		}
	}
	for _, h := range snap.HuntGroups {
		if n := snap.Numbers[h.Number]; n == nil || n.OwnerID != h.ID {
			f.t.Errorf("hunt group %s does not own its number %s", h.Name, h.Number)
		}
		for _, m := range h.Members {
			if snap.Numbers[m] == nil {
				f.t.Errorf("hunt group %s has member %s, which is gone", h.Name, m)
			}
		}
	}
	for _, g := range snap.PickupGroups {
		if err := g.Check(snap); err != nil {
			f.t.Errorf("pickup group %s: %v", g.Name, err)
		}
	}
	for _, g := range snap.Grants {
		if err := g.Check(snap); err != nil {
			f.t.Errorf("grant %+v: %v", g, err)
		}
	}
	for _, p := range snap.Profiles {
		for i := range p.Extended {
			if w := p.Extended[i].When; w.Calendar != "" && snap.Calendars[w.Calendar] == nil {
				f.t.Errorf("profile %s: calendar is gone", p.Name)
			}
		}
	}
}
