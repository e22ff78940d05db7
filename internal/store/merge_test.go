package store_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/merge"
	"github.com/koppelfeld/koppelfeld/internal/store"
	"github.com/koppelfeld/koppelfeld/internal/store/storetest"
)

var tester = store.Change{Actor: "test", Source: "test"}

// unversioned is a snapshot without what counts its changes.
func unversioned(s *directory.Snapshot) *directory.Snapshot {
	out := *s
	out.Revision, out.MatrixVersions = 0, nil
	out.Users, out.ByName = map[string]*directory.User{}, map[string]*directory.User{}
	for id, u := range s.Users {
		c := *u
		c.Version, c.Updated = 0, time.Time{}
		out.Users[id], out.ByName[c.Username] = &c, &c
	}
	out.Numbers, out.Slots = map[string]*directory.Number{}, map[string]*directory.Slot{}
	for id, n := range s.Numbers {
		c := *n
		c.Version = 0
		out.Numbers[id] = &c
	}
	for id, x := range s.Slots {
		c := *x
		c.Version = 0
		out.Slots[id] = &c
	}
	out.Profiles, out.PickupGroups = map[string]*directory.Profile{}, map[string]*directory.PickupGroup{}
	for id, p := range s.Profiles {
		c := *p
		c.Version = 0
		out.Profiles[id] = &c
	}
	for id, g := range s.PickupGroups {
		c := *g
		c.Version = 0
		out.PickupGroups[id] = &c
	}
	return &out
}

// reloaded opens the database anew and holds the snapshot in force against it.
func reloaded(t *testing.T, cfg store.Config, st *store.Store) {
	t.Helper()
	again, err := store.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if diff := cmp.Diff(again.Snapshot(), st.Snapshot()); diff != "" {
		t.Errorf("snapshot differs from the database (-database +snapshot):\n%s", diff)
	}
}

// TestMergeAndBack merges random doubles one group after the other and takes all back in reverse order.
func TestMergeAndBack(t *testing.T) {
	engines(t, func(t *testing.T, database string) {
		rounds := 12
		if testing.Short() {
			rounds = 3
		}
		for seed := range rounds {
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				r := rand.New(rand.NewPCG(uint64(seed), 11))
				fresh := database
				if database != "sqlite" {
					fresh = newMariaDB(t)
				}
				cfg := storetest.Config(t, fresh)
				st := storetest.Open(t, cfg)
				if _, err := st.Update(t.Context(), tester, func(tx *store.Tx) error { return storetest.RandomDoubles(tx, r) }); err != nil {
					t.Fatal(err)
				}
				var states []*directory.Snapshot
				var ids []string
				for {
					snap := st.Snapshot()
					groups := merge.New(snap).Find()
					if len(groups) == 0 {
						break
					}
					g := &groups[r.IntN(len(groups))]
					var choice merge.Choice
					if len(g.Members) > 2 && r.IntN(2) == 0 { // in two steps
						choice = merge.Choice{Kept: g.Members[1].Username, Without: []string{g.Members[2].Username}}
					}
					p, err := merge.New(snap).Propose(g, choice)
					if err != nil {
						t.Fatal(err)
					}
					states = append(states, unversioned(snap))
					var id string
					if _, err := st.Update(t.Context(), tester, func(tx *store.Tx) (err error) { id, err = tx.MergeUsers(p.Plan()); return err }); err != nil {
						t.Fatal(err)
					}
					ids = append(ids, id)
					merged(t, st.Snapshot(), p)
					reloaded(t, cfg, st)
				}
				for i, id := range slices.Backward(ids) {
					if _, err := st.Update(t.Context(), tester, func(tx *store.Tx) error { return tx.UnmergeUsers(id) }); err != nil {
						t.Fatal(err)
					}
					if diff := cmp.Diff(states[i], unversioned(st.Snapshot())); diff != "" {
						t.Fatalf("not as before (-before +after):\n%s", diff)
					}
					reloaded(t, cfg, st)
				}
			})
		}
	})
}

