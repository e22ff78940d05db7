package transfer

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/store"
	"github.com/koppelfeld/koppelfeld/internal/store/storetest"
)

// change changes a store, which must work.
func change(t testing.TB, st *store.Store, fn func(tx *store.Tx) error) {
	t.Helper()
	if _, err := st.Update(t.Context(), store.Change{Actor: "test"}, fn); err != nil {
		t.Fatal(err)
	}
}

// person makes a user with numbers, each ticked for a desk phone.
func person(tx *store.Tx, username, last string, numbers ...string) error {
	u, err := tx.CreateUser(directory.User{Username: username, FirstName: strings.ToUpper(username[:1]), LastName: last})
	if err != nil {
		return err
	}
	s, err := tx.CreateSlot(directory.Slot{UserID: u.ID, Type: directory.Desk, Name: "desk"})
	ticks := map[string][]string{}
	for _, n := range numbers {
		_, failed := tx.AddNumber(directory.Number{Number: n, OwnerType: directory.OwnerUser, OwnerID: u.ID})
		err = errors.Join(err, failed)
		if err == nil {
			ticks[n] = []string{s.ID}
		}
	}
	if err == nil {
		_, err = tx.SetMatrix(u.ID, ticks, 0)
	}
	return err
}

// company makes a server with anna and bert in sales and clara outside of it.
func company(t testing.TB) *store.Store {
	t.Helper()
	st := storetest.New(t)
	change(t, st, func(tx *store.Tx) error {
		err := errors.Join(person(tx, "anna", "Adler", "11", "12"), person(tx, "bert", "Baum", "21"), person(tx, "clara", "Claus", "31"))
		if err != nil {
			return err
		}
		_, err = tx.CreateGroup(directory.Group{Name: "sales", Title: "Vertrieb", Type: directory.GroupUser, Parameters: directory.Parameters{CallWaiting: new(true)}})
		by := tx.Snapshot().ByName
		_, failed := tx.CreatePickupGroup(directory.PickupGroup{Name: "Flur", Users: []string{by["anna"].ID, by["clara"].ID}})
		return errors.Join(err, failed, tx.AddMember("sales", by["anna"].ID), tx.AddMember("sales", by["bert"].ID),
			tx.AddGrant(directory.Grant{Group: "sales", Permission: directory.MayPickUp, Objects: "sales"}))
	})
	return st
}

// ofOthers is all of a server but what belongs to some users.
func ofOthers(t *testing.T, st *store.Store, without ...string) *Contents {
	t.Helper()
	c := opened(t, exported(t, st, Choice{What: []What{WhatUsers, WhatPhones}}, ""), "")
	c.Manifest, c.secrets = Manifest{}, &secretsPart{}
	c.Users = slices.DeleteFunc(c.Users, func(u User) bool { return slices.Contains(without, u.Username) })
	c.Slots = slices.DeleteFunc(c.Slots, func(s Slot) bool { return slices.Contains(without, s.User) })
	for i := range c.Slots {
		c.secrets.Slots = append(c.secrets.Slots, SlotSecret{c.Slots[i].ID, st.Snapshot().Slots[c.Slots[i].ID].SIPSecret})
	}
	return c
}

