package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/store"
)

// parameters are what groups give: in force for members who have nothing of their own, at once and after loading.
func parameters(t *testing.T, database string) {
	f := newFixture(t, database)
	var bert string
	var inner *directory.Group
	f.update(func(tx *store.Tx) error {
		var err error
		if bert, _, err = person(tx, "bert", []string{"21"}); err != nil {
			return err
		}
		if inner, err = tx.CreateGroup(directory.Group{Name: "inner", Title: "Inner", Type: directory.GroupUser, Parameters: directory.Parameters{CallWaiting: new(true)}}); err != nil {
			return err
		}
		_, err = tx.CreateGroup(directory.Group{Name: "outer", Title: "Outer", Type: directory.GroupUser, Parameters: directory.Parameters{
			MaxCalls: new(2), CallWaiting: new(false), Language: new("en"), HideOutside: new(true), RingInside: new("Bellcore-dr3"), TimeZone: new("Europe/Berlin"),
		}})
		return err
	})
	var changed store.Changed
	f.st.OnCommit(func(_, _ *directory.Snapshot, c store.Changed) { changed = c })
	steps := []struct {
		name    string
		do      func(tx *store.Tx) error
		want    string // of number 11
		lang    string // of anna
		touched string // users
	}{
		{"in no group", func(tx *store.Tx) error {
			return errors.Join(tx.AddMember("inner", bert), tx.RemoveMember("inner", bert))
		}, "", "de", "bert"},
		{"group around", func(tx *store.Tx) error { return tx.AddMember("outer", inner.ID) }, "", "de", ""},
		{
			"in the inner one", func(tx *store.Tx) error { return tx.AddMember("inner", f.anna) },
			"call_waiting=true inner, max_calls=2 outer, ring_inside=Bellcore-dr3 outer", "en", "anna",
		},
		{
			"the inner one gives less", func(tx *store.Tx) error { return setParameters(tx, "inner", directory.Parameters{}) },
			"call_waiting=false outer, max_calls=2 outer, ring_inside=Bellcore-dr3 outer", "en", "anna",
		},
		{
			"other value", func(tx *store.Tx) error {
				_, err := tx.UpdateNumber("11", 0, func(n *directory.Number) { n.CallWaiting = true })
				return err
			}, "call_waiting=true own, max_calls=2 outer, ring_inside=Bellcore-dr3 outer", "en", "anna",
		},
		{
			"the same value, as one's own", func(tx *store.Tx) error {
				_, err := tx.UpdateNumber("11", 0, func(n *directory.Number) { n.Own |= directory.SettingMaxCalls })
				return err
			}, "call_waiting=true own, max_calls=2 own, ring_inside=Bellcore-dr3 outer", "en", "anna",
		},
		{
			"the outer one gives other things", func(tx *store.Tx) error {
				return setParameters(tx, "outer", directory.Parameters{MaxCalls: new(9), BusyOnAny: new(true), Language: new("de")})
			}, "call_waiting=true own, busy_on_any=true outer, max_calls=2 own", "de", "anna",
		},
		{
			"given up", func(tx *store.Tx) error {
				_, err := tx.UpdateNumber("11", 0, func(n *directory.Number) { n.Own = 0 })
				return err
			}, "busy_on_any=true outer, max_calls=9 outer", "de", "anna",
		},
		{
			"another title", func(tx *store.Tx) error {
				_, err := tx.UpdateGroup("outer", 0, func(g *directory.Group) { g.Title = "Außen" })
				return err
			}, "busy_on_any=true outer, max_calls=9 outer", "de", "anna",
		},
		{
			"a title that nobody is told", func(tx *store.Tx) error {
				_, err := tx.UpdateGroup("inner", 0, func(g *directory.Group) { g.Title = "Innen" })
				return err
			}, "busy_on_any=true outer, max_calls=9 outer", "de", "",
		},
		{
			"all users", func(tx *store.Tx) error {
				return setParameters(tx, directory.AllUsers, directory.Parameters{MaxCalls: new(5), RingOutside: new("Bellcore-dr1")})
			}, "busy_on_any=true outer, max_calls=9 outer, ring_outside=Bellcore-dr1 users", "de", "anna bert",
		},
		{"group taken out of the group", func(tx *store.Tx) error { return tx.RemoveMember("outer", inner.ID) }, "max_calls=5 users, ring_outside=Bellcore-dr1 users", "de", "anna"},
		{
			"group put back", func(tx *store.Tx) error { return tx.AddMember("outer", inner.ID) },
			"busy_on_any=true outer, max_calls=9 outer, ring_outside=Bellcore-dr1 users", "de", "anna",
		},
		{"group removed", func(tx *store.Tx) error { return tx.DeleteGroup("outer", 0) }, "max_calls=5 users, ring_outside=Bellcore-dr1 users", "de", "anna"},
	}
	for _, s := range steps {
		changed = store.Changed{}
		f.update(s.do)
		snap := f.st.Snapshot()
		if got := settings(snap.Numbers["11"]); got != s.want {
			t.Errorf("%s: got %s, want %s", s.name, got, s.want)
		}
		if got := snap.Users[f.anna].Language; got != s.lang || snap.ByName["anna"] != snap.Users[f.anna] {
			t.Errorf("%s: language: got %s, want %s", s.name, got, s.lang)
		}
		var names []string
		for id := range changed.Users {
			names = append(names, snap.Users[id].Username)
		}
		if slices.Sort(names); strings.Join(names, " ") != s.touched {
			t.Errorf("%s: touched %v, want %s", s.name, names, s.touched)
		}
		f.stored()
	}
	f.update(func(tx *store.Tx) error { // who is new follows as well
		_, _, err := person(tx, "carl", []string{"31"})
		return err
	})
	if got, want := settings(f.st.Snapshot().Numbers["31"]), "max_calls=5 users, ring_outside=Bellcore-dr1 users"; got != want {
		t.Errorf("new number: got %s, want %s", got, want)
	}
	f.stored()
	f.refusedField("parameters.max_calls", func(tx *store.Tx) error {
		return setParameters(tx, "inner", directory.Parameters{MaxCalls: new(directory.MaxCalls + 1)})
	})
	f.refusedField("parameters", func(tx *store.Tx) error {
		return setParameters(tx, directory.AllSlots, directory.Parameters{CallWaiting: new(true)})
	})
	list, _, err := f.st.ListAudit(t.Context(), store.AuditFilter{ObjectType: "number", ObjectID: "11", Limit: 1})
	if err != nil || len(list) != 1 || !strings.Contains(string(list[0].Before), `"call_waiting":true`) || !strings.Contains(string(list[0].After), `"call_waiting":null`) {
		t.Errorf("audit of what was given up: %v, %+v", err, list)
	}
}

