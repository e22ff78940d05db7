package transfer

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/store"
	"github.com/koppelfeld/koppelfeld/internal/store/storetest"
)

const passphrase = "correct horse battery staple"

var madeAt = time.Date(2026, 11, 27, 17, 0, 0, 0, time.UTC)

// exported is a file with what is chosen of a store.
func exported(t testing.TB, st *store.Store, choice Choice, pass string) []byte {
	t.Helper()
	var out bytes.Buffer
	if _, err := Export(&out, st.Snapshot(), Options{Choice: choice, Passphrase: pass, Source: "pbx.example", Program: "5.0.0", MadeAt: madeAt}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func opened(t testing.TB, file []byte, pass string) *Contents {
	t.Helper()
	c, err := Open(bytes.NewReader(file), int64(len(file)), pass)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// imported puts a file into a store.
func imported(t testing.TB, st *store.Store, c *Contents, how How) (*Result, error) {
	t.Helper()
	how.Refused = func(err error) bool { return errors.Is(err, store.ErrTaken) || errors.Is(err, store.ErrNotFound) }
	var r *Result
	_, err := st.Update(t.Context(), store.Change{Actor: "test", Source: "import"}, func(tx *store.Tx) error {
		var err error
		r, err = Import(tx, c, how)
		return err
	})
	return r, err
}

func mustImport(t testing.TB, st *store.Store, c *Contents, how How) *Result {
	t.Helper()
	r, err := imported(t, st, c, how)
	if err != nil {
		if r != nil {
			t.Log(listed(r, Conflict))
		}
		t.Fatal(err)
	}
	return r
}

// listed are the objects of which something becomes.
func listed(r *Result, actions ...Action) []string {
	var out []string
	for i := range r.Items {
		x := &r.Items[i]
		if !slices.Contains(actions, x.Action) {
			continue
		}
		s := fmt.Sprintf("%s %s %s %s", x.Action, x.Kind, x.Owner, x.Name)
		for _, f := range x.Fields {
			s += fmt.Sprintf(" [%s %s → %s]", f.Field, f.Before, f.After)
		}
		for _, p := range x.Problems {
			s += fmt.Sprintf(" (%s %s: %s)", p.Code, p.Field, p.Message)
		}
		out = append(out, s)
	}
	return out
}

// comparable is what two exports must have in common. A new server has a supervisor already, with an ID of its own.
func (c *Contents) comparable(supervisor bool) *Contents {
	out := *c
	out.Manifest, out.Users = Manifest{}, nil
	for _, u := range c.Users {
		if u.Username == store.Supervisor {
			u.ID = ""
			if !supervisor {
				continue
			}
		}
		out.Users = append(out.Users, u)
	}
	return &out
}

func equalContents(t testing.TB, want, got *Contents) {
	t.Helper()
	supervisor := slices.ContainsFunc(want.Users, func(u User) bool { return u.Username == store.Supervisor })
	if diff := cmp.Diff(want.comparable(supervisor), got.comparable(supervisor), cmp.AllowUnexported(Contents{}, secretsPart{}, usersPart{}, phonesPart{}, groupsPart{}, systemPart{})); diff != "" {
		t.Errorf("exports differ (-want +got):\n%s", diff)
	}
}

// secrets gives some users of a store passwords and PINs.
func secrets(t testing.TB, st *store.Store, r *rand.Rand) {
	t.Helper()
	_, err := st.Update(t.Context(), store.Change{Actor: "test"}, func(tx *store.Tx) error {
		for _, name := range slices.Sorted(maps.Keys(tx.Snapshot().ByName)) {
			var err error
			switch r.IntN(3) {
			case 0:
				err = errors.Join(tx.SetPassword(name, someHash), tx.SetPIN(name, someHash))
			case 1:
				err = tx.SetFirstPassword(name, someHash)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

const someHash = "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21lc2FsdA$c29tZWtleXNvbWVrZXlzb21la2V5c29tZWtleQ"

func TestRoundTripSQLite(t *testing.T) {
	for seed := range uint64(5) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			roundTrip(t, seed, func(testing.TB) string { return "sqlite" })
		})
	}
}

func TestRoundTripMariaDB(t *testing.T) {
	server := storetest.ServerFor(t)
	for seed := range uint64(2) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			roundTrip(t, 100+seed, func(t testing.TB) string {
				dsn, err := server.NewDatabase(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				return dsn
			})
		})
	}
}

// roundTrip exports a random configuration, imports it into an empty server, and exports it there: both files hold the same. Importing it again
// changes nothing, whichever way.
func roundTrip(t *testing.T, seed uint64, database func(testing.TB) string) {
	source := storetest.Open(t, storetest.Config(t, database(t)))
	storetest.Randomise(t, source, seed, 120)
	secrets(t, source, rand.New(rand.NewPCG(seed, 1)))
	file := exported(t, source, Choice{}, passphrase)
	want := opened(t, file, passphrase)
	cfg := storetest.Config(t, database(t))
	target := storetest.Open(t, cfg)
	mustImport(t, target, want, How{Mode: Replace})
	if err := target.Close(); err != nil {
		t.Fatal(err)
	}
	target = storetest.Open(t, cfg) // what is in the database, not in memory
	equalContents(t, want, opened(t, exported(t, target, Choice{}, passphrase), passphrase))
	for _, mode := range []Mode{Merge, Replace} {
		revision := target.Snapshot().Revision
		r := mustImport(t, target, want, How{Mode: mode})
		if odd := listed(r, New, Changed, Removed, Conflict); len(odd) > 0 || target.Snapshot().Revision != revision {
			t.Errorf("%s once more: %q, revision %d after %d", mode, odd, target.Snapshot().Revision, revision)
		}
	}
	revision := source.Snapshot().Revision
	if r := mustImport(t, source, want, How{Mode: Replace}); source.Snapshot().Revision != revision {
		t.Errorf("into the server that it comes from: %q", listed(r, New, Changed, Removed, Conflict))
	}
}

// TestMergeIsIdempotent merges a file into a server that has a configuration of its own.
func TestMergeIsIdempotent(t *testing.T) {
	for seed := range uint64(5) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			source, target := storetest.New(t), storetest.New(t)
			storetest.Randomise(t, source, seed, 80)
			storetest.Randomise(t, target, seed+1000, 80)
			c := opened(t, exported(t, source, Choice{}, ""), "")
			before := target.Snapshot()
			first := mustImport(t, target, c, How{Mode: Merge, SkipConflicts: true})
			if gone := listed(first, Removed); len(gone) > 0 {
				t.Errorf("merging has removed %q", gone)
			}
			kept(t, before, target.Snapshot())
			revision := target.Snapshot().Revision
			second := mustImport(t, target, c, How{Mode: Merge, SkipConflicts: true})
			if odd := listed(second, New, Changed, Removed); len(odd) > 0 || target.Snapshot().Revision != revision {
				t.Errorf("merging once more: %q", odd)
			}
		})
	}
}