func TestReplaceOneGroup(t *testing.T) {
	st := company(t)
	file := opened(t, exported(t, st, Choice{Groups: []string{"sales"}}, passphrase), passphrase)
	if got := usernames(file); !slices.Equal(got, []string{"anna", "bert"}) {
		t.Fatalf("the file has %q", got)
	}
	change(t, st, func(tx *store.Tx) error { // much happens to all of them
		by := tx.Snapshot().ByName
		_, e1 := tx.AddNumber(directory.Number{Number: "13", OwnerType: directory.OwnerUser, OwnerID: by["anna"].ID})
		_, e2 := tx.UpdateUser(by["anna"].ID, 0, func(u *directory.User) { u.Username, u.LastName = "anna.neu", "Neu" })
		_, e3 := tx.UpdateNumber("31", 0, func(n *directory.Number) { n.MaxCalls = 7 })
		_, e4 := tx.CreateProfile(directory.Profile{UserID: by["bert"].ID, Name: "Urlaub"})
		_, e5 := tx.CreateSlot(directory.Slot{UserID: by["clara"].ID, Type: directory.DECT})
		_, e6 := tx.ResetSlotSecret(tx.Snapshot().Columns[by["bert"].ID][0], 0)
		return errors.Join(e1, e2, e3, e4, e5, e6, tx.RemoveNumber("12", 0), tx.AddMember("sales", by["clara"].ID), person(tx, "dora", "Dorn", "12"))
	})
	before := ofOthers(t, st, "anna", "anna.neu", "bert")
	r, err := imported(t, st, file, How{Mode: Replace})
	var conflicts *ConflictsError
	if !errors.As(err, &conflicts) || !slices.Equal(listed(r, Conflict), []string{"conflict number anna 12 (taken number: number 12 belongs to dora (D Dorn) here)"}) {
		t.Fatalf("12 belongs to dora now: %v, %q", err, listed(r, Conflict))
	}
	if diff := cmp.Diff(before, ofOthers(t, st, "anna", "anna.neu", "bert"), unexported); diff != "" {
		t.Fatal("a refused import has changed something:", diff)
	}
	change(t, st, func(tx *store.Tx) error { return tx.RemoveNumber("12", 0) })
	before = ofOthers(t, st, "anna", "anna.neu", "bert")
	mustImport(t, st, file, How{Mode: Replace})
	if diff := cmp.Diff(before, ofOthers(t, st, "anna", "bert"), unexported); diff != "" {
		t.Error("others have changed:", diff)
	}
	if diff := cmp.Diff(file.Users, opened(t, exported(t, st, Choice{Groups: []string{"sales"}}, ""), "").Users); diff != "" {
		t.Error("the group is not as it was:", diff)
	}
	snap := st.Snapshot()
	if clara := snap.ByName["clara"]; snap.InGroup("sales", clara.ID) || !slices.Contains(snap.Members["visible_users"], clara.ID) {
		t.Errorf("clara is in %v", snap.MemberOf[clara.ID])
	}
	for _, g := range snap.PickupGroups {
		if len(g.Users) != 2 {
			t.Errorf("a pickup group that came in part has lost members: %v", g.Users)
		}
	}
	secret := file.secrets.Slots[slices.IndexFunc(file.secrets.Slots, func(s SlotSecret) bool {
		return s.SIPUsername == snap.Slots[snap.Columns[snap.ByName["bert"].ID][0]].SIPUsername
	})].SIPSecret
	if got := snap.Slots[snap.Columns[snap.ByName["bert"].ID][0]].SIPSecret; got != secret {
		t.Error("the SIP password of the file has not come back")
	}
}

var unexported = cmp.AllowUnexported(Contents{}, secretsPart{}, usersPart{}, phonesPart{}, groupsPart{}, systemPart{})

func usernames(c *Contents) []string {
	var out []string
	for i := range c.Users {
		out = append(out, c.Users[i].Username)
	}
	return out
}

func TestNumbersChangePlaces(t *testing.T) {
	st := company(t)
	file := opened(t, exported(t, st, Choice{Users: []string{"anna", "bert"}}, ""), "")
	change(t, st, func(tx *store.Tx) error {
		by := tx.Snapshot().ByName
		err := errors.Join(tx.RemoveNumber("11", 0), tx.RemoveNumber("21", 0))
		_, e1 := tx.AddNumber(directory.Number{Number: "11", OwnerType: directory.OwnerUser, OwnerID: by["bert"].ID})
		_, e2 := tx.AddNumber(directory.Number{Number: "21", OwnerType: directory.OwnerUser, OwnerID: by["anna"].ID})
		return errors.Join(err, e1, e2)
	})
	if r, err := imported(t, st, file, How{Mode: Merge}); err == nil || r.Count(KindNumber, Conflict) != 2 {
		t.Errorf("merging takes numbers from others: %v, %q", err, listed(r, Changed, Conflict))
	}
	mustImport(t, st, file, How{Mode: Replace})
	snap := st.Snapshot()
	if !slices.Equal(snap.Rows[snap.ByName["anna"].ID], []string{"11", "12"}) || !slices.Equal(snap.Rows[snap.ByName["bert"].ID], []string{"21"}) {
		t.Errorf("got %v", snap.Rows)
	}
}

