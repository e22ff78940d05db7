package app

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/store"
	"github.com/koppelfeld/koppelfeld/internal/store/storetest"
	"github.com/koppelfeld/koppelfeld/routing"
)

// codeUser is a user with number 4711 and a desk phone, among the example company.
func codeUser(t *testing.T, language string) (*store.Store, routing.Order) {
	t.Helper()
	a, err := New(t.Context(), testConfig(t), Options{Example: true, Out: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.close)
	var o routing.Order
	_, err = a.store.Update(t.Context(), store.Change{Actor: "test"}, func(tx *store.Tx) error {
		u, err := tx.CreateUser(directory.User{Username: "vera", FirstName: "Vera", LastName: "Voss", Language: language})
		if err != nil {
			return err
		}
		n, err := tx.AddNumber(directory.Number{Number: "4711", OwnerType: directory.OwnerUser, OwnerID: u.ID})
		if err != nil {
			return err
		}
		s, err := tx.CreateSlot(directory.Slot{UserID: u.ID, Type: directory.Desk, Name: "desk"})
		if err != nil {
			return err
		}
		o = routing.Order{UserID: u.ID, SlotID: s.ID, Number: n.Number}
		_, err = tx.CreateProfile(directory.Profile{UserID: u.ID, Name: "Home"})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return a.store, o
}

// TestCodes: what each code leaves in the configuration.
func TestCodes(t *testing.T) {
	st, o := codeUser(t, "en")
	profile := func() string {
		s := st.Snapshot()
		p := s.Profiles[s.Numbers["4711"].ProfileID]
		if p == nil {
			return "none"
		}
		if len(p.Table) != 2 {
			return p.Name
		}
		return p.Name + " to " + p.Table[0].Action.Number + " and " + p.Table[1].Action.Number
	}
	slot := func() *directory.Slot { return st.Snapshot().Slots[o.SlotID] }
	for _, tc := range []struct {
		action, argument string
		err              error
		invalid          bool
		want             func() bool
	}{
		{action: routing.CodeForwardOn, err: errNeverSet},
		{action: routing.CodeDNDOn, want: func() bool { return slot().DND }},
		{action: routing.CodeDNDOn, want: func() bool { return slot().DND }},
		{action: routing.CodeDNDOff, want: func() bool { return !slot().DND }},
		{action: routing.CodeWaitingOn, want: func() bool { return st.Snapshot().Numbers["4711"].CallWaiting }},
		{action: routing.CodeWaitingOff, want: func() bool { return !st.Snapshot().Numbers["4711"].CallWaiting }},
		{action: routing.CodeHideNumbersOn, want: func() bool { return st.Snapshot().Users[o.UserID].HideOutside }},
		{action: routing.CodeHideNumbersOff, want: func() bool { return !st.Snapshot().Users[o.UserID].HideOutside }},
		{action: routing.CodeProfile, argument: "1", want: func() bool { return profile() == "Home" }},
		{action: routing.CodeProfile, argument: "2", err: errPosition, want: func() bool { return profile() == "Home" }},
		{action: routing.CodeProfile, argument: "99999999999999999999", err: errPosition},
		{action: routing.CodeProfile, argument: "0", want: func() bool { return profile() == "none" }},
		{action: routing.CodeForwardTo, argument: "416", want: func() bool { return profile() == "Phone to 416 and 416" }},
		{action: routing.CodeForwardTo, argument: "417", want: func() bool { return profile() == "Phone to 417 and 417" }},
		{action: routing.CodeForwardTo, argument: "98765", invalid: true, want: func() bool { return profile() == "Phone to 417 and 417" }},
		{action: routing.CodeForwardTo, argument: "112", invalid: true},
		{action: routing.CodeForwardTo, argument: "4711", invalid: true, want: func() bool { return profile() == "Phone to 417 and 417" }},
		{action: routing.CodeForwardOff, want: func() bool { return profile() == "none" }},
		{action: routing.CodeForwardTo, argument: "98765", invalid: true, want: func() bool { return profile() == "none" }},
		{action: routing.CodeForwardOn, want: func() bool { return profile() == "Phone to 417 and 417" }},
		{action: routing.CodeEcho, err: errNothing},
	} {
		o.Action, o.Argument = tc.action, tc.argument
		err := codes{st}.Command(t.Context(), o)
		if tc.invalid != errors.As(err, new(*directory.InvalidError)) || !tc.invalid && !errors.Is(err, tc.err) || tc.err == nil && !tc.invalid && err != nil {
			t.Errorf("%s %s: %v", tc.action, tc.argument, err)
		}
		if tc.want != nil && !tc.want() {
			t.Errorf("after %s %s: profile %s, slot %+v", tc.action, tc.argument, profile(), slot())
		}
	}
	if n := len(st.Snapshot().ProfilesOf[o.UserID]); n != 2 {
		t.Errorf("%d profiles", n)
	}
}

// TestCodesOfOthers: a number that is shown but not one's own stays as it is, and so does everything when the user is gone.
func TestCodesOfOthers(t *testing.T) {
	st, o := codeUser(t, "de")
	o.Action = routing.CodeForwardOff
	o.Number = "416"
	if err := (codes{st}).Command(t.Context(), o); !errors.Is(err, errNotOwn) {
		t.Error(err)
	}
	o.Action, o.Number, o.Argument = routing.CodeForwardTo, "4711", "416"
	if err := (codes{st}).Command(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	s := st.Snapshot()
	if p := s.Profiles[s.Numbers["4711"].ProfileID]; p == nil || p.Name != "Telefon" {
		t.Errorf("%+v", p)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	o.Action = routing.CodeForwardOff
	if err := (codes{st}).Command(ended, o); !errors.Is(err, context.Canceled) || st.Snapshot().Numbers["4711"].ProfileID == "" {
		t.Errorf("%v", err)
	}
	o.UserID = "gone"
	if err := (codes{st}).Command(t.Context(), o); !errors.Is(err, errUserGone) {
		t.Error(err)
	}
}

// TestForwardToKeepsOwnProfiles: a profile of the user's own is never overwritten by the code, whatever its name is; that which the code has made
// is used again under whatever name the user has given it.
func TestForwardToKeepsOwnProfiles(t *testing.T) {
	st := storetest.Open(t, storetest.Config(t, "sqlite"))
	var user, own string
	_, err := st.Update(t.Context(), store.Change{Actor: "test"}, func(tx *store.Tx) error {
		u, err := tx.CreateUser(directory.User{Username: "anna"})
		if err != nil {
			return err
		}
		user = u.ID
		for _, n := range []string{"21", "22", "23"} {
			if _, err := tx.AddNumber(directory.Number{Number: n, OwnerType: directory.OwnerUser, OwnerID: user}); err != nil {
				return err
			}
		}
		p, err := tx.CreateProfile(directory.Profile{UserID: user, Name: "telefon", Table: []directory.CaseRule{
			{Case: directory.Always, Class: directory.FromInside, Action: directory.Action{Kind: directory.ToNumber, Number: "22"}},
		}})
		own = p.ID
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	forward := func(to string) *directory.Profile {
		t.Helper()
		o := routing.Order{Action: routing.CodeForwardTo, UserID: user, Number: "21", Argument: to}
		if err := (codes{st}).Command(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		s := st.Snapshot()
		return s.Profiles[s.Numbers["21"].ProfileID]
	}
	made := forward("23")
	if made.ID == own || made.Name != "Telefon 2" || !made.ByCode || made.Table[0].Action.Number != "23" {
		t.Errorf("made %+v", made)
	}
	if p := st.Snapshot().Profiles[own]; len(p.Table) != 1 || p.Table[0].Action.Number != "22" || p.ByCode {
		t.Errorf("the own profile is %+v", p)
	}
	_, err = st.Update(t.Context(), store.Change{Actor: "test"}, func(tx *store.Tx) error {
		_, err := tx.UpdateProfile(made.ID, 0, func(p *directory.Profile) { p.Name, p.ByCode = "Unterwegs", false })
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if again := forward("22"); again.ID != made.ID || again.Name != "Unterwegs" || again.Table[0].Action.Number != "22" {
		t.Errorf("again %+v", again)
	}
}

// TestTakesArgument: routing and the directory agree on which codes are followed by something.
func TestTakesArgument(t *testing.T) {
	st := storetest.Open(t, storetest.Config(t, "sqlite"))
	for action := range st.Snapshot().Codes {
		if action.TakesArgument() != routing.TakesArgument(string(action)) {
			t.Errorf("%s: they differ", action)
		}
	}
}
