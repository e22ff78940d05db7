package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/store"
)

// contractTest is a part of Contract.
type contractTest struct {
	name string
	run  func(t *testing.T, database string)
}

// Contract runs what every database must keep. newDatabase returns "sqlite" or
// the address of an empty database.
func Contract(t *testing.T, newDatabase func(t testing.TB) string) {
	tests := []contractTest{
		{"empty database", emptyDatabase},
		{"users", users},
		{"invalid users", invalidUsers},
		{"delete user", deleteUser},
		{"numbers", numbers},
		{"number taken", numberTaken},
		{"slots", slots},
		{"matrix", matrix},
		{"matrix refused", matrixRefused},
		{"matrix order", matrixOrder},
		{"what was removed comes back", comeBack},
		{"default number", defaultNumber},
		{"PIN", pin},
		{"users of elsewhere", adopt},
		{"groups", groups},
		{"parameters of groups", parameters},
		{"what parameters of groups touch", parametersTouch},
		{"last administrator", lastAdministrator},
		{"update is all or nothing", allOrNothing},
		{"update without change", noChange},
		{"trial compile", trialCompile},
		{"change tried", tried},
		{"subscribers", subscribers},
		{"snapshots are immutable", immutable},
		{"draft equals database", draftEqualsDatabase},
		{"two processes", twoProcesses},
		{"two processes at once", twoProcessesAtOnce},
		{"audit", audit},
		{"audit lists", auditLists},
		{"records", records},
		{"records repeated", recordsRepeated},
		{"record lists", recordLists},
		{"outcomes", outcomes},
		{"record blocks", recordBlocks},
		{"records from nodes", recordsFromNodes},
		{"calls of persons", personCalls},
		{"pages of calls of persons", personPages},
		{"sessions", sessions},
		{"factors", factors},
		{"tokens", tokens},
		{"licences", licences},
		{"trial", trial},
		{"wrong key", wrongKey},
	}
	for _, test := range append(tests, forwardingTests()...) {
		t.Run(test.name, func(t *testing.T) { test.run(t, newDatabase(t)) })
	}
}

// by is the change under which the tests write.
var by = store.Change{Actor: "tester", Source: "test", Reason: "because"}

// fixture is a store with user anna, who has numbers 11 and 12 and two slots.
type fixture struct {
	t     *testing.T
	cfg   store.Config
	st    *store.Store
	anna  string   // user ID
	slots []string // desk, softphone
}

func newFixture(t *testing.T, database string) *fixture {
	t.Helper()
	cfg := Config(t, database)
	f := &fixture{t: t, cfg: cfg, st: Open(t, cfg)}
	f.update(func(tx *store.Tx) error {
		var err error
		f.anna, f.slots, err = person(tx, "anna", []string{"11", "12"}, directory.Desk, directory.Softphone)
		return err
	})
	return f
}

// person makes a user with numbers and slots and no tick.
func person(tx *store.Tx, username string, numbers []string, types ...directory.SlotType) (id string, slots []string, err error) {
	u, err := tx.CreateUser(directory.User{Username: username, FirstName: "First", LastName: username})
	if err != nil {
		return "", nil, err
	}
	for _, n := range numbers {
		if _, err := tx.AddNumber(directory.Number{Number: n, OwnerType: directory.OwnerUser, OwnerID: u.ID}); err != nil {
			return "", nil, err
		}
	}
	for _, slotType := range types {
		s, err := tx.CreateSlot(directory.Slot{UserID: u.ID, Type: slotType})
		if err != nil {
			return "", nil, err
		}
		slots = append(slots, s.ID)
	}
	return u.ID, slots, nil
}

// update runs a change that must work.
func (f *fixture) update(fn func(*store.Tx) error) int64 {
	f.t.Helper()
	revision, err := f.st.Update(f.t.Context(), by, fn)
	if err != nil {
		f.t.Fatal(err)
	}
	return revision
}

