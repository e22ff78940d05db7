package directory_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/koppelfeld/koppelfeld/internal/corpus"
	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// fields lists the fields that err names.
func fields(err error) []string {
	var names []string
	for _, e := range directory.Invalid(err) {
		names = append(names, e.Field)
	}
	return names
}

func TestValidate(t *testing.T) {
	tests := []struct {
		name   string
		object interface{ Validate() error }
		want   []string
	}{
		{"user", &directory.User{Username: "armin.artmann", Language: "de", Email: "a@b.example", TimeZone: "Europe/Berlin"}, nil},
		{"shortest user", &directory.User{Username: "a", Language: "en"}, nil},
		{"all fields of a user", &directory.User{
			Username: ".a", FirstName: "\x00", LastName: strings.Repeat("ä", 65), Email: "Armin <a@b.example>", Language: "x", TimeZone: "Local", PasswordHash: strings.Repeat("x", 256),
		}, []string{"username", "first_name", "last_name", "email", "language", "time_zone", "password"}},
		{"number", &directory.Number{Number: "416", OwnerType: directory.OwnerUser, OwnerID: "u", RingInside: "Bellcore-dr1", MaxCalls: 1}, nil},
		{"fax line", &directory.Number{Number: "401", OwnerType: directory.OwnerFaxLine, OwnerID: "Fax Zentrale"}, nil},
		{"all fields of a number", &directory.Number{Number: "+4", OwnerType: "x", MaxCalls: 10001, RingInside: "x", RingOutside: "Bellcore-dr0", DisplayName: " x"}, []string{"number", "owner_type", "max_calls", "ring_inside", "ring_outside", "display_name"}},
		{"number without owner", &directory.Number{Number: "1", OwnerType: directory.OwnerUser}, []string{"owner_id"}},
		{"slot", &directory.Slot{Type: directory.UCC, Name: "UCC-Client", DefaultNumber: "416"}, nil},
		{"mobile slot", &directory.Slot{Type: directory.Mobile, Name: "x", MobileNumber: "+4917139200001"}, nil},
		{"all fields of a slot", &directory.Slot{Type: "x", DefaultNumber: "x", MobileNumber: "+49171"}, []string{"type", "name", "default_number", "mobile_number"}},
		{"mobile slot with a national number", &directory.Slot{Type: directory.Mobile, Name: "x", MobileNumber: "017139200001"}, []string{"mobile_number"}},
		{"group", &directory.Group{Name: "sales", Title: "Verkauf", Type: directory.GroupFax}, nil},
		{"all fields of a group", &directory.Group{Name: "A B", Type: "x"}, []string{"name", "title", "type"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := test.object.Validate()
			if diff := cmp.Diff(test.want, fields(err)); diff != "" {
				t.Errorf("wrong fields (-want +got), error %v:\n%s", err, diff)
			}
			if wrapped := fmt.Errorf("creating: %w", err); len(test.want) > 0 && len(fields(wrapped)) != len(test.want) {
				t.Errorf("wrapped: got %v", fields(wrapped))
			}
		})
	}
	if got := directory.Invalid(errors.New("other")); got != nil {
		t.Errorf("other error: got %v", got)
	}
}

func TestCheckPassword(t *testing.T) {
	for password, good := range map[string]bool{
		"correct horse": true, "12345678": true, "äöüßäöüß": true, "äöüß": false, "1234567": false, "": false, "aaaaaaaaaaaa": false, "ääääääää": false,
		"abcdefgh\xff": false, strings.Repeat("ab", 513): false,
	} {
		if err := directory.CheckPassword(password); (err == nil) != good {
			t.Errorf("%q: got %v", password, err)
		}
	}
}

func FuzzValidate(f *testing.F) {
	corpus.Add(f)
	f.Add("armin.artmann", "416", "a@b.example")
	f.Add("a\r\nVia: x", "+49", "\xff")
	f.Fuzz(func(t *testing.T, name, number, mail string) {
		u := directory.User{Username: name, Language: "de", Email: mail, LastName: name}
		if u.Validate() == nil && strings.ContainsAny(name+mail, "\r\n\x00") {
			t.Errorf("control characters accepted: %+v", u)
		}
		if directory.ValidNumber(number) && strings.Trim(number, "0123456789") != "" {
			t.Errorf("number accepted: %q", number)
		}
	})
}

