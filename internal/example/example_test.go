package example_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/example"
	"github.com/koppelfeld/koppelfeld/internal/store"
	"github.com/koppelfeld/koppelfeld/internal/store/storetest"
)

func TestLoad(t *testing.T) {
	st := storetest.New(t)
	first, err := example.Load(t.Context(), st)
	if err != nil {
		t.Fatal(err)
	}
	snap := st.Snapshot()
	if got, want := len(snap.Users), 5; got != want {
		t.Errorf("users: got %d, want %d", got, want)
	}
	if got, want := len(first), 4*4+1; got != want { // mobile slots have no account
		t.Errorf("accounts: got %d, want %d", got, want)
	}
	var ringing []directory.SlotType
	for _, id := range snap.Ticks["416"] {
		ringing = append(ringing, snap.Slots[id].Type)
	}
	if diff := cmp.Diff([]directory.SlotType{directory.Desk, directory.DECT, directory.Softphone}, ringing); diff != "" {
		t.Errorf("slots that ring for 416 (-want +got):\n%s", diff)
	}
	if n := snap.Numbers["403"]; n == nil || n.OwnerType != directory.OwnerFaxLine || n.OwnerID != "Fax Buchhaltung" {
		t.Errorf("fax line 403: got %+v", n)
	}
	supervisor := snap.ByName[store.Supervisor]
	if supervisor.FullName() != "Richard Rudolf" || !snap.IsAdmin(supervisor.ID) || !slices.Equal(snap.Rows[supervisor.ID], []string{"410"}) {
		t.Errorf("supervisor: got %+v with numbers %v", supervisor, snap.Rows[supervisor.ID])
	}

	second, err := example.Load(t.Context(), st)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("accounts after a second load (-first +second):\n%s", diff)
	}
	if got := st.Snapshot().Revision; got != snap.Revision {
		t.Errorf("revision after a second load: got %d, want %d", got, snap.Revision)
	}
}

func TestLoadNumberTaken(t *testing.T) {
	st := storetest.New(t)
	_, err := st.Update(t.Context(), store.Change{Actor: "test"}, func(tx *store.Tx) error {
		_, err := tx.AddNumber(directory.Number{Number: "4161", OwnerType: directory.OwnerFaxLine, OwnerID: "Fax alt"})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var taken *store.TakenError
	if _, err := example.Load(t.Context(), st); !errors.As(err, &taken) || taken.OwnerName != "Fax alt" {
		t.Errorf("got %v, want a *store.TakenError that names Fax alt", err)
	}
	if st.Snapshot().ByName["armin.artmann"] != nil {
		t.Error("a load that failed has left a user")
	}
}

func TestGenerate(t *testing.T) {
	st := storetest.New(t)
	if err := example.Generate(t.Context(), st, 20); err != nil {
		t.Fatal(err)
	}
	snap := st.Snapshot()
	if len(snap.Users) != 21 || len(snap.Numbers) != 60 || len(snap.Slots) != 60 {
		t.Errorf("got %d users, %d numbers, %d slots; want 21, 60, 60", len(snap.Users), len(snap.Numbers), len(snap.Slots))
	}
	if got := len(snap.Ticks[example.Number(7, 0)]); got != 3 {
		t.Errorf("ticks of the first number: got %d, want 3", got)
	}
}