func setParameters(tx *store.Tx, group string, p directory.Parameters) error {
	_, err := tx.UpdateGroup(group, 0, func(g *directory.Group) { g.Parameters = p })
	return err
}

// settings are those settings of a number that are not the system's, each with whose it is.
func settings(n *directory.Number) string {
	var out []string
	for _, s := range directory.NumberSettings.Each() {
		value := map[directory.Settings]any{
			directory.SettingCallWaiting: n.CallWaiting, directory.SettingBusyOnAny: n.BusyOnAny, directory.SettingMaxCalls: n.MaxCalls,
			directory.SettingRingInside: n.RingInside, directory.SettingRingOutside: n.RingOutside,
		}[s]
		switch from := n.From.Of(s); {
		case n.Own&s != 0:
			out = append(out, s.String()+"="+fmt.Sprint(value)+" own")
		case from != "":
			out = append(out, s.String()+"="+fmt.Sprint(value)+" "+from)
		}
	}
	return strings.Join(out, ", ")
}

// parametersTouch: whatever is done to groups, only users whose settings, or the groups that give them, differ are touched, and all of those are.
func parametersTouch(t *testing.T, database string) {
	f := newFixture(t, database)
	f.st.OnCommit(func(prev, next *directory.Snapshot, changed store.Changed) {
		for id, now := range next.Users {
			was := prev.Users[id]
			_, touched := changed.Users[id]
			same := was != nil && cmp.Equal(was, now) && slices.Equal(prev.Rows[id], next.Rows[id])
			for _, n := range next.Rows[id] {
				same = same && cmp.Equal(prev.Numbers[n], next.Numbers[n])
			}
			if !same && !touched {
				t.Errorf("revision %d: %s differs and was not touched", next.Revision, now.Username)
			}
			inside := func(s *directory.Snapshot) bool {
				return slices.ContainsFunc(s.Givers(id), func(*directory.Group) bool { return true })
			}
			if !same && was != nil && was.Version == now.Version && !inside(prev) && !inside(next) && numbersKept(prev, next, id) {
				t.Errorf("revision %d: %s is in no group that gives anything and differs", next.Revision, now.Username)
			}
		}
	})
	r := rand.New(rand.NewPCG(1, 2))
	for range 6 {
		randomChanges(f, 20)
		for range 20 {
			f.update(func(tx *store.Tx) error {
				if err := randomParameters(tx, r); err != nil && !refusal(err) {
					return err
				}
				return nil
			})
		}
		f.stored()
	}
}

func numbersKept(prev, next *directory.Snapshot, userID string) bool {
	return slices.Equal(prev.Rows[userID], next.Rows[userID]) && !slices.ContainsFunc(next.Rows[userID], func(n string) bool {
		return prev.Numbers[n].Version != next.Numbers[n].Version
	})
}

// randomParameters changes what groups give, and which groups hold which.
func randomParameters(tx *store.Tx, r *rand.Rand) error {
	snap := tx.Snapshot()
	group, user, number := pick(r, snap.Groups), pick(r, snap.Users), pick(r, snap.Numbers)
	switch r.IntN(6) {
	case 0:
		inner := snap.Groups[pick(r, snap.Groups)]
		if r.IntN(3) == 0 {
			return tx.RemoveMember(group, inner.ID)
		}
		return tx.AddMember(group, inner.ID)
	case 1:
		if r.IntN(2) == 0 {
			return tx.RemoveMember(group, user)
		}
		return tx.AddMember(group, user)
	case 2:
		_, err := tx.UpdateNumber(number, 0, func(n *directory.Number) {
			n.Own = directory.Settings(r.IntN(32))
			n.MaxCalls = r.IntN(3)
		})
		return err
	case 3:
		_, err := tx.UpdateUser(user, 0, func(u *directory.User) {
			u.Own ^= directory.SettingLanguage << r.IntN(4)
			u.HideInside = r.IntN(2) == 0
		})
		return err
	}
	return setParameters(tx, group, directory.Parameters{
		CallWaiting: perhaps(r, true), BusyOnAny: perhaps(r, r.IntN(2) == 0), MaxCalls: perhaps(r, r.IntN(3)), RingInside: perhaps(r, "Bellcore-dr2"),
		Language: perhaps(r, "en"), HideInside: perhaps(r, true),
	})
}

func perhaps[T any](r *rand.Rand, value T) *T {
	if r.IntN(2) == 0 {
		return nil
	}
	return &value
}