// merged holds what has come of a merge against what was proposed.
func merged(t *testing.T, snap *directory.Snapshot, p *merge.Proposal) {
	t.Helper()
	u := snap.ByName[p.Kept]
	var rows []string
	for _, n := range p.Numbers {
		rows = append(rows, n.Number)
		if !slices.Equal(snap.Ticks[n.Number], n.Ticks) && len(snap.Ticks[n.Number])+len(n.Ticks) > 0 {
			t.Errorf("ticks of %s: %v, proposed %v", n.Number, snap.Ticks[n.Number], n.Ticks)
		}
	}
	if !slices.Equal(snap.Rows[u.ID], rows) {
		t.Errorf("rows %v, proposed %v", snap.Rows[u.ID], rows)
	}
	for _, s := range p.Slots {
		if have := snap.Slots[s.ID]; have.UserID != u.ID || have.Name != s.Name || snap.DefaultNumber(s.ID) != s.Shows {
			t.Errorf("slot %+v shows %s, proposed %+v", have, snap.DefaultNumber(s.ID), s)
		}
	}
	for _, a := range p.Accounts {
		if gone := snap.ByName[a.Username] == nil; gone != (!a.Left && a.Username != p.Kept) {
			t.Errorf("%s gone: %v", a.Username, gone)
		}
	}
	for _, n := range snap.Numbers {
		if err := errors.Join(n.Validate(), n.CheckForwarding(snap)); err != nil {
			t.Errorf("number %s: %v", n.Number, err)
		}
	}
	for _, m := range p.Profiles {
		if have := snap.Profiles[m.ID]; (have == nil) != m.Gone || have != nil && (have.Name != m.As || have.Check(snap) != nil) {
			t.Errorf("profile %+v, proposed %+v: %v", have, m, have.Check(snap))
		}
	}
}

