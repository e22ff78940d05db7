package storetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/store"
)

func allOrNothing(t *testing.T, database string) {
	f := newFixture(t, database)
	boom := errors.New("boom")
	err := f.refused(func(tx *store.Tx) error {
		if _, _, err := person(tx, "bert", []string{"21"}, directory.Desk); err != nil {
			return err
		}
		if tx.Snapshot().ByName["bert"] == nil {
			t.Error("a change does not see itself")
		}
		return boom
	})
	if !errors.Is(err, boom) {
		t.Errorf("got error %v, want the one of fn", err)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("a panic in fn was swallowed")
			}
		}()
		f.st.Update(t.Context(), by, func(tx *store.Tx) error {
			if _, _, err := person(tx, "carl", nil); err != nil {
				t.Error(err)
			}
			panic("in fn")
		})
	}()
	f.stored()
	f.update(func(tx *store.Tx) error { // the door is open again
		_, _, err := person(tx, "bert", []string{"21"}, directory.Desk)
		return err
	})
	f.stored()
}

func noChange(t *testing.T, database string) {
	f := newFixture(t, database)
	before := f.st.Snapshot()
	f.st.OnCommit(func(_, _ *directory.Snapshot, _ store.Changed) { t.Error("subscriber called without a change") })
	revision := f.update(func(tx *store.Tx) error {
		if _, err := tx.UpdateUser(f.anna, 0, func(*directory.User) {}); err != nil {
			return err
		}
		if _, err := tx.UpdateNumber("11", 0, func(*directory.Number) {}); err != nil {
			return err
		}
		if _, err := tx.UpdateSlot(f.slots[0], 0, func(*directory.Slot) {}); err != nil {
			return err
		}
		_, err := tx.SetMatrix(f.anna, nil, 0)
		return err
	})
	if revision != before.Revision || f.st.Snapshot() != before {
		t.Errorf("revision: got %d, want %d", revision, before.Revision)
	}
	if _, err := f.st.Update(t.Context(), store.Change{}, func(*store.Tx) error { return nil }); err == nil {
		t.Error("a change without an actor was accepted")
	}
}

func trialCompile(t *testing.T, database string) {
	cfg := Config(t, database)
	var refuse error
	cfg.Validate = func(prev, next *directory.Snapshot, changed store.Changed) error {
		if next.Revision != prev.Revision+1 {
			t.Errorf("trial compile: revision %d after %d", next.Revision, prev.Revision)
		}
		if refuse != nil && next.ByName["bert"] != nil {
			return refuse
		}
		return nil
	}
	f := &fixture{t: t, cfg: cfg, st: Open(t, cfg)}
	refuse = &store.InvalidError{Field: "users.bert", Problem: "does not compile"}
	err := f.refused(func(tx *store.Tx) error {
		_, _, err := person(tx, "bert", nil)
		return err
	})
	invalidField(t, err, "users.bert")
	f.stored()
}

func subscribers(t *testing.T, database string) {
	f := newFixture(t, database)
	var log []string
	f.st.OnCommit(func(_, _ *directory.Snapshot, _ store.Changed) {
		panic("a subscriber that fails harms neither the change nor the others")
	})
	for _, name := range []string{"a", "b"} {
		f.st.OnCommit(func(prev, next *directory.Snapshot, changed store.Changed) {
			if f.st.Snapshot() != next {
				t.Error("subscriber called before the snapshot is in force")
			}
			log = append(log, fmt.Sprintf("%s %d>%d users=%d removed=%d numbers=%d groups=%v full=%v", name, prev.Revision, next.Revision,
				len(changed.Users), len(changed.Removed), len(changed.Numbers), changed.Groups, changed.Full))
		})
	}
	f.update(func(tx *store.Tx) error {
		_, err := tx.SetMatrix(f.anna, map[string][]string{"12": f.slots}, 0)
		return err
	})
	f.update(func(tx *store.Tx) error {
		_, err := tx.DeleteUser(f.anna, 0)
		return err
	})
	want := []string{
		"a 2>3 users=1 removed=0 numbers=1 groups=false full=false",
		"b 2>3 users=1 removed=0 numbers=1 groups=false full=false",
		"a 3>4 users=0 removed=1 numbers=2 groups=true full=false",
		"b 3>4 users=0 removed=1 numbers=2 groups=true full=false",
	}
	if diff := cmp.Diff(want, log); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

// immutable holds every snapshot against a deep copy made when it came.
func immutable(t *testing.T, database string) {
	f := newFixture(t, database)
	type pair struct {
		live *directory.Snapshot
		copy string
	}
	var seen []pair
	keep := func(s *directory.Snapshot) {
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, pair{s, string(text)})
	}
	keep(f.st.Snapshot())
	f.st.OnCommit(func(_, next *directory.Snapshot, _ store.Changed) { keep(next) })
	randomChanges(f, 25)
	for _, fn := range []func(*store.Tx) error{ // a list with room to grow
		func(tx *store.Tx) error {
			a, _, err := person(tx, "first.member", nil)
			b, _, err2 := person(tx, "second.member", nil)
			return errors.Join(err, err2, tx.AddMember(directory.Admins, a), tx.AddMember(directory.Admins, b))
		},
		func(tx *store.Tx) error {
			return tx.RemoveMember(directory.Admins, tx.Snapshot().ByName["first.member"].ID)
		},
		func(tx *store.Tx) error {
			return tx.AddMember(directory.Admins, tx.Snapshot().ByName["first.member"].ID)
		},
	} {
		f.update(fn)
	}
	for _, p := range seen {
		text, err := json.Marshal(p.live)
		if err != nil {
			t.Fatal(err)
		}
		if string(text) != p.copy {
			t.Fatalf("snapshot %d was changed after it was published", p.live.Revision)
		}
	}
}

