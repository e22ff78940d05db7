package app

import (
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/config"
	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/example"
	"github.com/koppelfeld/koppelfeld/internal/store"
	"github.com/koppelfeld/koppelfeld/internal/store/storetest"
)

// BenchmarkEffect measures, with 10,000 users, the time from the saving of one
// changed number until the routing table has it: rows, audit, trial compile, commit.
func BenchmarkEffect(b *testing.B) {
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
	if err := example.Generate(b.Context(), st, 10_000); err != nil {
		b.Fatal(err)
	}
	number := example.Number(4711, 1)
	profile := ""
	change := func(fn func(tx *store.Tx) error) {
		if _, err := st.Update(b.Context(), store.Change{Actor: "bench"}, fn); err != nil {
			b.Fatal(err)
		}
	}
	change(func(tx *store.Tx) error {
		p, err := tx.CreateProfile(directory.Profile{UserID: tx.Snapshot().Numbers[number].OwnerID, Name: "p", Table: []directory.CaseRule{
			{Case: directory.Always, Class: directory.FromInside, Action: directory.Action{Kind: directory.ToNumber, Number: example.Number(1, 1)}},
		}})
		if err == nil {
			profile = p.ID
		}
		return err
	})
	effect := func(want string, fn func(tx *store.Tx) error) {
		change(fn)
		if got, _, _ := views.Table().ActiveProfile(number, time.Now()); got != want {
			b.Fatalf("active profile: got %q, want %q", got, want)
		}
	}
	b.Run("number", func(b *testing.B) {
		for on := false; b.Loop(); on = !on {
			want := map[bool]string{true: profile}[!on]
			effect(want, func(tx *store.Tx) error {
				_, err := tx.SetForwardingProfile(number, 0, want)
				return err
			})
		}
	})
	b.Run("hunt-group", func(b *testing.B) {
		id := ""
		change(func(tx *store.Tx) error {
			h, err := tx.CreateHuntGroup(directory.HuntGroup{Name: "h", Number: "30", Strategy: directory.RingAll, Seconds: 30})
			if err == nil {
				id = h.ID
			}
			return err
		})
		for on := false; b.Loop(); on = !on {
			change(func(tx *store.Tx) error {
				_, err := tx.UpdateHuntGroup(id, 0, func(h *directory.HuntGroup) {
					if h.Members = nil; on {
						h.Members = []string{number}
					}
				})
				return err
			})
		}
	})
}