// armin makes three accounts and merges them.
func armin(t *testing.T, st *store.Store) (kept *directory.User, gone []string) {
	t.Helper()
	_, err := st.Update(t.Context(), tester, func(tx *store.Tx) error {
		for i, name := range []string{"armin", "armin.d", "armin.m"} {
			u, err := tx.CreateUser(directory.User{Username: name, FirstName: "Armin", LastName: "Artmann", PasswordHash: "hash of " + name})
			if err != nil {
				return err
			}
			s, err := tx.CreateSlot(directory.Slot{UserID: u.ID, Type: directory.Desk})
			if err != nil {
				return err
			}
			number := []string{"416", "4161", "4162"}[i]
			if _, err := tx.AddNumber(directory.Number{Number: number, OwnerType: directory.OwnerUser, OwnerID: u.ID}); err != nil {
				return err
			}
			if _, err := tx.SetMatrix(u.ID, map[string][]string{number: {s.ID}}, 0); err != nil {
				return err
			}
			if i > 0 {
				gone = append(gone, u.ID)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return st.Snapshot().ByName["armin"], gone
}

func mergeAll(t *testing.T, st *store.Store) (id string) {
	t.Helper()
	f := merge.New(st.Snapshot())
	p, err := f.Propose(&f.Find()[0], merge.Choice{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := st.Update(t.Context(), tester, func(tx *store.Tx) (err error) { id, err = tx.MergeUsers(p.Plan()); return err }); err != nil {
		t.Fatal(err)
	}
	return id
}

func unmerge(t *testing.T, st *store.Store, id string) error {
	_, err := st.Update(t.Context(), tester, func(tx *store.Tx) error { return tx.UnmergeUsers(id) })
	return err
}

// TestMergedCallsTokensAndFactors: what is not in the snapshot goes over, or comes back, as well.
func TestMergedCallsTokensAndFactors(t *testing.T) {
	engines(t, func(t *testing.T, database string) {
		st := storetest.Open(t, storetest.Config(t, database))
		kept, gone := armin(t, st)
		for i, c := range []struct{ from, to string }{{kept.ID, ""}, {gone[0], kept.ID}, {"", gone[0]}, {gone[0], gone[1]}} {
			r := storetest.Record(i)
			r.FromUser, r.ToUser, r.Legs, r.Forwards = c.from, c.to, nil, nil
			if i == 1 { // rang at the first and was taken by the second: to the person it was taken
				r.FromUser, r.ToUser = "", gone[0]
				r.Legs = append(r.Legs, calls.Leg{SlotID: st.Snapshot().Columns[kept.ID][0]})
			}
			if err := st.InsertRecords(t.Context(), []calls.Record{r}); err != nil {
				t.Fatal(err)
			}
		}
		tok, err := st.CreateToken(t.Context(), tester, store.Token{TokenHash: [32]byte{1}, UserID: gone[0], Name: "x", Scopes: []string{"read"}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := st.AddFactors(t.Context(), tester, store.Factor{UserID: gone[0], Kind: "totp", Secret: []byte("geheim")}); err != nil {
			t.Fatal(err)
		}
		lists := func() (out []string) {
			for _, id := range append([]string{kept.ID}, gone...) {
				list, _, err := st.ListPersonCalls(t.Context(), store.PersonFilter{UserID: id})
				if err != nil {
					t.Fatal(err)
				}
				line := ""
				for _, c := range list {
					line += fmt.Sprint(c.Record.ID, " ", c.Direction, "; ")
				}
				out = append(out, line)
			}
			return out
		}
		before := lists()
		id := mergeAll(t, st)
		list, _, err := st.ListPersonCalls(t.Context(), store.PersonFilter{UserID: kept.ID})
		if err != nil || len(list) != 4 {
			t.Fatalf("%d calls, %v", len(list), err)
		}
		if got := list[2].Direction; got != store.CallIn {
			t.Errorf("a call that the second account took was %q to the person", got)
		}
		if after := lists(); after[1] != "" || after[2] != "" {
			t.Errorf("calls left behind: %q", after)
		}
		if _, err := st.GetToken(t.Context(), [32]byte{1}); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("token of a user who is gone: %v", err)
		}
		if err := unmerge(t, st, id); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before, lists()); diff != "" {
			t.Errorf("call lists (-before +after):\n%s", diff)
		}
		if got, err := st.GetToken(t.Context(), [32]byte{1}); err != nil || got.ID != tok.ID || got.UserID != gone[0] {
			t.Errorf("token: %+v, %v", got, err)
		}
		if f, err := st.ListFactors(t.Context(), gone[0]); err != nil || len(f) != 1 || string(f[0].Secret) != "geheim" {
			t.Errorf("factors: %+v, %v", f, err)
		}
		if got := st.Snapshot().Users[gone[0]].PasswordHash; got != "hash of armin.d" {
			t.Errorf("password hash: %q", got)
		}
	})
}

func TestUnmergeRefused(t *testing.T) {
	change := func(fn func(tx *store.Tx, kept string) error) func(*testing.T, *store.Store) {
		return func(t *testing.T, st *store.Store) {
			kept := st.Snapshot().ByName["armin"].ID
			if _, err := st.Update(t.Context(), tester, func(tx *store.Tx) error { return fn(tx, kept) }); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, test := range []struct {
		name   string
		change func(*testing.T, *store.Store)
		want   error
	}{
		{"nothing", func(*testing.T, *store.Store) {}, nil},
		{"somebody else", change(func(tx *store.Tx, _ string) error {
			_, err := tx.CreateUser(directory.User{Username: "berta"})
			return err
		}), nil},
		{"tick", change(func(tx *store.Tx, kept string) error { _, err := tx.SetMatrix(kept, nil, 0); return err }), store.ErrConflict},
		{"number", change(func(tx *store.Tx, _ string) error { return tx.RemoveNumber("4161", 0) }), store.ErrConflict},
		{"setting of a number", change(func(tx *store.Tx, _ string) error {
			_, err := tx.UpdateNumber("4161", 0, func(n *directory.Number) { n.CallWaiting = true })
			return err
		}), nil},
		{"password", change(func(tx *store.Tx, _ string) error { return tx.SetPassword("armin", "new") }), nil},
		{"profile", change(func(tx *store.Tx, kept string) error {
			_, err := tx.CreateProfile(directory.Profile{UserID: kept, Name: "Urlaub"})
			return err
		}), store.ErrConflict},
		{"group", change(func(tx *store.Tx, kept string) error { return tx.AddMember(directory.Admins, kept) }), store.ErrConflict},
		{"user name given away", change(func(tx *store.Tx, _ string) error {
			_, err := tx.CreateUser(directory.User{Username: "armin.d"})
			return err
		}), store.ErrTaken},
		{"user", change(func(tx *store.Tx, kept string) error { _, err := tx.DeleteUser(kept, 0); return err }), store.ErrNotFound},
	} {
		t.Run(test.name, func(t *testing.T) {
			st := storetest.Open(t, storetest.Config(t, "sqlite"))
			armin(t, st)
			id := mergeAll(t, st)
			test.change(t, st)
			before := st.Snapshot()
			err := unmerge(t, st, id)
			if !errors.Is(err, test.want) {
				t.Fatalf("%v, want %v", err, test.want)
			}
			if test.want != nil {
				if st.Snapshot() != before {
					t.Error("something has happened")
				}
				return
			}
			if err := unmerge(t, st, id); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("taken back twice: %v", err)
			}
		})
	}
}

func TestMergeRefused(t *testing.T) {
	st := storetest.Open(t, storetest.Config(t, "sqlite"))
	kept, gone := armin(t, st)
	f := merge.New(st.Snapshot())
	p, err := f.Propose(&f.Find()[0], merge.Choice{})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name  string
		edit  func(*directory.Merge)
		field string
	}{
		{"nobody", func(m *directory.Merge) { m.Gone = nil }, "gone"},
		{"himself", func(m *directory.Merge) { m.Gone = []string{kept.ID} }, "gone"},
		{"twice", func(m *directory.Merge) { m.Gone = append(m.Gone, gone[0]) }, "gone"},
		{"number missing", func(m *directory.Merge) { m.Rows = m.Rows[1:] }, "numbers"},
		{"slot missing", func(m *directory.Merge) { m.Columns = m.Columns[1:] }, "slots"},
		{"profile of nobody", func(m *directory.Merge) { m.Profiles = []directory.Profile{{ID: "x"}} }, "profiles"},
		{"slot of somebody else", func(m *directory.Merge) { m.Ticks = map[string][]string{"416": {"x"}} }, "416"},
	} {
		plan := p.Plan()
		test.edit(&plan)
		before := st.Snapshot()
		_, err := st.Update(t.Context(), tester, func(tx *store.Tx) error { _, err := tx.MergeUsers(plan); return err })
		if list := directory.Invalid(err); len(list) == 0 || list[0].Field != test.field || st.Snapshot() != before {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

func TestMergeIsOneActWithoutSecrets(t *testing.T) {
	st := storetest.Open(t, storetest.Config(t, "sqlite"))
	kept, _ := armin(t, st)
	id := mergeAll(t, st)
	list, _, err := st.ListAudit(t.Context(), store.AuditFilter{ObjectType: "user", ObjectID: kept.ID})
	if err != nil {
		t.Fatal(err)
	}
	e := list[0]
	text := string(e.Before) + string(e.After)
	if e.Action != "merge" {
		t.Fatalf("the last act is %s", e.Action)
	}
	for _, want := range []string{id, `"armin.d"`, `"4162"`, st.Snapshot().Mark(kept.ID)} {
		if !strings.Contains(text, want) {
			t.Errorf("the entry lacks %s: %s", want, text)
		}
	}
	if strings.Contains(text, "hash of") {
		t.Errorf("the entry holds a password hash: %s", text)
	}
	all, _, err := st.ListAudit(t.Context(), store.AuditFilter{})
	if err != nil {
		t.Fatal(err)
	}
	for _, other := range all {
		if other.Revision == e.Revision && other.ID != e.ID {
			t.Errorf("a second act: %s %s", other.Action, other.ObjectType)
		}
	}
}

func TestApart(t *testing.T) {
	engines(t, func(t *testing.T, database string) {
		cfg := storetest.Config(t, database)
		st := storetest.Open(t, cfg)
		armin(t, st)
		reject := merge.New(st.Snapshot()).Find()[0].Reject()
		do := func(fn func(tx *store.Tx) error) error {
			_, err := st.Update(t.Context(), tester, fn)
			return err
		}
		if err := do(func(tx *store.Tx) error { return tx.KeepApart(reject) }); err != nil {
			t.Fatal(err)
		}
		reloaded(t, cfg, st)
		if got := merge.New(st.Snapshot()).Find(); len(got) != 0 {
			t.Errorf("proposed again: %+v", got)
		}
		if err := do(func(tx *store.Tx) error { return tx.ForgetApart(reject.Mark) }); err != nil {
			t.Fatal(err)
		}
		reloaded(t, cfg, st)
		if got := merge.New(st.Snapshot()).Find(); len(got) != 1 {
			t.Errorf("not proposed again: %+v", got)
		}
		if err := do(func(tx *store.Tx) error { return tx.ForgetApart(reject.Mark) }); !errors.Is(err, store.ErrNotFound) {
			t.Error(err)
		}
		for _, bad := range []directory.Apart{{}, {Mark: "x", Users: []string{"a"}}, {Mark: "x", Users: []string{"a", "b"}}} {
			if err := do(func(tx *store.Tx) error { return tx.KeepApart(bad) }); err == nil {
				t.Errorf("taken: %+v", bad)
			}
		}
	})
}
