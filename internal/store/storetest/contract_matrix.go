package storetest

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/store"
)

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
		RingInside: "Bellcore-dr2", RingOutside: "Bellcore-dr8", DisplayName: "Zentrale", Own: directory.NumberSettings, Version: 2,
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

func matrixOrder(t *testing.T, database string) {
	f := newFixture(t, database)
	slots := []string{f.slots[1], f.slots[0]}
	f.update(func(tx *store.Tx) error {
		_, err := tx.SetMatrix(f.anna, map[string][]string{"11": f.slots, "12": f.slots}, 0)
		return err
	})
	before := f.st.Snapshot()
	var version int64
	f.update(func(tx *store.Tx) error {
		var err error
		version, err = tx.OrderMatrix(f.anna, []string{"12", "11"}, slots, before.MatrixVersions[f.anna])
		return err
	})
	snap := f.st.Snapshot()
	if diff := cmp.Diff([]string{"12", "11"}, snap.Rows[f.anna]); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string][]string{"11": slots, "12": slots}, snap.Ticks); diff != "" {
		t.Errorf("ticks in the order of the columns (-want +got):\n%s", diff)
	}
	if got := snap.DefaultNumber(f.slots[0]); got != "12" {
		t.Errorf("first ticked number: got %s, want 12", got)
	}
	if before.Numbers["12"].Position != 1 || before.Rows[f.anna][0] != "11" {
		t.Error("the snapshot that was in force has changed")
	}
	if version != before.MatrixVersions[f.anna]+1 {
		t.Errorf("version: got %d, want one more than %d", version, before.MatrixVersions[f.anna])
	}
	f.stored()
	f.update(func(tx *store.Tx) error { // a new row comes last, whatever the order has been
		_, err := tx.AddNumber(directory.Number{Number: "10", OwnerType: directory.OwnerUser, OwnerID: f.anna})
		return err
	})
	if diff := cmp.Diff([]string{"12", "11", "10"}, f.st.Snapshot().Rows[f.anna]); diff != "" {
		t.Errorf("rows with a new one (-want +got):\n%s", diff)
	}
	f.stored()
	for name, c := range map[string]struct {
		numbers, slots []string
		field          string
	}{
		"number left out":  {[]string{"12", "11"}, nil, "numbers"},
		"number twice":     {[]string{"12", "11", "11"}, nil, "numbers"},
		"number unknown":   {[]string{"12", "11", "99"}, nil, "numbers"},
		"no slots at all":  {nil, []string{}, "slots"},
		"slot of somebody": {nil, []string{f.slots[0], "x"}, "slots"},
	} {
		err := f.refused(func(tx *store.Tx) error {
			_, err := tx.OrderMatrix(f.anna, c.numbers, c.slots, 0)
			return err
		})
		t.Run(name, func(t *testing.T) { invalidField(t, err, c.field) })
	}
	err := f.refused(func(tx *store.Tx) error {
		_, err := tx.OrderMatrix(f.anna, []string{"11", "12", "10"}, nil, version)
		return err
	})
	if !errors.Is(err, store.ErrConflict) {
		t.Errorf("order of an old version: got %v, want ErrConflict", err)
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