// TestEveryChoice exports parts of random configurations and imports them elsewhere: whatever is chosen can be read, and what is not in conflict comes
// in and is the same the second time.
func TestEveryChoice(t *testing.T) {
	source := storetest.New(t)
	storetest.Randomise(t, source, 5, 150)
	snap := source.Snapshot()
	names := slices.Sorted(maps.Keys(snap.ByName))
	var groups []string
	for _, name := range slices.Sorted(maps.Keys(snap.Groups)) {
		if snap.Groups[name].Type == directory.GroupUser {
			groups = append(groups, name)
		}
	}
	choices := []Choice{
		{What: []What{WhatUsers}},
		{What: []What{WhatPhones}},
		{What: []What{WhatGroups}},
		{What: []What{WhatSystem}},
		{What: []What{WhatUsers, WhatGroups}},
		{What: []What{WhatPhones, WhatSystem}},
		{Users: names[:1]},
		{Users: names},
		{What: []What{WhatPhones}, Users: names[:2]},
		{What: []What{WhatUsers, WhatPhones, WhatGroups, WhatSystem}, Users: names[:2]},
	}
	for _, g := range groups {
		choices = append(choices, Choice{Groups: []string{g}})
	}
	targets := []*store.Store{storetest.New(t), storetest.New(t)}
	storetest.Randomise(t, targets[1], 6, 60)
	for i, choice := range choices {
		c := opened(t, exported(t, source, choice, ""), "")
		for _, mode := range []Mode{Merge, Replace} {
			for k, target := range targets {
				mustImport(t, target, c, How{Mode: mode, SkipConflicts: true})
				revision := target.Snapshot().Revision
				again := mustImport(t, target, c, How{Mode: mode, SkipConflicts: true})
				if target.Snapshot().Revision != revision {
					t.Errorf("choice %d %+v, %s into %d, once more: %q", i, choice, mode, k, listed(again, New, Changed, Removed))
				}
			}
			if back := mustImport(t, source, c, How{Mode: mode}); source.Snapshot() != snap {
				t.Fatalf("choice %d %+v, %s, where it comes from: %q", i, choice, mode, listed(back, New, Changed, Removed))
			}
		}
	}
}

// kept checks that nothing has gone.
func kept(t *testing.T, before, after *directory.Snapshot) {
	t.Helper()
	for id := range before.Users {
		if after.Users[id] == nil {
			t.Errorf("user %s has gone", before.Users[id].Username)
		}
	}
	for n := range before.Numbers {
		if after.Numbers[n] == nil {
			t.Errorf("number %s has gone", n)
		}
		for _, s := range before.Ticks[n] {
			if !after.Ticked(n, s) {
				t.Errorf("tick of number %s has gone", n)
			}
		}
	}
	for id := range before.Slots {
		if after.Slots[id] == nil {
			t.Errorf("slot %s has gone", id)
		}
	}
	for id := range before.Profiles {
		if after.Profiles[id] == nil {
			t.Errorf("profile %s has gone", id)
		}
	}
	for name, members := range before.Members {
		for _, id := range members {
			if !slices.Contains(after.Members[name], id) {
				t.Errorf("member %s of %s has gone", id, name)
			}
		}
	}
}