// refused runs a change that must fail and leave the revision, and returns its error.
func (f *fixture) refused(fn func(*store.Tx) error) error {
	f.t.Helper()
	before := f.st.Snapshot()
	_, err := f.st.Update(f.t.Context(), by, fn)
	if err == nil {
		f.t.Error("a change that must be refused was accepted")
	}
	if f.st.Snapshot() != before {
		f.t.Error("a change that was refused has changed the snapshot")
	}
	return err
}

// invalidField checks that err names the wrong field.
func invalidField(t *testing.T, err error, field string) {
	t.Helper()
	var wrong *store.InvalidError
	if !errors.As(err, &wrong) || wrong.Field != field {
		t.Errorf("got error %v, want an *InvalidError of field %s", err, field)
	}
}

// reload opens the database a second time and returns what it holds.
func (f *fixture) reload() *directory.Snapshot {
	f.t.Helper()
	again, err := store.Open(f.t.Context(), f.cfg)
	if err != nil {
		f.t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		f.t.Error(err)
	}
	return again.Snapshot()
}

// stored checks that the database holds what the snapshot shows.
func (f *fixture) stored() {
	f.t.Helper()
	if diff := cmp.Diff(f.reload(), f.st.Snapshot()); diff != "" {
		f.t.Errorf("snapshot differs from the database (-database +snapshot):\n%s", diff)
	}
}

func emptyDatabase(t *testing.T, database string) {
	st := Open(t, Config(t, database))
	snap := st.Snapshot()
	for _, name := range []string{directory.Admins, directory.AllUsers, directory.VisibleUsers, directory.AllSlots, directory.AllQueues, directory.AllFaxes} {
		if g := snap.Groups[name]; g == nil || !g.BuiltIn {
			t.Errorf("group %s: got %+v, want a built-in group", name, g)
		}
	}
	u := snap.ByName[store.Supervisor]
	if u == nil || u.PasswordHash != "" || !snap.IsAdmin(u.ID) {
		t.Errorf("supervisor: got %+v, want an administrator without a password", u)
	}
	if snap.Revision != 1 {
		t.Errorf("revision: got %d, want 1", snap.Revision)
	}
	if err := st.Healthy(); err != nil {
		t.Errorf("health: %v", err)
	}
}

func users(t *testing.T, database string) {
	f := newFixture(t, database)
	f.update(func(tx *store.Tx) error {
		_, err := tx.UpdateUser(f.anna, 1, func(u *directory.User) {
			u.FirstName, u.TimeZone, u.DND, u.Email = "Änne \U0001F4DE", "Europe/Berlin", true, "anna@example.test"
			u.ID, u.PasswordHash, u.Version = "x", "y", 77 // must have no effect
		})
		return err
	})
	got := f.st.Snapshot().Users[f.anna]
	if got.FirstName != "Änne \U0001F4DE" || !got.DND || got.Version != 2 || got.PasswordHash != "" {
		t.Errorf("user after update: got %+v", got)
	}
	f.stored()

	err := f.refused(func(tx *store.Tx) error {
		_, err := tx.UpdateUser(f.anna, 1, func(u *directory.User) { u.LastName = "lost update" })
		return err
	})
	if !errors.Is(err, store.ErrConflict) {
		t.Errorf("update of an old version: got %v, want ErrConflict", err)
	}
	err = f.refused(func(tx *store.Tx) error {
		_, err := tx.UpdateUser("nobody", 0, func(*directory.User) {})
		return err
	})
	if !errors.Is(err, store.ErrNotFound) {
		t.Errorf("update of nobody: got %v, want ErrNotFound", err)
	}
	err = f.refused(func(tx *store.Tx) error {
		_, err := tx.UpdateUser(f.anna, 0, func(u *directory.User) { u.Username = store.Supervisor })
		return err
	})
	if !errors.Is(err, store.ErrTaken) {
		t.Errorf("user name of another: got %v, want ErrTaken", err)
	}

	f.update(func(tx *store.Tx) error {
		if _, err := tx.UpdateUser(f.anna, 0, func(u *directory.User) { u.Username = "anna.neu" }); err != nil {
			return err
		}
		return tx.SetFirstPassword("anna.neu", "hash-1")
	})
	snap := f.st.Snapshot()
	if snap.ByName["anna"] != nil || snap.ByName["anna.neu"] != snap.Users[f.anna] {
		t.Error("names do not follow a change of the user name")
	}
	if got := snap.Users[f.anna]; got.PasswordHash != "hash-1" || !got.MustChangePassword {
		t.Errorf("first password: got %+v", got)
	}
	f.update(func(tx *store.Tx) error { return tx.SetPassword("anna.neu", "hash-2") })
	if got := f.st.Snapshot().Users[f.anna]; got.PasswordHash != "hash-2" || got.MustChangePassword {
		t.Errorf("password: got %+v", got)
	}
	f.stored()
}

