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
