package app

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/config"
	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/merge"
	"github.com/koppelfeld/koppelfeld/internal/store"
	"github.com/koppelfeld/koppelfeld/internal/store/storetest"
	"github.com/koppelfeld/koppelfeld/routing"
)

// everybody is registered and nobody talks.
type everybody struct{}

func (everybody) SlotCalls(string) int   { return 0 }
func (everybody) NumberCalls(string) int { return 0 }
func (everybody) HuntTurn(string) int    { return 0 }
func (everybody) Registered(string) bool { return true }

// rings is which slots ring for every number and class of callers.
func rings(t *routing.Table, snap *directory.Snapshot) map[string][]string {
	out := map[string][]string{}
	for number := range snap.Numbers {
		for _, class := range []routing.Class{routing.Inside, routing.Outside} {
			for _, caller := range []string{"", "500", "510"} {
				key := fmt.Sprint(number, " from ", class, " ", caller)
				out[key] = []string{}
				plan := t.Decide(routing.Request{Called: number, Caller: routing.Caller{Class: class, Number: caller}, At: time.Date(2026, 11, 27, 11, 0, 0, 0, time.UTC)}, everybody{})
				for _, target := range plan.Targets {
					out[key] = append(out[key], target.SlotID)
				}
			}
		}
	}
	return out
}

// TestMergedNumbersRingWhatTheyRang: through random merges of random doubles, with the tables that the running daemon makes of each change,
// every number rings at least the slots that it rang; and after undoing exactly those.
func TestMergedNumbersRingWhatTheyRang(t *testing.T) {
	rounds := 120
	if testing.Short() {
		rounds = 25
	}
	merges, more := 0, 0
	for seed := range rounds {
		views := newSnapshots(config.Config{})
		cfg := storetest.Config(t, "sqlite")
		cfg.Validate = views.validate
		st := storetest.Open(t, cfg)
		commit := func(next *directory.Snapshot, changed store.Changed) []string {
			stale, err := views.commit(next, changed)
			if err != nil {
				t.Fatal(err)
			}
			return stale
		}
		commit(st.Snapshot(), store.Changed{Full: true})
		var stale []string
		st.OnCommit(func(_, next *directory.Snapshot, changed store.Changed) {
			stale = append(stale, commit(next, changed)...)
		})
		r := rand.New(rand.NewPCG(uint64(seed), 5))
		change := func(fn func(tx *store.Tx) error) {
			t.Helper()
			if _, err := st.Update(t.Context(), store.Change{Actor: "test"}, fn); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
		}
		change(func(tx *store.Tx) error { return storetest.RandomDoubles(tx, r) })
		accounts := len(views.current.Load().accounts)
		for {
			snap := st.Snapshot()
			finder := merge.New(snap)
			groups := finder.Find()
			if len(groups) == 0 {
				break
			}
			p, err := finder.Propose(&groups[r.IntN(len(groups))], merge.Choice{})
			if err != nil {
				t.Fatal(err)
			}
			before := rings(views.Table(), snap)
			var id string
			change(func(tx *store.Tx) (err error) { id, err = tx.MergeUsers(p.Plan()); return err })
			merges++
			for key, slots := range rings(views.Table(), st.Snapshot()) {
				for _, slot := range before[key] {
					if !slices.Contains(slots, slot) {
						t.Errorf("seed %d: %s rang %v, rings %v\n%+v", seed, key, before[key], slots, p)
					}
				}
				if len(slots) > len(before[key]) {
					more++
				}
			}
			if r.IntN(2) == 0 {
				change(func(tx *store.Tx) error { return tx.UnmergeUsers(id) })
				for key, slots := range rings(views.Table(), st.Snapshot()) {
					if !slices.Equal(slots, before[key]) {
						t.Errorf("seed %d: %s rang %v, rings %v after undoing", seed, key, before[key], slots)
					}
				}
				change(func(tx *store.Tx) (err error) { id, err = tx.MergeUsers(p.Plan()); return err })
			}
			// The same as a table made from scratch.
			table, err := Table(config.Config{}, st.Snapshot())
			if err != nil {
				t.Fatal(err)
			}
			now := rings(views.Table(), st.Snapshot())
			for key, slots := range rings(table, st.Snapshot()) {
				if !slices.Equal(slots, now[key]) {
					t.Errorf("seed %d: %s rings %v, with a new table %v", seed, key, now[key], slots)
				}
			}
		}
		if len(stale) > 0 || len(views.current.Load().accounts) != accounts {
			t.Errorf("seed %d: registrations of %v would end", seed, stale)
		}
	}
	if merges < rounds/2 || more == 0 {
		t.Errorf("%d merges, %d numbers that ring more: the random companies are no test", merges, more)
	}
}

// BenchmarkMerge measures with 10,000 accounts of 3,334 people what it costs to merge those of one: transaction, audit, trial compile, and the table in force.
func BenchmarkMerge(b *testing.B) {
	views := newSnapshots(config.Config{})
	cfg := storetest.Config(b, "sqlite")
	cfg.Validate = views.validate
	st := storetest.Open(b, cfg)
	commit := func(next *directory.Snapshot, changed store.Changed) {
		if _, err := views.commit(next, changed); err != nil {
			b.Fatal(err)
		}
	}
	commit(st.Snapshot(), store.Changed{Full: true})
	st.OnCommit(func(_, next *directory.Snapshot, changed store.Changed) { commit(next, changed) })
	change := func(fn func(tx *store.Tx) error) {
		if _, err := st.Update(b.Context(), store.Change{Actor: "bench"}, fn); err != nil {
			b.Fatal(err)
		}
	}
	change(func(tx *store.Tx) error {
		for i := range 3334 {
			for j, suffix := range []string{"", ".d", ".m"} {
				u, err := tx.CreateUser(directory.User{Username: fmt.Sprintf("u%d%s", i, suffix), FirstName: "Anna", LastName: fmt.Sprint("Alt", i)})
				if err != nil {
					return err
				}
				s, err := tx.CreateSlot(directory.Slot{UserID: u.ID, Type: directory.Desk})
				if err != nil {
					return err
				}
				number := fmt.Sprint(30000 + i)
				if j > 0 {
					number += fmt.Sprint(j)
				}
				if _, err := tx.AddNumber(directory.Number{Number: number, OwnerType: directory.OwnerUser, OwnerID: u.ID}); err != nil {
					return err
				}
				if _, err := tx.SetMatrix(u.ID, map[string][]string{number: {s.ID}}, 0); err != nil {
					return err
				}
			}
		}
		return nil
	})
	b.Run("find", func(b *testing.B) {
		for b.Loop() {
			if len(merge.New(st.Snapshot()).Find()) == 0 {
				b.Fatal("nothing found")
			}
		}
	})
	groups := merge.New(st.Snapshot()).Find()
	next := 0
	var ids []string
	b.Run("merge", func(b *testing.B) {
		for b.Loop() {
			change(func(tx *store.Tx) error {
				snap := *tx.Snapshot()
				f := merge.New(&snap)
				p, err := f.Propose(f.Among(groups[next].IDs()), merge.Choice{})
				if err != nil {
					return err
				}
				id, err := tx.MergeUsers(p.Plan())
				ids = append(ids, id)
				return err
			})
			next++
		}
	})
	b.Run("undo", func(b *testing.B) {
		for b.Loop() {
			last := len(ids) - 1
			change(func(tx *store.Tx) error { return tx.UnmergeUsers(ids[last]) })
			ids = ids[:last]
		}
	})
}