func invalidUsers(t *testing.T, database string) {
	f := newFixture(t, database)
	good := directory.User{Username: "good"}
	tests := []struct {
		name, field string
		spoil       func(*directory.User)
	}{
		{"no user name", "username", func(u *directory.User) { u.Username = "" }},
		{"upper case", "username", func(u *directory.User) { u.Username = "Good" }},
		{"long user name", "username", func(u *directory.User) { u.Username = fmt.Sprintf("%065d", 1) }},
		{"long name", "first_name", func(u *directory.User) { u.FirstName = fmt.Sprintf("%0129d", 1) }},
		{"line break", "last_name", func(u *directory.User) { u.LastName = "a\r\nVia: x" }},
		{"not UTF-8", "last_name", func(u *directory.User) { u.LastName = "a\xff" }},
		{"trailing space", "last_name", func(u *directory.User) { u.LastName = "a " }},
		{"language", "language", func(u *directory.User) { u.Language = "fr" }},
		{"time zone", "time_zone", func(u *directory.User) { u.TimeZone = "Mars/Olympus" }},
		{"mail", "email", func(u *directory.User) { u.Email = "a@b@c" }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			u := good
			test.spoil(&u)
			err := f.refused(func(tx *store.Tx) error {
				_, err := tx.CreateUser(u)
				return err
			})
			invalidField(t, err, test.field)
		})
	}
}