// TestConflicts holds each kind of conflict to its code and sentence. What is in conflict stays as it is, with all that hangs on it; the rest comes.
func TestConflicts(t *testing.T) {
	for _, test := range []struct {
		name   string
		here   func(tx *store.Tx) error
		file   func(c *Contents)
		want   []string
		absent []string // users and numbers that do not come
	}{
		{
			name: "another person",
			here: func(tx *store.Tx) error { return person(tx, "anna", "Zander") },
			want: []string{"conflict user  anna (other_person username: username anna belongs to A Zander here, who is another person than A Adler: rename one of them)"}, absent: []string{"11", "12"},
		},
		{
			name: "a number",
			here: func(tx *store.Tx) error { return person(tx, "emil", "Ernst", "21") },
			want: []string{"conflict number bert 21 (taken number: number 21 belongs to emil (E Ernst) here)"},
		},
		{
			name: "a SIP user name",
			here: func(tx *store.Tx) error {
				return tx.Adopt(func() error {
					u, err := tx.AdoptUser(directory.User{Username: "emil"})
					if err == nil {
						_, err = tx.AdoptSlot(directory.Slot{UserID: u.ID, Type: directory.Desk, SIPUsername: "same-account"})
					}
					return err
				})
			},
			file: func(c *Contents) { c.Slots[0].SIPUsername = "same-account" },
			want: []string{"conflict slot anna desk (taken : SIP user name same-account is taken)"},
		},
		{
			name: "a group of another type",
			here: func(tx *store.Tx) error {
				_, err := tx.CreateGroup(directory.Group{Name: "sales", Title: "x", Type: directory.GroupSlot})
				return err
			},
			want: []string{"conflict group  sales (type type: group sales is one of type slot here, and of type user in the file)"},
		},
		{
			name: "what this server would refuse anyway",
			file: func(c *Contents) { c.Users[0].Email, c.Users[1].Numbers[0].Settings.MaxCalls = "nobody", new(-1) },
			want: []string{
				"conflict user  anna (invalid email: is not an e-mail address of at most 254 bytes)",
				"conflict number bert 21 (invalid max_calls: must be 0 (no limit) to 10000)",
			},
			absent: []string{"anna", "11", "12", "21"},
		},
		{
			name: "more profiles than a user may have",
			file: func(c *Contents) {
				for i := range directory.MaxProfiles + 1 {
					c.Users[0].Profiles = append(c.Users[0].Profiles, Profile{Name: strings.Repeat("x", i+1)})
				}
			},
			want: []string{"conflict profile anna " + strings.Repeat("x", directory.MaxProfiles+1) + " (invalid name: user has 50 profiles already)"},
		},
		{
			name: "an ID that is none",
			file: func(c *Contents) { c.Users[0].ID = "../../etc/passwd" },
			want: []string{"conflict user  anna (invalid id: is none of a user)"}, absent: []string{"anna"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := opened(t, exported(t, company(t), Choice{Groups: []string{"sales"}}, ""), "")
			if test.file != nil {
				test.file(c)
			}
			st := storetest.New(t)
			if test.here != nil {
				change(t, st, test.here)
			}
			before := st.Snapshot()
			r, err := imported(t, st, c, How{Mode: Merge})
			if diff := cmp.Diff(test.want, listed(r, Conflict)); diff != "" || err == nil {
				t.Errorf("conflicts (-want +got): %v\n%s", err, diff)
			}
			if st.Snapshot() != before {
				t.Error("something has changed")
			}
			mustImport(t, st, c, How{Mode: Merge, SkipConflicts: true})
			snap := st.Snapshot()
			if snap.ByName["bert"] == nil {
				t.Error("the rest has not come")
			}
			for _, name := range test.absent {
				if u := snap.ByName[name]; u != nil || snap.Numbers[name] != nil {
					t.Errorf("%s has come", name)
				}
			}
		})
	}
}

