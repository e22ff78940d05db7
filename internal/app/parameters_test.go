package app

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koppelfeld/koppelfeld/internal/config"
	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/store"
	"github.com/koppelfeld/koppelfeld/internal/store/storetest"
	"github.com/koppelfeld/koppelfeld/routing"
)

// talking is a moment in which all devices are registered, the desk phones talk, and one call runs over every number.
type talking map[string]bool

func (t talking) SlotCalls(id string) int {
	if t[id] {
		return 1
	}
	return 0
}
func (talking) NumberCalls(string) int { return 1 }
func (talking) HuntTurn(string) int    { return 0 }
func (talking) Registered(string) bool { return true }

// said is all that the table answers about a user: calls from outside to each number, and calls from each slot to a number outside and to each of the user's own.
func said(t *routing.Table, s *directory.Snapshot, userID string, live routing.Live) []string {
	var out []string
	ask := func(q routing.Request) {
		p := t.Decide(q, live)
		out = append(out, fmt.Sprintf("%s %v %+v %s", p.Outcome, p.Targets, p.Shown, p.Trace()))
	}
	for _, n := range s.Rows[userID] {
		ask(routing.Request{Called: n, At: time.Unix(0, 0), Caller: routing.Caller{Class: routing.Outside, Number: "+4930123456"}})
	}
	for _, id := range s.Columns[userID] {
		for _, called := range append([]string{"030123456"}, s.Rows[userID]...) {
			ask(routing.Request{Called: called, At: time.Unix(0, 0), Caller: routing.Caller{Class: routing.Inside, SlotID: id, UserID: userID}})
		}
	}
	return out
}

// TestParametersOfGroups: a change of one group never changes what calls of users outside it do, nor what is told about them; and the table that
// is changed step by step answers like one that is compiled as a whole.
func TestParametersOfGroups(t *testing.T) {
	views := newSnapshots(config.Config{Trunks: []config.Trunk{{}}})
	cfg := storetest.Config(t, "sqlite")
	cfg.Validate = views.validate
	st := storetest.Open(t, cfg)
	commit := func(next *directory.Snapshot, changed store.Changed) {
		if _, err := views.commit(next, changed); err != nil {
			t.Fatal(err)
		}
	}
	commit(st.Snapshot(), store.Changed{Full: true})
	var touched store.Changed
	st.OnCommit(func(_, next *directory.Snapshot, changed store.Changed) { touched = changed; commit(next, changed) })
	live := talking{}
	groups := []string{directory.AllUsers, directory.VisibleUsers}
	update := func(fn func(tx *store.Tx) error) {
		t.Helper()
		if _, err := st.Update(t.Context(), store.Change{Actor: "test"}, fn); err != nil && !errors.As(err, new(*store.InvalidError)) {
			t.Fatal(err)
		}
	}
	update(func(tx *store.Tx) error {
		for i := range 12 {
			u, err := tx.CreateUser(directory.User{Username: fmt.Sprint("u", i)})
			if err != nil {
				return err
			}
			matrix := map[string][]string{fmt.Sprint(300 + i): nil, fmt.Sprint(400 + i): nil}
			for _, typ := range []directory.SlotType{directory.Desk, directory.DECT} {
				s, err := tx.CreateSlot(directory.Slot{UserID: u.ID, Type: typ})
				if err != nil {
					return err
				}
				live[s.ID] = typ == directory.Desk
				for n := range matrix {
					matrix[n] = append(matrix[n], s.ID)
				}
			}
			for n := range matrix {
				if _, err := tx.AddNumber(directory.Number{Number: n, OwnerType: directory.OwnerUser, OwnerID: u.ID}); err != nil {
					return err
				}
			}
			if _, err := tx.SetMatrix(u.ID, matrix, 0); err != nil {
				return err
			}
		}
		for i := range 6 {
			g, err := tx.CreateGroup(directory.Group{Name: fmt.Sprint("g", i), Title: fmt.Sprint("Gruppe ", i), Type: directory.GroupUser})
			if err != nil {
				return err
			}
			groups = append(groups, g.Name)
		}
		return nil
	})
	all := func() map[string][]string {
		out, s := map[string][]string{}, st.Snapshot()
		for id := range s.Users {
			out[id] = said(views.Table(), s, id, live)
		}
		return out
	}
	r := rand.New(rand.NewPCG(3, 4))
	moved, left := 0, 0
	for range 300 {
		prev, before := st.Snapshot(), all()
		touched = store.Changed{}
		group := groups[r.IntN(len(groups))]
		update(func(tx *store.Tx) error { return randomGroupChange(tx, r, group, groups) })
		next, after := st.Snapshot(), all()
		for id := range next.Users {
			inside := prev.InGroup(group, id) || next.InGroup(group, id)
			switch same := cmp.Equal(before[id], after[id]); {
			case !same && !inside:
				t.Fatalf("group %s: %s is not in it: %s", group, next.Users[id].Username, cmp.Diff(before[id], after[id]))
			case !same:
				moved++
			case inside:
				left++
			}
		}
		if outside := slices.DeleteFunc(slices.Collect(maps.Keys(touched.Users)), func(id string) bool {
			return prev.InGroup(group, id) || next.InGroup(group, id)
		}); len(outside) > 0 {
			t.Fatalf("group %s: compiled again: %v", group, outside)
		}
		whole, err := newSnapshots(config.Config{Trunks: []config.Trunk{{}}}).compile(next, store.Changed{Full: true})
		if err != nil {
			t.Fatal(err)
		}
		for id := range next.Users {
			if diff := cmp.Diff(said(whole.table, next, id, live), after[id]); diff != "" {
				t.Fatalf("group %s: compiled as a whole (-) and step by step (+), %s:\n%s", group, next.Users[id].Username, diff)
			}
		}
	}
	if moved < 100 || left < 100 {
		t.Errorf("only %d answers have changed and %d of members stayed: the test tests little", moved, left)
	}
}

// randomGroupChange changes one group: what it gives, its title, or what it holds.
func randomGroupChange(tx *store.Tx, r *rand.Rand, group string, groups []string) error {
	s := tx.Snapshot()
	users := slices.Sorted(maps.Keys(s.Users))
	member := users[r.IntN(len(users))]
	if r.IntN(3) == 0 {
		member = s.Groups[groups[r.IntN(len(groups))]].ID
	}
	switch r.IntN(6) {
	case 0:
		return tx.RemoveMember(group, member)
	case 1, 2:
		return tx.AddMember(group, member)
	}
	maybe := func(v bool) *bool {
		if r.IntN(2) == 0 {
			return nil
		}
		return &v
	}
	_, err := tx.UpdateGroup(group, 0, func(g *directory.Group) {
		if r.IntN(4) == 0 {
			g.Title = fmt.Sprint("Gruppe ", r.IntN(1000))
			return
		}
		g.Parameters = directory.Parameters{
			CallWaiting: maybe(r.IntN(2) == 0), BusyOnAny: maybe(r.IntN(8) == 0), HideInside: maybe(r.IntN(2) == 0), HideOutside: maybe(r.IntN(2) == 0),
		}
		if r.IntN(2) == 0 {
			g.Parameters.MaxCalls, g.Parameters.RingOutside = new(r.IntN(3)), new(fmt.Sprint("Bellcore-dr", 1+r.IntN(8)))
		}
	})
	return err
}