func draftEqualsDatabase(t *testing.T, database string) {
	f := newFixture(t, database)
	for range 6 {
		randomChanges(f, 40)
		f.stored()
		f.sound()
	}
}

// randomChanges makes changes of all kinds; each may also be refused.
func randomChanges(f *fixture, count int) {
	f.t.Helper()
	Randomise(f.t, f.st, uint64(f.st.Snapshot().Revision), count) // the same in every run
}

// Randomise makes count changes of all kinds in the configuration of a store; each may also be refused. The same seed makes the same changes.
func Randomise(t testing.TB, st *store.Store, seed uint64, count int) {
	t.Helper()
	r := rand.New(rand.NewPCG(uint64(count), seed))
	for range count {
		_, err := st.Update(t.Context(), by, func(tx *store.Tx) error {
			for range 1 + r.IntN(4) {
				if err := randomAct(tx, r); err != nil && !refusal(err) {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func refusal(err error) bool {
	var wrong *store.InvalidError
	return errors.As(err, &wrong) || errors.Is(err, store.ErrTaken) || errors.Is(err, store.ErrNotFound)
}

func randomAct(tx *store.Tx, r *rand.Rand) error {
	snap := tx.Snapshot()
	user := pick(r, snap.Users)
	slot := pick(r, snap.Slots)
	number := pick(r, snap.Numbers)
	group := pick(r, snap.Groups)
	switch r.IntN(12) {
	case 0, 1, 2, 3, 4, 5, 6:
		return randomForwarding(tx, r)
	case 7:
		return randomParameters(tx, r)
	}
	switch r.IntN(15) {
	case 0:
		_, _, err := person(tx, fmt.Sprintf("u%d", r.IntN(30)), []string{fmt.Sprint(r.IntN(100))}, directory.Desk, directory.DECT)
		return err
	case 1:
		if r.IntN(3) > 0 {
			return nil // more come than go
		}
		_, err := tx.DeleteUser(user, 0)
		return err
	case 2:
		_, err := tx.AddNumber(directory.Number{Number: fmt.Sprint(r.IntN(100)), OwnerType: directory.OwnerUser, OwnerID: user})
		return err
	case 3:
		return tx.RemoveNumber(number, 0)
	case 4:
		_, err := tx.UpdateNumber(number, 0, func(n *directory.Number) { n.CallWaiting, n.MaxCalls = !n.CallWaiting, r.IntN(9) })
		return err
	case 5:
		_, err := tx.CreateSlot(directory.Slot{UserID: user, Type: directory.SlotTypes[r.IntN(5)]})
		return err
	case 6:
		return tx.DeleteSlot(slot, 0)
	case 7:
		_, err := tx.UpdateSlot(slot, 0, func(s *directory.Slot) {
			s.DND = !s.DND
			if n := snap.TickedNumbers(s.ID); len(n) > 0 {
				s.DefaultNumber = n[len(n)-1]
			}
		})
		return err
	case 8:
		_, err := tx.ResetSlotSecret(slot, 0)
		return err
	case 9:
		_, err := tx.CreateGroup(directory.Group{Name: fmt.Sprintf("g%d", r.IntN(9)), Title: "G", Type: directory.GroupUser})
		return err
	case 10:
		return tx.AddMember(group, user)
	case 11:
		if r.IntN(2) == 0 {
			return tx.RemoveMember(group, user)
		}
		return tx.DeleteGroup(group, 0)
	case 12:
		_, err := tx.UpdateUser(user, 0, func(u *directory.User) { u.Username = fmt.Sprintf("u%d", r.IntN(30)) })
		return err
	case 13:
		rows, columns := slices.Clone(snap.Rows[user]), slices.Clone(snap.Columns[user])
		r.Shuffle(len(rows), func(i, k int) { rows[i], rows[k] = rows[k], rows[i] })
		r.Shuffle(len(columns), func(i, k int) { columns[i], columns[k] = columns[k], columns[i] })
		_, err := tx.OrderMatrix(user, rows, columns, 0)
		return err
	default:
		m := map[string][]string{}
		for _, n := range snap.Rows[user] {
			for _, s := range snap.Columns[user] {
				if r.IntN(2) == 0 {
					m[n] = append(m[n], s)
				}
			}
		}
		_, err := tx.SetMatrix(user, m, 0)
		return err
	}
}

// pick returns a key of m, or "none".
func pick[V any](r *rand.Rand, m map[string]V) string {
	if len(m) == 0 {
		return "none"
	}
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys[r.IntN(len(keys))]
}

func twoProcesses(t *testing.T, database string) {
	f := newFixture(t, database)
	other := Open(t, f.cfg)
	var full []bool
	other.OnCommit(func(_, _ *directory.Snapshot, changed store.Changed) { full = append(full, changed.Full) })
	f.update(func(tx *store.Tx) error { return tx.SetPassword("anna", "new-hash") })
	if err := other.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := other.Snapshot().Users[f.anna].PasswordHash; got != "new-hash" {
		t.Errorf("refresh: got hash %q", got)
	}
	f.update(func(tx *store.Tx) error {
		_, err := tx.AddNumber(directory.Number{Number: "13", OwnerType: directory.OwnerUser, OwnerID: f.anna})
		return err
	})
	runs := 0 // other does not know 13 yet; its change must see it
	_, err := other.Update(t.Context(), by, func(tx *store.Tx) error {
		runs++
		_, err := tx.UpdateNumber("13", 0, func(n *directory.Number) { n.BusyOnAny = true })
		return err
	})
	if err != nil || runs == 0 {
		t.Errorf("change after another process's: %v after %d runs", err, runs)
	}
	if diff := cmp.Diff([]bool{true, true, false}, full); diff != "" {
		t.Errorf("Changed.Full (-want +got):\n%s", diff)
	}
	if err := f.st.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.stored()
}

func twoProcessesAtOnce(t *testing.T, database string) {
	f := newFixture(t, database)
	other := Open(t, f.cfg)
	const each = 10
	start := f.st.Snapshot().Revision
	var wg sync.WaitGroup
	for _, st := range []*store.Store{f.st, other, f.st, other} {
		wg.Go(func() {
			for range each {
				_, err := st.Update(t.Context(), by, func(tx *store.Tx) error {
					_, err := tx.UpdateNumber("11", 0, func(n *directory.Number) { n.MaxCalls++ })
					return err
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for _, st := range []*store.Store{f.st, other} {
		if err := st.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := st.Snapshot(); got.Numbers["11"].MaxCalls != 4*each || got.Revision != start+4*each {
			t.Errorf("after %d changes: got %d at revision %d", 4*each, got.Numbers["11"].MaxCalls, got.Revision-start)
		}
	}
	f.stored()
}

func audit(t *testing.T, database string) {
	f := newFixture(t, database)
	secret := f.st.Snapshot().Slots[f.slots[0]].SIPSecret
	f.update(func(tx *store.Tx) error {
		if err := tx.SetPassword("anna", "$argon2id$secret-hash"); err != nil {
			return err
		}
		_, err := tx.SetMatrix(f.anna, map[string][]string{"11": f.slots[:1]}, 0)
		return err
	})
	if err := f.st.Act(t.Context(), by, "hang_up", "call", "c1", "11 to 12", nil, map[string]string{"why": "test"}); err != nil {
		t.Fatal(err)
	}
	var all []store.AuditEntry
	cursor := ""
	for page := 0; page == 0 || cursor != ""; page++ {
		entries, next, err := f.st.ListAudit(t.Context(), store.AuditFilter{Limit: 4, Cursor: cursor})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, entries...)
		cursor = next
	}
	for i, e := range all {
		if i > 0 && e.ID >= all[i-1].ID {
			t.Error("audit entries are not newest first")
		}
		for _, hidden := range []string{secret, "secret-hash"} {
			if strings.Contains(string(e.Before)+string(e.After), hidden) {
				t.Errorf("audit entry %s %s shows a secret", e.Action, e.ObjectType)
			}
		}
	}
	got := all[1]
	got.ID, got.At = "", all[0].At.Truncate(0)
	want := store.AuditEntry{
		Revision: 3, At: got.At, Actor: "tester", Source: "test", Reason: "because", Action: "set_matrix", ObjectType: "user", ObjectID: f.anna, ObjectName: "anna",
		Before: json.RawMessage(`{"11":[]}`), After: json.RawMessage(`{"11":["` + f.slots[0] + `"]}`),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("entry (-want +got):\n%s", diff)
	}
	if all[0].Action != "hang_up" || all[0].Revision != 0 || all[2].Action != "set_password" {
		t.Errorf("order: got %s, %s", all[0].Action, all[2].Action)
	}
	some, _, err := f.st.ListAudit(t.Context(), store.AuditFilter{ObjectType: "slot", ObjectID: f.slots[1], Actor: "tester"})
	if err != nil || len(some) != 1 {
		t.Errorf("filter: got %d entries and %v, want 1", len(some), err)
	}
}
