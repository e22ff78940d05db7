package storetest

import (
	"errors"
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
		{"function codes in one step", setCodes},
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
