package storetest

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/store"
	"github.com/koppelfeld/koppelfeld/routing/calendar"
)

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
