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

// Contract runs what every database must keep. newDatabase returns "sqlite" or
// the address of an empty database.
func Contract(t *testing.T, newDatabase func(t testing.TB) string) {
	tests := []struct {
		name string
		run  func(t *testing.T, database string)
	}{
		{"empty database", emptyDatabase},
		{"users", users},
		{"invalid users", invalidUsers},
		{"delete user", deleteUser},
		{"numbers", numbers},
		{"number taken", numberTaken},
		{"slots", slots},
		{"matrix", matrix},
		{"matrix refused", matrixRefused},
		{"default number", defaultNumber},
		{"groups", groups},
		{"last administrator", lastAdministrator},
		{"update is all or nothing", allOrNothing},
		{"update without change", noChange},
		{"trial compile", trialCompile},
		{"subscribers", subscribers},
		{"snapshots are immutable", immutable},
		{"draft equals database", draftEqualsDatabase},
		{"two processes", twoProcesses},
		{"two processes at once", twoProcessesAtOnce},
		{"audit", audit},
		{"records", records},
		{"records repeated", recordsRepeated},
		{"record lists", recordLists},
		{"sessions", sessions},
		{"tokens", tokens},
		{"wrong key", wrongKey},
	}
	for _, test := range tests {
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

func numbers(t *testing.T, database string) {
	f := newFixture(t, database)
	f.update(func(tx *store.Tx) error {
		_, err := tx.UpdateNumber("12", 1, func(n *directory.Number) {
			n.CallWaiting, n.BusyOnAny, n.MaxCalls, n.RingInside, n.RingOutside, n.DisplayName = true, true, 3, "Bellcore-dr2", "Bellcore-dr8", "Zentrale"
			n.OwnerID, n.Position = "x", 9 // must have no effect
		})
		return err
	})
	want := directory.Number{
		Number: "12", OwnerType: directory.OwnerUser, OwnerID: f.anna, Position: 1, CallWaiting: true, BusyOnAny: true, MaxCalls: 3,
		RingInside: "Bellcore-dr2", RingOutside: "Bellcore-dr8", DisplayName: "Zentrale", Version: 2,
	}
	if diff := cmp.Diff(want, *f.st.Snapshot().Numbers["12"]); diff != "" {
		t.Errorf("number after update (-want +got):\n%s", diff)
	}
	f.stored()
	for field, spoil := range map[string]func(*directory.Number){
		"max_calls":    func(n *directory.Number) { n.MaxCalls = -1 },
		"ring_inside":  func(n *directory.Number) { n.RingInside = "Bellcore-dr9" },
		"ring_outside": func(n *directory.Number) { n.RingOutside = "<http://x>" },
		"display_name": func(n *directory.Number) { n.DisplayName = "a\nb" },
	} {
		err := f.refused(func(tx *store.Tx) error {
			_, err := tx.UpdateNumber("12", 0, spoil)
			return err
		})
		invalidField(t, err, field)
	}
	if err := f.refused(func(tx *store.Tx) error { return tx.RemoveNumber("12", 1) }); !errors.Is(err, store.ErrConflict) {
		t.Errorf("removing an old version: got %v, want ErrConflict", err)
	}
	f.update(func(tx *store.Tx) error {
		if err := tx.RemoveNumber("11", 0); err != nil {
			return err
		}
		_, err := tx.AddNumber(directory.Number{Number: "13", OwnerType: directory.OwnerUser, OwnerID: f.anna})
		return err
	})
	if diff := cmp.Diff([]string{"12", "13"}, f.st.Snapshot().Rows[f.anna]); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	f.stored()
}

func numberTaken(t *testing.T, database string) {
	f := newFixture(t, database)
	f.update(func(tx *store.Tx) error {
		_, err := tx.AddNumber(directory.Number{Number: "401", OwnerType: directory.OwnerFaxLine, OwnerID: "Fax Zentrale"})
		return err
	})
	f.stored()
	for number, want := range map[string]string{
		"11":  "number 11 belongs to user anna (First anna)",
		"401": "number 401 belongs to fax line Fax Zentrale",
	} {
		err := f.refused(func(tx *store.Tx) error {
			_, err := tx.AddNumber(directory.Number{Number: number, OwnerType: directory.OwnerUser, OwnerID: f.anna})
			return err
		})
		var taken *store.TakenError
		if !errors.As(err, &taken) || !errors.Is(err, store.ErrTaken) || err.Error() != want {
			t.Errorf("second owner of %s: got %v, want %s", number, err, want)
		}
	}
	for _, number := range []string{"", "12a", "+49", "1234567890123456", "١٢"} {
		err := f.refused(func(tx *store.Tx) error {
			_, err := tx.AddNumber(directory.Number{Number: number, OwnerType: directory.OwnerUser, OwnerID: f.anna})
			return err
		})
		invalidField(t, err, "number")
	}
}

func slots(t *testing.T, database string) {
	f := newFixture(t, database)
	desk := f.st.Snapshot().Slots[f.slots[0]]
	soft := f.st.Snapshot().Slots[f.slots[1]]
	if len(desk.SIPUsername) < 12 || len(desk.SIPSecret) < 24 || desk.SIPUsername == soft.SIPUsername || desk.SIPSecret == soft.SIPSecret {
		t.Errorf("SIP accounts are not random: %q and %q", desk.SIPUsername, soft.SIPUsername)
	}
	var mobile *directory.Slot
	f.update(func(tx *store.Tx) error {
		var err error
		mobile, err = tx.CreateSlot(directory.Slot{UserID: f.anna, Type: directory.Mobile, MobileNumber: "+4917139200001"})
		if err != nil {
			return err
		}
		_, err = tx.CreateSlot(directory.Slot{UserID: f.anna, Type: directory.Mobile, MobileNumber: "+4917139200002"})
		return err
	})
	if mobile.SIPUsername != "" || mobile.SIPSecret != "" || mobile.Position != 2 {
		t.Errorf("mobile slot: got %+v, want no SIP account at position 2", mobile)
	}
	f.update(func(tx *store.Tx) error {
		s, err := tx.ResetSlotSecret(desk.ID, 1)
		if err == nil && (s.SIPSecret == desk.SIPSecret || s.SIPUsername != desk.SIPUsername) {
			err = errors.New("secret is the old one, or the name a new one")
		}
		return err
	})
	f.update(func(tx *store.Tx) error {
		_, err := tx.UpdateSlot(desk.ID, 2, func(s *directory.Slot) {
			s.Name, s.DND = "Tisch", true
			s.SIPUsername, s.SIPSecret, s.Type, s.UserID = "a", "b", "c", "d" // must have no effect
		})
		return err
	})
	if got := f.st.Snapshot().Slots[desk.ID]; got.Name != "Tisch" || !got.DND || got.SIPUsername != desk.SIPUsername || got.Version != 3 {
		t.Errorf("slot after update: got %+v", got)
	}
	f.stored()
	refusals := map[string]struct {
		field string
		fn    func(tx *store.Tx) error
	}{
		"type": {"type", func(tx *store.Tx) error {
			_, err := tx.CreateSlot(directory.Slot{UserID: f.anna, Type: "toaster"})
			return err
		}},
		"mobile without number": {"mobile_number", func(tx *store.Tx) error {
			_, err := tx.CreateSlot(directory.Slot{UserID: f.anna, Type: directory.Mobile})
			return err
		}},
		"desk phone with mobile number": {"mobile_number", func(tx *store.Tx) error {
			_, err := tx.CreateSlot(directory.Slot{UserID: f.anna, Type: directory.Desk, MobileNumber: "+4917139200001"})
			return err
		}},
		"secret of a mobile slot": {"type", func(tx *store.Tx) error {
			_, err := tx.ResetSlotSecret(mobile.ID, 0)
			return err
		}},
		"default number without tick": {"default_number", func(tx *store.Tx) error {
			_, err := tx.UpdateSlot(desk.ID, 0, func(s *directory.Slot) { s.DefaultNumber = "11" })
			return err
		}},
	}
	for name, r := range refusals {
		t.Run(name, func(t *testing.T) { invalidField(t, f.refused(r.fn), r.field) })
	}
	f.update(func(tx *store.Tx) error { return tx.DeleteSlot(mobile.ID, 0) })
	if got := len(f.st.Snapshot().Columns[f.anna]); got != 3 {
		t.Errorf("slots after removal: got %d, want 3", got)
	}
	f.stored()
}

func matrix(t *testing.T, database string) {
	f := newFixture(t, database)
	before := f.st.Snapshot().MatrixVersions[f.anna]
	var version int64
	f.update(func(tx *store.Tx) error {
		var err error // slots in the wrong order, one of them twice
		version, err = tx.SetMatrix(f.anna, map[string][]string{"11": {f.slots[1], f.slots[0], f.slots[1]}, "12": {f.slots[1]}}, before)
		return err
	})
	snap := f.st.Snapshot()
	if diff := cmp.Diff(map[string][]string{"11": f.slots, "12": f.slots[1:]}, snap.Ticks); diff != "" {
		t.Errorf("ticks (-want +got):\n%s", diff)
	}
	if version != before+1 || snap.MatrixVersions[f.anna] != version {
		t.Errorf("version: got %d, want %d", version, before+1)
	}
	f.stored()
	err := f.refused(func(tx *store.Tx) error {
		_, err := tx.SetMatrix(f.anna, nil, before)
		return err
	})
	if !errors.Is(err, store.ErrConflict) {
		t.Errorf("matrix of an old version: got %v, want ErrConflict", err)
	}
	f.update(func(tx *store.Tx) error {
		_, err := tx.SetMatrix(f.anna, map[string][]string{"11": {f.slots[1]}}, version)
		return err
	})
	if diff := cmp.Diff(map[string][]string{"11": f.slots[1:]}, f.st.Snapshot().Ticks); diff != "" {
		t.Errorf("ticks, a number left out has none (-want +got):\n%s", diff)
	}
	f.stored()
	f.update(func(tx *store.Tx) error { return tx.DeleteSlot(f.slots[1], 0) })
	if len(f.st.Snapshot().Ticks) != 0 {
		t.Errorf("ticks of a removed slot: got %v", f.st.Snapshot().Ticks)
	}
	f.stored()
}

func matrixRefused(t *testing.T, database string) {
	f := newFixture(t, database)
	var other []string
	f.update(func(tx *store.Tx) error {
		var err error
		_, other, err = person(tx, "bert", []string{"21"}, directory.Desk)
		return err
	})
	for name, m := range map[string]map[string][]string{
		"number of another": {"21": {f.slots[0]}},
		"no such number":    {"99": {}},
		"slot of another":   {"11": {f.slots[0], other[0]}},
		"no such slot":      {"11": {"x"}},
	} {
		err := f.refused(func(tx *store.Tx) error {
			_, err := tx.SetMatrix(f.anna, m, 0)
			return err
		})
		for number := range m {
			t.Run(name, func(t *testing.T) { invalidField(t, err, number) })
		}
	}
}

func defaultNumber(t *testing.T, database string) {
	f := newFixture(t, database)
	slot := f.slots[0]
	f.update(func(tx *store.Tx) error {
		if _, err := tx.SetMatrix(f.anna, map[string][]string{"11": {slot}, "12": {slot}}, 0); err != nil {
			return err
		}
		_, err := tx.UpdateSlot(slot, 0, func(s *directory.Slot) { s.DefaultNumber = "12" })
		return err
	})
	if got := f.st.Snapshot().DefaultNumber(slot); got != "12" {
		t.Errorf("default number: got %s, want 12", got)
	}
	f.update(func(tx *store.Tx) error {
		_, err := tx.SetMatrix(f.anna, map[string][]string{"11": {slot}}, 0)
		return err
	})
	snap := f.st.Snapshot()
	if got := snap.DefaultNumber(slot); got != "11" || snap.Slots[slot].DefaultNumber != "" {
		t.Errorf("default number whose tick is gone: got %s, want 11", got)
	}
	f.stored()
	f.update(func(tx *store.Tx) error {
		if _, err := tx.UpdateSlot(slot, 0, func(s *directory.Slot) { s.DefaultNumber = "11" }); err != nil {
			return err
		}
		return tx.RemoveNumber("11", 0)
	})
	if got := f.st.Snapshot().Slots[slot].DefaultNumber; got != "" {
		t.Errorf("default number that was removed: got %s", got)
	}
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
			_, err := tx.UpdateGroup("sales", 9, "x")
			return err
		},
	} {
		t.Run(name, func(t *testing.T) { f.refused(fn) })
	}
	f.update(func(tx *store.Tx) error {
		if _, err := tx.UpdateGroup("sales", 1, "Vertrieb"); err != nil {
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
