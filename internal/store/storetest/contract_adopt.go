package storetest

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/store"
)

// adopt takes over users of another system with their SIP accounts, and finds each in one row of the audit log.
func adopt(t *testing.T, database string) {
	f := newFixture(t, database)
	first := f.st.Snapshot().Revision
	var id string
	f.update(func(tx *store.Tx) error {
		return tx.Adopt(func() error {
			u, err := tx.AdoptUser(directory.User{Username: "ben", FirstName: "Ben", HideOutside: true, PINHash: "$argon2id$of 4711"})
			if err != nil {
				return err
			}
			id = u.ID
			if _, err := tx.AddNumber(directory.Number{Number: "21", OwnerType: directory.OwnerUser, OwnerID: id, CallWaiting: true}); err != nil {
				return err
			}
			s, err := tx.AdoptSlot(directory.Slot{UserID: id, Type: directory.Desk, SIPUsername: "21", SIPSecret: "known to the telephone"})
			if err != nil {
				return err
			}
			if _, err := tx.SetMatrix(id, map[string][]string{"21": {s.ID}}, 0); err != nil {
				return err
			}
			if err := tx.AddMember(directory.Admins, id); err != nil {
				return err
			}
			if _, err := tx.CreateGroup(directory.Group{Name: "sales", Title: "Sales", Type: directory.GroupUser}); err != nil {
				return err
			}
			if err := tx.AddMember("sales", f.anna); err != nil {
				return err
			}
			_, err = tx.CreateProfile(directory.Profile{UserID: id, Name: "Away", Table: []directory.CaseRule{{Case: directory.Always, Class: directory.FromInside, Action: directory.Action{Kind: directory.Reject}}}})
			return err
		})
	})
	f.stored()
	snap := f.st.Snapshot()
	u := snap.Users[id]
	if u == nil || u.PINHash != "$argon2id$of 4711" || !u.HideOutside || u.Own&directory.SettingHideOutside == 0 || slices.Contains(snap.MemberOf[id], directory.VisibleUsers) {
		t.Fatalf("user: got %+v in %v", u, snap.MemberOf[id])
	}
	if s := snap.Slots[snap.Columns[id][0]]; s.SIPUsername != "21" || s.SIPSecret != "known to the telephone" || !snap.Ticked("21", s.ID) {
		t.Errorf("slot: got %+v", s)
	}
	adoptedInAudit(t, f, first, id)
	adoptRefused(f)
}

// adoptedInAudit looks for the one row of the user, and for those of others.
func adoptedInAudit(t *testing.T, f *fixture, first int64, id string) {
	t.Helper()
	entries, _, err := f.st.ListAudit(t.Context(), store.AuditFilter{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		if e.Revision <= first {
			continue
		}
		got = append(got, e.Action+" "+e.ObjectName)
		if e.Action != "adopt" {
			continue
		}
		var after struct {
			PIN      string              `json:"pin"`
			Groups   []string            `json:"groups"`
			Profiles []string            `json:"profiles"`
			Matrix   map[string][]string `json:"matrix"`
			Slots    []struct {
				Name   string `json:"sip_username"`
				Secret string `json:"sip_secret"`
			} `json:"slots"`
		}
		if err := json.Unmarshal(e.After, &after); err != nil {
			t.Fatal(err)
		}
		if e.ObjectID != id || after.PIN != "***" || len(after.Slots) != 1 || after.Slots[0].Name != "21" || after.Slots[0].Secret != "***" || len(after.Matrix["21"]) != 1 ||
			!slices.Equal(after.Groups, []string{directory.Admins}) || !slices.Equal(after.Profiles, []string{"Away"}) || strings.Contains(string(e.After), "known to") {
			t.Errorf("row of the user: got %s", e.After)
		}
	}
	slices.Sort(got)
	if want := []string{"add_member sales", "adopt ben", "create sales"}; !slices.Equal(got, want) {
		t.Errorf("audit log: got %q, want %q", got, want)
	}
}

func adoptRefused(f *fixture) {
	f.t.Helper()
	for field, s := range map[string]directory.Slot{
		"sip_username": {Type: directory.Desk, SIPUsername: "two words", SIPSecret: "x"},
		"sip_secret":   {Type: directory.Desk, SIPUsername: "22", SIPSecret: "line\nbreak"},
	} {
		s.UserID = f.anna
		f.refusedField(field, func(tx *store.Tx) error { _, err := tx.AdoptSlot(s); return err })
	}
	f.refusedField("sip_username", func(tx *store.Tx) error {
		_, err := tx.AdoptSlot(directory.Slot{UserID: f.anna, Type: directory.Mobile, MobileNumber: "+491711234567", SIPUsername: "22"})
		return err
	})
	err := f.refused(func(tx *store.Tx) error {
		_, err := tx.AdoptSlot(directory.Slot{UserID: f.anna, Type: directory.Desk, SIPUsername: "21"})
		return err
	})
	if !errors.Is(err, store.ErrTaken) {
		f.t.Errorf("SIP user name taken: got %v", err)
	}
	f.update(func(tx *store.Tx) error { // what is not given is made, and what is removed can be taken again
		old := tx.Snapshot().Slots[tx.Snapshot().Columns[tx.Snapshot().ByName["ben"].ID][0]]
		if _, err := tx.AdoptSlot(directory.Slot{UserID: f.anna, Type: directory.Desk}); err != nil {
			return err
		}
		if err := tx.DeleteSlot(old.ID, 0); err != nil {
			return err
		}
		s, err := tx.AdoptSlot(directory.Slot{UserID: f.anna, Type: directory.Desk, SIPUsername: "21"})
		if err == nil && (s.SIPSecret == "" || s.SIPUsername != "21") {
			f.t.Errorf("slot without a password: got %+v", s)
		}
		return err
	})
	f.stored()
}