// company is a snapshot with anna (numbers 11, 12, slots d and s) and groups.
func company() *directory.Snapshot {
	s := directory.NewSnapshot()
	anna := &directory.User{ID: "a", Username: "anna", FirstName: "Anna", LastName: "Adler"}
	bert := &directory.User{ID: "b", Username: "bert"}
	for _, u := range []*directory.User{anna, bert} {
		s.Users[u.ID], s.ByName[u.Username] = u, u
	}
	for i, n := range []string{"11", "12"} {
		s.Numbers[n] = &directory.Number{Number: n, OwnerType: directory.OwnerUser, OwnerID: "a", Position: i}
	}
	s.Numbers["40"] = &directory.Number{Number: "40", OwnerType: directory.OwnerFaxLine, OwnerID: "Fax"}
	s.Slots["d"] = &directory.Slot{ID: "d", UserID: "a", Type: directory.Desk}
	s.Slots["s"] = &directory.Slot{ID: "s", UserID: "a", Type: directory.Softphone, DefaultNumber: "12"}
	s.Rows["a"], s.Columns["a"] = []string{"11", "12"}, []string{"d", "s"}
	s.Ticks["11"], s.Ticks["12"] = []string{"d", "s"}, []string{"s"}
	for _, name := range []string{directory.Admins, "inner", "outer"} {
		s.Groups[name] = &directory.Group{ID: "id-" + name, Name: name, Type: directory.GroupUser}
	}
	s.Members["inner"] = []string{"a", "id-outer"} // a circle, as damaged data may have
	s.Members["outer"] = []string{"id-inner"}
	s.Members[directory.Admins] = []string{"id-outer"}
	s.IndexMembers()
	return s
}

func TestSnapshot(t *testing.T) {
	s := company()
	for slot, want := range map[string]string{"d": "11", "s": "12", "none": ""} {
		if got := s.DefaultNumber(slot); got != want {
			t.Errorf("default number of slot %s: got %q, want %q", slot, got, want)
		}
	}
	if diff := cmp.Diff([]string{"11", "12"}, s.TickedNumbers("s")); diff != "" {
		t.Errorf("numbers of slot s (-want +got):\n%s", diff)
	}
	s.Slots["d"].DefaultNumber = "12" // not ticked
	if got := s.DefaultNumber("d"); got != "11" {
		t.Errorf("default number that is not ticked: got %s", got)
	}
	m := s.Matrix("a")
	m["11"][0] = "changed"
	if s.Ticks["11"][0] != "d" {
		t.Error("Matrix is no copy")
	}
	for n, want := range map[string]string{"11": "anna (Anna Adler)", "40": "Fax"} {
		if got := s.OwnerName(s.Numbers[n]); got != want {
			t.Errorf("owner of %s: got %q, want %q", n, got, want)
		}
	}
	b := s.Belongings("a")
	if len(b.Numbers) != 2 || len(b.Slots) != 2 || b.Ticks != 3 || len(b.Groups) != 1 {
		t.Errorf("belongings: got %+v", b)
	}
}

func TestGroups(t *testing.T) {
	s := company()
	tests := []struct {
		group, object string
		want          bool
	}{
		{"inner", "a", true},
		{"outer", "a", true},
		{directory.Admins, "a", true},
		{"outer", "b", false},
		{directory.AllUsers, "b", true},
		{directory.AllUsers, "none", false},
		{directory.AllSlots, "d", true},
		{directory.AllSlots, "a", false},
		{directory.AllFaxes, "Fax", true},
		{directory.AllFaxes, "Fax alt", false},
		{directory.AllQueues, "a", false},
		{"none", "a", false},
	}
	for _, test := range tests {
		if got := s.InGroup(test.group, test.object); got != test.want {
			t.Errorf("%s in %s: got %v, want %v", test.object, test.group, got, test.want)
		}
	}
	if !s.IsAdmin("a") || s.IsAdmin("b") || s.IsAdmin("none") {
		t.Error("IsAdmin is wrong")
	}
}
