package directory_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// nested is a snapshot with anna and bert and groups of users: what stands before a colon holds what stands behind it, users by their ID.
func nested(groups ...string) *directory.Snapshot {
	s := company()
	s.Groups, s.Members = map[string]*directory.Group{}, map[string][]string{}
	for _, line := range groups {
		name, _, _ := strings.Cut(line, ":")
		s.Groups[name] = &directory.Group{ID: "id-" + name, Name: name, Title: strings.ToUpper(name), Type: directory.GroupUser}
	}
	for _, line := range groups {
		name, members, _ := strings.Cut(line, ":")
		for _, m := range strings.Fields(members) {
			if s.Groups[m] != nil {
				m = "id-" + m
			}
			s.Members[name] = append(s.Members[name], m)
		}
	}
	s.IndexMembers()
	return s
}

func TestGivers(t *testing.T) {
	const all = directory.AllUsers + ":"
	tests := []struct {
		name   string
		groups []string
		silent string // groups that give nothing
		want   string
	}{
		{"no group", []string{all, "x: b"}, "", "users"},
		{"group of one's own before all users", []string{all, "x: a"}, "", "x users"},
		{"two on one level by name", []string{all, "y: a", "x: a", "z: a"}, "", "x y z users"},
		{"the nearer one first, whatever its name", []string{all, "c: x", "x: a"}, "", "x c users"},
		{"as near as the shortest way", []string{all, "x: a", "c: x", "top: c a"}, "", "top x c users"},
		{"one level up by name, over all ways", []string{all, "x: a", "y: a", "p: y", "o: x", "n: y"}, "", "x y n o p users"},
		{"levels do not mix", []string{all, "m: a", "far: near", "near: m", "c: m"}, "", "m c near far users"},
		{"what gives nothing is left out, and climbed through", []string{all, "x: a", "y: x"}, "x", "y users"},
		{"all users give nothing", []string{all, "x: a"}, directory.AllUsers, "x"},
		{"above all users comes last", []string{all, "c: users", "x: a"}, "", "x users c"},
		{"above all users and near", []string{all, "c: users a", "x: a"}, "", "c x users"},
		{"a circle, as in damaged data", []string{all, "x: a y", "y: x"}, "", "x y users"},
		{"another's group", []string{all, "x: b", "y: x"}, "", "users"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := nested(test.groups...)
			for name, g := range s.Groups {
				if name != test.silent {
					g.Parameters.CallWaiting = new(true)
				}
			}
			var got []string
			for _, g := range s.Givers("a") {
				got = append(got, g.Name)
			}
			if diff := cmp.Diff(test.want, strings.Join(got, " ")); diff != "" {
				t.Errorf("givers (-want +got):\n%s", diff)
			}
		})
	}
	s := nested(all, "x: a")
	s.Groups["x"].Parameters.CallWaiting, s.Groups["x"].Type = new(true), directory.GroupSlot
	if got := s.Givers("a"); got != nil {
		t.Errorf("a group of slots gives: %v", got)
	}
	if got := s.Givers("none"); got != nil {
		t.Errorf("nobody takes from %v", got)
	}
}

func TestFollowing(t *testing.T) {
	sales := &directory.Group{Name: "sales", Parameters: directory.Parameters{CallWaiting: new(true), MaxCalls: new(2), Language: new("en"), HideOutside: new(true)}}
	staff := &directory.Group{Name: "staff", Parameters: directory.Parameters{CallWaiting: new(false), RingInside: new("Bellcore-dr2"), TimeZone: new("Europe/Berlin"), Language: new("de")}}
	groups := []*directory.Group{sales, staff}
	tests := []struct {
		name string
		n    directory.Number
		want directory.Number
		from string
	}{
		{"each from the first that gives it", directory.Number{}, directory.Number{CallWaiting: true, MaxCalls: 2, RingInside: "Bellcore-dr2"}, "call_waiting sales, max_calls sales, ring_inside staff"},
		{
			"its own before any group's",
			directory.Number{CallWaiting: false, RingInside: "", Own: directory.SettingCallWaiting | directory.SettingRingInside},
			directory.Number{MaxCalls: 2},
			"max_calls sales",
		},
		{
			"what nobody gives is the system's",
			directory.Number{BusyOnAny: true, RingOutside: "Bellcore-dr8", Own: directory.SettingMaxCalls, MaxCalls: 7},
			directory.Number{CallWaiting: true, MaxCalls: 7, RingInside: "Bellcore-dr2"},
			"call_waiting sales, ring_inside staff",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := test.n.Following(groups)
			test.want.Own = test.n.Own
			from := sources(got.From)
			want := got.Following(groups)
			if want != got {
				t.Error("what follows already is copied")
			}
			if got.From = nil; cmp.Diff(test.want, *got) != "" || from != test.from {
				t.Errorf("got from %s, want %s; number (-want +got):\n%s", from, test.from, cmp.Diff(test.want, *got))
			}
		})
	}
	u := (&directory.User{Language: "de", Own: directory.SettingTimeZone}).Following(groups)
	if u.Language != "en" || u.TimeZone != "" || !u.HideOutside || u.HideInside || sources(u.From) != "language sales, hide_number_outside sales" {
		t.Errorf("user: got %+v", u)
	}
	if u = u.Following(nil); u.Language != "de" || u.HideOutside || u.From != nil {
		t.Errorf("user without groups: got %+v", u)
	}
	// The value stays, but another group gives it.
	n := (&directory.Number{}).Following([]*directory.Group{sales})
	if got := n.Following([]*directory.Group{{Name: "other", Parameters: sales.Parameters}}); got == n || got.From.Of(directory.SettingMaxCalls) != "other" {
		t.Errorf("another giver of the same value: got %+v", got)
	}
}

