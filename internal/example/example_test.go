package example_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/example"
	"github.com/koppelfeld/koppelfeld/internal/store"
	"github.com/koppelfeld/koppelfeld/internal/store/storetest"
	"github.com/koppelfeld/koppelfeld/routing/calendar"
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

	forwarding(t, snap)

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

// forwarding checks the profiles, groups and calendars of the company.
func forwarding(t *testing.T, snap *directory.Snapshot) {
	t.Helper()
	armin, iris := snap.ByName["armin.artmann"], snap.ByName["iris.immsee"]
	var names []string
	for _, id := range snap.ProfilesOf[armin.ID] {
		names = append(names, snap.Profiles[id].Name)
		if err := snap.Profiles[id].Check(snap); err != nil || len(snap.Profiles[id].Table) != 2 {
			t.Errorf("profile %+v: %v", snap.Profiles[id], err)
		}
	}
	if diff := cmp.Diff([]string{"Urlaub", "Betriebsferien"}, names); diff != "" {
		t.Errorf("profiles (-want +got):\n%s", diff)
	}
	if n := snap.Numbers["416"]; n.ProfileID != "" || n.Schedule != nil {
		t.Errorf("a profile is active for 416: %+v", n)
	}
	owner := snap.Numbers["430"]
	if owner == nil || snap.OwnerName(owner) != "Zentrale" || !slices.Equal(snap.HuntGroups[owner.OwnerID].Members, []string{"416", "417"}) {
		t.Errorf("hunt group: got %+v", owner)
	}
	for _, g := range snap.PickupGroups {
		if g.Name != "Vertrieb" || !slices.Equal(g.Users, []string{armin.ID, iris.ID}) {
			t.Errorf("pickup group: got %+v", g)
		}
	}
	for _, c := range snap.Calendars {
		e := c.Spec.Entries[0]
		if c.Name != "Geschäftszeiten" || c.Spec.Zone != "Europe/Berlin" || c.Spec.State != "HE" || e.From != 8*60 || e.To != 17*60 ||
			!e.Days.Has(time.Friday) || e.Days.Has(time.Saturday) || e.Holidays != calendar.NotOnHolidays {
			t.Errorf("calendar: got %+v", c)
		}
	}
	if len(snap.PickupGroups) != 1 || len(snap.Calendars) != 1 || len(snap.HuntGroups) != 1 {
		t.Errorf("got %d pickup groups, %d calendars, %d hunt groups; want one of each", len(snap.PickupGroups), len(snap.Calendars), len(snap.HuntGroups))
	}
}

// TestLoadChanged loads the groups of the company beside people who have changed.
func TestLoadChanged(t *testing.T) {
	st := storetest.New(t)
	if _, err := example.Load(t.Context(), st); err != nil {
		t.Fatal(err)
	}
	_, err := st.Update(t.Context(), store.Change{Actor: "test"}, func(tx *store.Tx) error {
		snap := tx.Snapshot()
		if err := tx.DeleteHuntGroup(snap.Numbers["430"].OwnerID, 0); err != nil {
			return err
		}
		return errors.Join(tx.RemoveNumber("417", 0), tx.DeleteProfile(snap.ProfilesOf[snap.ByName["armin.artmann"].ID][0], 0))
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := example.Load(t.Context(), st); err != nil {
		t.Fatal(err)
	}
	snap := st.Snapshot()
	if h := snap.HuntGroups[snap.Numbers["430"].OwnerID]; !slices.Equal(h.Members, []string{"416"}) {
		t.Errorf("hunt group: got %+v, want the member that is left", h)
	}
	if got := len(snap.ProfilesOf[snap.ByName["armin.artmann"].ID]); got != 1 {
		t.Errorf("profiles of a person who exists: got %d, want 1", got)
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
