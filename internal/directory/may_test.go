package directory_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

func TestMay(t *testing.T) {
	s := company()
	for name, typ := range map[string]directory.GroupType{"lines": directory.GroupFax, directory.AllFaxes: directory.GroupFax, directory.AllUsers: directory.GroupUser, "staff": directory.GroupUser} {
		s.Groups[name] = &directory.Group{ID: "id-" + name, Name: name, Type: typ}
	}
	s.Members["lines"], s.Members["staff"] = []string{"id-" + directory.AllFaxes}, []string{"id-" + directory.AllUsers}
	s.IndexMembers()
	s.Grants = []directory.Grant{
		{Group: "inner", Permission: directory.MayPickUp, Objects: directory.AllUsers},
		{Group: "outer", Permission: directory.MayFax, Objects: "lines"},
		{Group: "staff", Permission: directory.MayDial},
	}
	tests := []struct {
		name, user string
		p          directory.Permission
		object     string
		through    []string // nil: not allowed
	}{
		{"member", "a", directory.MayPickUp, "b", []string{"inner"}},
		{"no member", "b", directory.MayPickUp, "a", nil},
		{"no such object", "a", directory.MayPickUp, "none", nil},
		{"object of another type", "a", directory.MayPickUp, "d", nil},
		{"group in a group, line in a computed group in a group", "a", directory.MayFax, "Fax", []string{"inner", "outer"}},
		{"no such line", "a", directory.MayFax, "Fax alt", nil},
		{"through a computed group", "b", directory.MayDial, "", []string{directory.AllUsers, "staff"}},
		{"administrator", "a", directory.MayAdmin, "", []string{"inner", "outer", directory.Admins}},
		{"no administrator", "b", directory.MayAdmin, "", nil},
		{"what was not granted", "a", directory.MayIntercom, "b", nil},
		{"nobody", "none", directory.MayDial, "", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			v := s.May(test.user, test.p, test.object)
			if v.Allowed != (test.through != nil) {
				t.Errorf("got %+v", v)
			}
			if diff := cmp.Diff(test.through, v.Through); diff != "" {
				t.Errorf("through (-want +got):\n%s", diff)
			}
		})
	}
}

// crowd is a snapshot with many users in all, and 200 groups one inside the other,
// of which the innermost holds the first user.
func crowd(users int) *directory.Snapshot {
	s := directory.NewSnapshot()
	for i := range users {
		id := fmt.Sprintf("u%05d", i)
		s.Users[id] = &directory.User{ID: id}
		s.Members[directory.VisibleUsers] = append(s.Members[directory.VisibleUsers], id)
		for k := range 3 {
			n := fmt.Sprintf("%d%05d", k+1, i)
			s.Numbers[n] = &directory.Number{Number: n, OwnerType: directory.OwnerUser, OwnerID: id}
		}
	}
	s.Groups[directory.VisibleUsers] = &directory.Group{ID: "visible", Name: directory.VisibleUsers}
	inner := "u00000"
	for i := range 200 {
		g := &directory.Group{ID: fmt.Sprintf("id%03d", i), Name: fmt.Sprintf("g%03d", i), Type: directory.GroupUser}
		s.Groups[g.Name], s.Members[g.Name] = g, []string{inner}
		inner = g.ID
	}
	s.IndexMembers()
	for i := range 200 {
		s.Grants = append(s.Grants, directory.Grant{Group: fmt.Sprintf("g%03d", i), Permission: directory.MayIntercom, Objects: directory.AllUsers})
	}
	s.Grants = append(s.Grants, directory.Grant{Group: "g199", Permission: directory.MayPickUp, Objects: directory.VisibleUsers})
	return s
}

// BenchmarkGroups measures, with 10,000 users and 200 groups one inside the other, what a call may ask.
func BenchmarkGroups(b *testing.B) {
	s := crowd(10_000)
	for name, ask := range map[string]func() bool{
		"in/direct":   func() bool { return s.InGroup("g000", "u00000") },
		"in/deepest":  func() bool { return s.InGroup("g199", "u00000") },
		"in/no":       func() bool { return !s.InGroup("g199", "u09999") },
		"in/nobody":   func() bool { return !s.InGroup(directory.AllUsers, "nobody") },
		"may/deepest": func() bool { return s.May("u00000", directory.MayPickUp, "u09999").Allowed },
		"may/no":      func() bool { return !s.May("u09999", directory.MayPickUp, "u00000").Allowed },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !ask() {
					b.Fatal("wrong answer")
				}
			}
		})
	}
}
