package merge

import (
	"fmt"
	"testing"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// company builds snapshots by hand.
type company struct{ *directory.Snapshot }

func newCompany() company { return company{directory.NewSnapshot()} }

// person adds a user with one number and one slot that is ticked for it; "" for none.
func (c company) person(username, first, last, number string, typ directory.SlotType) *directory.User {
	id := fmt.Sprintf("u-%03d", len(c.Users))
	u := &directory.User{ID: id, Username: username, FirstName: first, LastName: last, Language: "de", Version: 1}
	c.Users[id], c.ByName[username], c.MatrixVersions[id] = u, u, 1
	if number != "" {
		c.number(u, number)
	}
	if typ != "" {
		s := c.slot(u, typ, string(typ))
		if number != "" {
			c.Ticks[number] = []string{s.ID}
		}
	}
	return u
}

func (c company) number(u *directory.User, number string) {
	c.Numbers[number] = &directory.Number{Number: number, OwnerType: directory.OwnerUser, OwnerID: u.ID, Position: len(c.Rows[u.ID]), Version: 1}
	c.Rows[u.ID] = append(c.Rows[u.ID], number)
}

func (c company) slot(u *directory.User, typ directory.SlotType, name string) *directory.Slot {
	s := &directory.Slot{ID: fmt.Sprintf("s-%s-%d", u.Username, len(c.Columns[u.ID])), UserID: u.ID, Type: typ, Name: name, Position: len(c.Columns[u.ID]), Version: 1}
	c.Slots[s.ID] = s
	c.Columns[u.ID] = append(c.Columns[u.ID], s.ID)
	return s
}

func (c company) profile(u *directory.User, name string, rules ...directory.CaseRule) *directory.Profile {
	p := &directory.Profile{ID: fmt.Sprintf("p-%s-%d", u.Username, len(c.ProfilesOf[u.ID])), UserID: u.ID, Name: name, Position: len(c.ProfilesOf[u.ID]), Table: rules, Version: 1}
	c.Profiles[p.ID] = p
	c.ProfilesOf[u.ID] = append(c.ProfilesOf[u.ID], p.ID)
	return p
}

func (c company) group(name string, members ...*directory.User) {
	c.Groups[name] = &directory.Group{ID: "g-" + name, Name: name, Title: name, Type: directory.GroupUser, Version: 1}
	for _, u := range members {
		c.Members[name] = append(c.Members[name], u.ID)
	}
	c.IndexMembers()
}

func parallelCall(class directory.Class, numbers ...string) directory.CaseRule {
	return directory.CaseRule{Case: directory.Always, Class: class, Action: directory.Action{Kind: directory.ToParallel, Numbers: numbers}}
}

// artmann is the man of the source document: three accounts, of which the first rings the others as well.
func artmann() (company, *directory.User) {
	c := newCompany()
	armin := c.person("armin.artmann", "Armin", "Artmann", "416", directory.Desk)
	c.person("armin.artmann.d", "Armin", "Artmann", "4161", directory.DECT)
	c.person("armin.artmann.m", "Armin", "Artmann", "4162", directory.Mobile)
	c.profile(armin, "Umleitung aus 4.5", parallelCall(directory.FromInside, "4161", "4162"), parallelCall(directory.FromOutside, "4161", "4162"),
		directory.CaseRule{Case: directory.NoAnswer, Class: directory.FromInside, After: 25, Action: directory.Action{Kind: directory.ToVoicemail}})
	return c, armin
}

// propose returns the only proposal.
func (c company) propose(t *testing.T, choice Choice) *Proposal {
	t.Helper()
	groups := New(c.Snapshot).Find()
	if len(groups) != 1 {
		t.Fatalf("%d groups: %+v", len(groups), groups)
	}
	p, err := New(c.Snapshot).Propose(&groups[0], choice)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