func sources(list directory.Sources) string {
	var out []string
	for _, from := range list {
		out = append(out, from.Setting.String()+" "+from.Group)
	}
	return strings.Join(out, ", ")
}

// TestClaim: what an edit changes is the object's own from then on; what it takes out of Own is not.
func TestClaim(t *testing.T) {
	follows := directory.Number{CallWaiting: true, From: directory.Sources{{Setting: directory.SettingCallWaiting, Group: "sales"}}}
	own := directory.Number{CallWaiting: true, MaxCalls: 3, Own: directory.SettingCallWaiting | directory.SettingMaxCalls}
	tests := []struct {
		name string
		old  *directory.Number
		edit func(*directory.Number)
		want directory.Settings
	}{
		{"nothing", &follows, func(*directory.Number) {}, 0},
		{"another value than the group's", &follows, func(n *directory.Number) { n.CallWaiting = false }, directory.SettingCallWaiting},
		{"the group's value as one's own", &follows, func(n *directory.Number) { n.Own |= directory.SettingCallWaiting }, directory.SettingCallWaiting},
		{"given up", &own, func(n *directory.Number) { n.Own &^= directory.SettingCallWaiting }, directory.SettingMaxCalls},
		{"given up and changed", &own, func(n *directory.Number) { n.Own, n.CallWaiting = 0, false }, 0},
		{"changed", &own, func(n *directory.Number) { n.MaxCalls = 0 }, own.Own},
		{"new, with what is not the system's", nil, func(n *directory.Number) { n.RingOutside, n.BusyOnAny = "Bellcore-dr1", true }, directory.SettingRingOutside | directory.SettingBusyOnAny},
		{"not a setting of numbers", &follows, func(n *directory.Number) { n.Own |= directory.SettingLanguage }, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			n := directory.Number{}
			if test.old != nil {
				n = *test.old
			}
			test.edit(&n)
			if n.Claim(test.old); n.Own != test.want {
				t.Errorf("own: got %v, want %v", n.Own.Each(), test.want.Each())
			}
		})
	}
	u := directory.User{Language: "en", HideInside: true}
	if u.Claim(nil); u.Own != directory.SettingLanguage|directory.SettingHideInside {
		t.Errorf("new user: got %v", u.Own.Each())
	}
	if k := (&directory.Number{CallWaiting: true, MaxCalls: 3, Own: directory.SettingMaxCalls}).Kept(); k.CallWaiting || k.MaxCalls != 3 {
		t.Errorf("kept: got %+v", k)
	}
}

func TestParameters(t *testing.T) {
	all := directory.Parameters{
		CallWaiting: new(false), BusyOnAny: new(false), MaxCalls: new(0), RingInside: new(""), RingOutside: new(""),
		Language: new("en"), TimeZone: new(""), HideInside: new(false), HideOutside: new(false),
	}
	if got := all.Given(); got != directory.NumberSettings|directory.UserSettings {
		t.Errorf("given: got %v", got.Each())
	}
	if got := (&directory.Parameters{TimeZone: new("UTC")}).Given(); got != directory.SettingTimeZone {
		t.Errorf("given: got %v", got.Each())
	}
	tests := []struct {
		name string
		g    directory.Group
		want []string
	}{
		{"all", directory.Group{Type: directory.GroupUser, Parameters: all}, nil},
		{"none of a group of slots", directory.Group{Type: directory.GroupSlot}, nil},
		{"of a group of slots", directory.Group{Type: directory.GroupSlot, Parameters: all}, []string{"parameters"}},
		{"wrong", directory.Group{Type: directory.GroupUser, Parameters: directory.Parameters{
			MaxCalls: new(-1), RingInside: new("loud"), RingOutside: new("Bellcore-dr9"), Language: new(""), TimeZone: new("Mars/Olympus"),
		}}, []string{"parameters.max_calls", "parameters.ring_inside", "parameters.ring_outside", "parameters.language", "parameters.time_zone"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.g.Name, test.g.Title = "g", "G"
			if diff := cmp.Diff(test.want, fields(test.g.Validate())); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
		})
	}
}

func TestUsersIn(t *testing.T) {
	s := nested(directory.AllUsers+":", "x: a", "y: x", "z: y b", "staff: users", "ring: knot", "knot: ring b")
	for group, want := range map[string]string{"x": "a", "y": "a", "z": "a b", "staff": "a b", "users": "a b", "ring": "b", "none": ""} {
		got := s.UsersIn(group)
		slices.Sort(got)
		if strings.Join(got, " ") != want {
			t.Errorf("%s: got %v, want %s", group, got, want)
		}
		for _, id := range []string{"a", "b"} { // the other way round
			if s.Groups[group] != nil && s.InGroup(group, id) != slices.Contains(got, id) {
				t.Errorf("%s: InGroup and UsersIn disagree about %s", group, id)
			}
		}
	}
}