func TestWhatIsElsewhereIsKept(t *testing.T) {
	source := company(t)
	chosen := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	change(t, source, func(tx *store.Tx) error {
		anna := tx.Snapshot().ByName["anna"].ID
		p, err := tx.CreateProfile(directory.Profile{UserID: anna, Name: "Zu Clara", Table: []directory.CaseRule{
			{Case: directory.Always, Class: directory.FromOutside, Action: directory.Action{Kind: directory.ToNumber, Number: "31"}},
		}})
		if err != nil {
			return err
		}
		_, err = tx.AdoptForwarding("11", p.ID, chosen, nil)
		_, failed := tx.CreateHuntGroup(directory.HuntGroup{Name: "Zentrale", Number: "60", Strategy: directory.RingAll, Seconds: 30, Members: []string{"11", "31"}})
		return errors.Join(err, failed, tx.RemoveMember("visible_users", anna))
	})
	c := opened(t, exported(t, source, Choice{Users: []string{"anna"}}, ""), "")
	target := storetest.New(t)
	r := mustImport(t, target, c, How{Mode: Merge})
	snap := target.Snapshot()
	anna := snap.ByName["anna"]
	if n := snap.Numbers["11"]; snap.Profiles[n.ProfileID].Name != "Zu Clara" || !n.ProfileChosen.Equal(chosen) || snap.Numbers["31"] != nil {
		t.Errorf("11 goes to a number that is not here yet: %+v", n)
	}
	if snap.InGroup("visible_users", anna.ID) || !snap.InGroup("sales", anna.ID) {
		t.Errorf("anna is in %v", snap.MemberOf[anna.ID])
	}
	if g := snap.Groups["sales"]; g.Parameters != (directory.Parameters{}) || len(snap.Grants) != 0 {
		t.Errorf("a group that came in part has brought rights: %+v, %v", g, snap.Grants)
	}
	if len(snap.HuntGroups) != 1 || !slices.Equal(snap.HuntGroups[snap.Numbers["60"].OwnerID].Members, []string{"11"}) {
		t.Errorf("hunt groups: %v", snap.HuntGroups)
	}
	if r.NewSecrets != 1 || r.NoPassword != 1 {
		t.Errorf("told of %d SIP passwords and %d users without", r.NewSecrets, r.NoPassword)
	}
	if anna.ID != source.Snapshot().ByName["anna"].ID {
		t.Error("the ID has not come along")
	}
	// The next one moves: the hunt group grows, and nothing of anna changes.
	next := opened(t, exported(t, source, Choice{Users: []string{"clara"}}, ""), "")
	if r := mustImport(t, target, next, How{Mode: Merge}); r.Count(KindHunt, Changed) != 1 {
		t.Errorf("got %q", listed(r, New, Changed))
	}
	snap = target.Snapshot()
	if !slices.Equal(snap.HuntGroups[snap.Numbers["60"].OwnerID].Members, []string{"11", "31"}) {
		t.Errorf("hunt group: %v", snap.HuntGroups[snap.Numbers["60"].OwnerID])
	}
}

func TestLicenceIsAsked(t *testing.T) {
	c := opened(t, exported(t, company(t), Choice{}, ""), "")
	st := storetest.New(t)
	var have, more int
	refused := errors.New("the licence is for 2 users")
	_, err := imported(t, st, c, How{Mode: Merge, MayCreateUsers: func(h, m int) error { have, more = h, m; return refused }})
	if !errors.Is(err, refused) || have != 1 || more != 3 || len(st.Snapshot().Users) != 1 {
		t.Errorf("got %v with %d and %d users", err, have, more)
	}
	change(t, st, func(tx *store.Tx) error {
		return errors.Join(person(tx, "anna", "Adler"), person(tx, "bert", "Baum"), person(tx, "clara", "Claus"))
	})
	mustImport(t, st, c, How{Mode: Merge, MayCreateUsers: func(int, int) error { t.Error("asked for users who are here"); return refused }})
}

func TestAuditShowsWhatCame(t *testing.T) {
	c := opened(t, exported(t, company(t), Choice{}, passphrase), passphrase)
	st := storetest.New(t)
	mustImport(t, st, c, How{Mode: Merge})
	entries, _, err := st.ListAudit(t.Context(), store.AuditFilter{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	adopted := 0
	for _, e := range entries {
		if e.Action == "adopt" && e.Source == "import" {
			adopted++
		}
		for _, s := range c.secrets.Slots {
			if strings.Contains(string(e.Before)+string(e.After), s.SIPSecret) {
				t.Errorf("the audit log shows a SIP password: %s %s", e.Action, e.ObjectName)
			}
		}
	}
	if adopted != 3 {
		t.Errorf("%d of 3 users are in the audit log", adopted)
	}
}