func deleteUser(t *testing.T, database string) {
	f := newFixture(t, database)
	if err := f.st.CreateSession(t.Context(), store.Session{TokenHash: [32]byte{1}, UserID: f.anna, IdleUntil: time.Now().Add(time.Hour), Expires: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	f.update(func(tx *store.Tx) error {
		_, err := tx.SetMatrix(f.anna, map[string][]string{"11": f.slots, "12": f.slots[:1]}, 0)
		return err
	})
	var gone directory.Belongings
	f.update(func(tx *store.Tx) error {
		var err error
		gone, err = tx.DeleteUser(f.anna, 0)
		return err
	})
	if len(gone.Numbers) != 2 || len(gone.Slots) != 2 || gone.Ticks != 3 || len(gone.Groups) != 1 {
		t.Errorf("what went: got %+v, want 2 numbers, 2 slots, 3 ticks, 1 group", gone)
	}
	snap := f.st.Snapshot()
	if len(snap.Numbers)+len(snap.Slots)+len(snap.Ticks)+len(snap.Rows)+len(snap.Columns) != 0 || snap.ByName["anna"] != nil {
		t.Errorf("something is left: %+v", snap)
	}
	f.stored()
	if _, err := f.st.GetSession(t.Context(), [32]byte{1}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("session of a removed user: got %v, want ErrNotFound", err)
	}
	f.update(func(tx *store.Tx) error { // the numbers are free
		_, _, err := person(tx, "bert", []string{"11", "12"}, directory.Desk)
		return err
	})
	f.stored()
}

func groups(t *testing.T, database string) {
	f := newFixture(t, database)
	var sales, all *directory.Group
	f.update(func(tx *store.Tx) error {
		var err error
		if sales, err = tx.CreateGroup(directory.Group{Name: "sales", Title: "Verkauf", Type: directory.GroupUser, BuiltIn: true}); err != nil {
			return err
		}
		if all, err = tx.CreateGroup(directory.Group{Name: "all", Title: "Alle", Type: directory.GroupUser}); err != nil {
			return err
		}
		return errors.Join(tx.AddMember("sales", f.anna), tx.AddMember("sales", f.anna), tx.AddMember("all", sales.ID))
	})
	snap := f.st.Snapshot()
	if !snap.InGroup("all", f.anna) || !snap.InGroup(directory.AllUsers, f.anna) || snap.InGroup(directory.Admins, f.anna) || sales.BuiltIn {
		t.Errorf("membership: got members %v", snap.Members)
	}
	f.stored()
	for name, fn := range map[string]func(tx *store.Tx) error{
		"circle":        func(tx *store.Tx) error { return tx.AddMember("sales", all.ID) },
		"itself":        func(tx *store.Tx) error { return tx.AddMember("sales", sales.ID) },
		"computed":      func(tx *store.Tx) error { return tx.AddMember(directory.AllUsers, f.anna) },
		"wrong type":    func(tx *store.Tx) error { return tx.AddMember("sales", f.slots[0]) },
		"built-in":      func(tx *store.Tx) error { return tx.DeleteGroup(directory.VisibleUsers, 0) },
		"no such group": func(tx *store.Tx) error { return tx.AddMember("x", f.anna) },
		"taken": func(tx *store.Tx) error {
			_, err := tx.CreateGroup(directory.Group{Name: "sales", Title: "x", Type: directory.GroupFax})
			return err
		},
		"conflict": func(tx *store.Tx) error {
			_, err := tx.UpdateGroup("sales", 9, func(g *directory.Group) { g.Title = "x" })
			return err
		},
	} {
		t.Run(name, func(t *testing.T) { f.refused(fn) })
	}
	f.update(func(tx *store.Tx) error {
		if _, err := tx.UpdateGroup("sales", 1, func(g *directory.Group) { g.Title = "Vertrieb" }); err != nil {
			return err
		}
		return tx.RemoveMember("sales", f.anna)
	})
	if g := f.st.Snapshot().Groups["sales"]; g.Title != "Vertrieb" || g.Version != 2 {
		t.Errorf("group: got %+v", g)
	}
	f.stored()
	f.update(func(tx *store.Tx) error { return tx.DeleteGroup("sales", 0) })
	if len(f.st.Snapshot().Members["all"]) != 0 {
		t.Errorf("members after the removal of an inner group: got %v", f.st.Snapshot().Members)
	}
	f.stored()
}

func lastAdministrator(t *testing.T, database string) {
	f := newFixture(t, database)
	supervisor := f.st.Snapshot().ByName[store.Supervisor].ID
	f.refused(func(tx *store.Tx) error { return tx.RemoveMember(directory.Admins, supervisor) })
	f.refused(func(tx *store.Tx) error {
		_, err := tx.DeleteUser(supervisor, 0)
		return err
	})
	f.update(func(tx *store.Tx) error {
		if err := tx.AddMember(directory.Admins, f.anna); err != nil {
			return err
		}
		_, err := tx.DeleteUser(supervisor, 0)
		return err
	})
	f.stored()
	if f.reload().ByName[store.Supervisor] != nil {
		t.Error("a supervisor that was removed has come back")
	}
}

func wrongKey(t *testing.T, database string) {
	cfg := Config(t, database)
	if err := Open(t, cfg).Close(); err != nil {
		t.Fatal(err)
	}
	other := Config(t, database)
	other.DataDir = cfg.DataDir
	_, err := store.Open(context.Background(), other)
	if !errors.Is(err, store.ErrWrongKey) {
		t.Errorf("opening with another master key: got %v, want ErrWrongKey", err)
	}
	if err := store.Check(t.Context(), other); !errors.Is(err, store.ErrWrongKey) {
		t.Errorf("checking with another master key: got %v, want ErrWrongKey", err)
	}
	if err := store.Check(t.Context(), cfg); err != nil {
		t.Errorf("checking with the right key: %v", err)
	}
}
