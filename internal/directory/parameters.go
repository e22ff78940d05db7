package directory

import "slices"

// Settings is a set of those settings of numbers and users that groups of users can give to their members (SPEC G1). It is kept in the
// database, so a setting never gets another bit.
type Settings uint16

// The settings.
const (
	SettingCallWaiting Settings = 1 << iota
	SettingBusyOnAny
	SettingMaxCalls
	SettingRingInside
	SettingRingOutside
	SettingLanguage
	SettingTimeZone
	SettingHideInside
	SettingHideOutside
)

// NumberSettings are those of numbers, UserSettings those of users.
const (
	NumberSettings = SettingCallWaiting | SettingBusyOnAny | SettingMaxCalls | SettingRingInside | SettingRingOutside
	UserSettings   = SettingLanguage | SettingTimeZone | SettingHideInside | SettingHideOutside
)

// settingNames are the names in the HTTP API, in the order of the bits.
var settingNames = []string{
	"call_waiting", "busy_on_any", "max_calls", "ring_inside", "ring_outside",
	"language", "time_zone", "hide_number_inside", "hide_number_outside",
}

// Each lists the settings of the set one by one.
func (s Settings) Each() []Settings {
	var out []Settings
	for i := range settingNames {
		if one := Settings(1) << i; s&one != 0 {
			out = append(out, one)
		}
	}
	return out
}

// String names the first setting of the set as the HTTP API does.
func (s Settings) String() string {
	for i, name := range settingNames {
		if s&(1<<i) != 0 {
			return name
		}
	}
	return ""
}

// Parameters are what a group of users gives to its members: a value for each setting that is given, nil for the others (SPEC G1). What they
// point to is never changed.
type Parameters struct {
	CallWaiting *bool   `json:"call_waiting,omitempty" doc:"Whether slots that are in a call ring"`
	BusyOnAny   *bool   `json:"busy_on_any,omitempty" doc:"Whether further callers of a number get busy while a call runs over it"`
	MaxCalls    *int    `json:"max_calls,omitempty" minimum:"0" maximum:"10000" doc:"Calls at once over a number, 0 for no limit"`
	RingInside  *string `json:"ring_inside,omitempty" pattern:"^(Bellcore-dr[1-8])?$" patternDescription:"empty or Bellcore-dr1 to Bellcore-dr8" doc:"Alert-Info for inside callers"`
	RingOutside *string `json:"ring_outside,omitempty" pattern:"^(Bellcore-dr[1-8])?$" patternDescription:"empty or Bellcore-dr1 to Bellcore-dr8" doc:"Alert-Info for outside callers"`
	Language    *string `json:"language,omitempty" enum:"de,en"`
	TimeZone    *string `json:"time_zone,omitempty" maxLength:"64" doc:"IANA name, empty for the server's"`
	HideInside  *bool   `json:"hide_number_inside,omitempty" doc:"No number is shown to callees inside"`
	HideOutside *bool   `json:"hide_number_outside,omitempty" doc:"No number is shown to callees outside; emergency calls always show one"`
}

// standard is what holds where neither the object nor a group says anything.
var standard = Parameters{
	CallWaiting: new(false), BusyOnAny: new(false), MaxCalls: new(0), RingInside: new(""), RingOutside: new(""),
	Language: new("de"), TimeZone: new(""), HideInside: new(false), HideOutside: new(false),
}

// Given is the set of the settings that have a value.
func (p *Parameters) Given() Settings {
	return new(Number).take(p, NumberSettings) | new(User).take(p, UserSettings)
}

// take gives to the number those of the wanted settings that p has, and returns them.
func (n *Number) take(p *Parameters, want Settings) Settings {
	return give(&n.CallWaiting, p.CallWaiting, want&SettingCallWaiting) |
		give(&n.BusyOnAny, p.BusyOnAny, want&SettingBusyOnAny) |
		give(&n.MaxCalls, p.MaxCalls, want&SettingMaxCalls) |
		give(&n.RingInside, p.RingInside, want&SettingRingInside) |
		give(&n.RingOutside, p.RingOutside, want&SettingRingOutside)
}

// take is to User what Number.take is to Number.
func (u *User) take(p *Parameters, want Settings) Settings {
	return give(&u.Language, p.Language, want&SettingLanguage) |
		give(&u.TimeZone, p.TimeZone, want&SettingTimeZone) |
		give(&u.HideInside, p.HideInside, want&SettingHideInside) |
		give(&u.HideOutside, p.HideOutside, want&SettingHideOutside)
}

// give puts a value into a field, if there is one and it is wanted.
func give[T any](field, value *T, want Settings) Settings {
	if want == 0 || value == nil {
		return 0
	}
	*field = *value
	return want
}

// differs are the settings in which two numbers differ.
func (n *Number) differs(o *Number) Settings {
	return unlike(n.CallWaiting, o.CallWaiting, SettingCallWaiting) |
		unlike(n.BusyOnAny, o.BusyOnAny, SettingBusyOnAny) |
		unlike(n.MaxCalls, o.MaxCalls, SettingMaxCalls) |
		unlike(n.RingInside, o.RingInside, SettingRingInside) |
		unlike(n.RingOutside, o.RingOutside, SettingRingOutside)
}

func (u *User) differs(o *User) Settings {
	return unlike(u.Language, o.Language, SettingLanguage) |
		unlike(u.TimeZone, o.TimeZone, SettingTimeZone) |
		unlike(u.HideInside, o.HideInside, SettingHideInside) |
		unlike(u.HideOutside, o.HideOutside, SettingHideOutside)
}

func unlike[T comparable](a, b T, s Settings) Settings {
	if a == b {
		return 0
	}
	return s
}

// Claim makes the number's own what an edit of old has changed. A setting that was its own and is not in Own any more has been given up by the
// edit, whatever its value is now. A nil old stands for a new number with the system's settings.
func (n *Number) Claim(old *Number) {
	if old == nil {
		old = &Number{}
	}
	n.Own = claimed(n.Own, old.Own, n.differs(old)) & NumberSettings
}

// Claim is to User what Number.Claim is to Number.
func (u *User) Claim(old *User) {
	if old == nil {
		old = &User{Language: *standard.Language}
	}
	u.Own = claimed(u.Own, old.Own, u.differs(old)) & UserSettings
}

func claimed(now, before, differs Settings) Settings { return now | differs&^(before&^now) }

// Following returns the number with what it takes from the groups, the first of which counts most, wherever it has nothing of its own; that is the
// number itself when it has all of that already.
func (n *Number) Following(groups []*Group) *Number {
	c := *n
	c.From = nil
	follow(groups, NumberSettings&^n.Own, c.take, &c.From)
	if c.differs(n) == 0 && sameSources(c.From, n.From) {
		return n
	}
	return &c
}

// Following is to User what Number.Following is to Number.
func (u *User) Following(groups []*Group) *User {
	c := *u
	c.From = nil
	follow(groups, UserSettings&^u.Own, c.take, &c.From)
	if c.differs(u) == 0 && sameSources(c.From, u.From) {
		return u
	}
	return &c
}

func follow(groups []*Group, want Settings, take func(*Parameters, Settings) Settings, from *Sources) {
	for _, g := range groups {
		taken := take(&g.Parameters, want)
		want &^= taken
		for _, s := range taken.Each() {
			*from = append(*from, Source{s, g.Name})
		}
	}
	take(&standard, want)
}

// Kept is the number with the system's settings in place of those that are not its own: what is worth keeping of it.
func (n *Number) Kept() *Number {
	c := *n
	c.take(&standard, NumberSettings&^n.Own)
	c.From = nil
	return &c
}

// Kept is to User what Number.Kept is to Number.
func (u *User) Kept() *User {
	c := *u
	c.take(&standard, UserSettings&^u.Own)
	c.From = nil
	return &c
}

// Source says which group gives a setting.
type Source struct {
	Setting Settings
	Group   string // name
}

// Sources are the groups that give the settings of a number or user. What is neither in them nor its own is the system's setting.
type Sources []Source

// Of names the group that gives the setting, "" when none does.
func (f Sources) Of(s Settings) string {
	for _, from := range f {
		if from.Setting == s {
			return from.Group
		}
	}
	return ""
}

// Names reports whether the group gives any of the settings.
func (f Sources) Names(group string) bool {
	return slices.ContainsFunc(f, func(from Source) bool { return from.Group == group })
}

func sameSources(a, b Sources) bool { return slices.Equal(a, b) }

// Givers lists the groups from which a user takes what is not the user's own, the first of which counts most: groups that list the user
// before groups that hold those, and so on up; on one level by name; then the group of all users, and groups above that alone. Groups that
// give nothing are left out.
func (s *Snapshot) Givers(userID string) []*Group {
	if s.Users[userID] == nil {
		return nil
	}
	g := givers{snap: s, seen: map[string]bool{}}
	g.up(s.MemberOf[userID])
	if all := s.Groups[AllUsers]; all != nil {
		g.add(all)
		g.up(s.MemberOf[all.ID])
	}
	return g.giving
}

// givers climbs through the groups above a user, level by level.
type givers struct {
	snap   *Snapshot
	seen   map[string]bool
	giving []*Group
}

// up takes the groups of one level, by name, and then those above them.
func (g *givers) up(level []string) {
	for len(level) > 0 {
		var next []string
		for _, name := range level {
			group := g.snap.Groups[name]
			if group == nil || Computed(name) || g.seen[name] {
				continue
			}
			g.add(group)
			next = append(next, g.snap.MemberOf[group.ID]...)
		}
		slices.Sort(next)
		level = next
	}
}

func (g *givers) add(group *Group) {
	g.seen[group.Name] = true
	if group.Type == GroupUser && group.Parameters != (Parameters{}) {
		g.giving = append(g.giving, group)
	}
}

// UsersIn lists the users in a group, those of groups inside it included, in no order.
func (s *Snapshot) UsersIn(group string) []string {
	inner := make(map[string]*Group, len(s.Groups))
	for _, g := range s.Groups {
		inner[g.ID] = g
	}
	seen, users := map[string]bool{}, map[string]bool{}
	var down func(name string)
	down = func(name string) {
		if seen[name] {
			return
		}
		seen[name] = true
		if name == AllUsers {
			for id := range s.Users {
				users[id] = true
			}
			return
		}
		for _, id := range s.Members[name] {
			switch g := inner[id]; {
			case g != nil:
				down(g.Name)
			case s.Users[id] != nil:
				users[id] = true
			}
		}
	}
	down(group)
	out := make([]string, 0, len(users))
	for id := range users {
		out = append(out, id)
	}
	return out
}

// FollowGroups gives to all users and their numbers what they take from groups. internal/store does it when it has loaded a snapshot.
func (s *Snapshot) FollowGroups() {
	for id, u := range s.Users {
		groups := s.Givers(id)
		if f := u.Following(groups); f != u {
			s.Users[id], s.ByName[u.Username] = f, f
		}
		for _, n := range s.Rows[id] {
			s.Numbers[n] = s.Numbers[n].Following(groups)
		}
	}
	for number, n := range s.Numbers {
		if n.OwnerType != OwnerUser {
			s.Numbers[number] = n.Following(nil)
		}
	}
}

// check reports what is wrong with the parameters of a group.
func (p *Parameters) check(f *faults, typ GroupType) {
	if *p == (Parameters{}) {
		return
	}
	if typ != GroupUser {
		f.add("parameters", "belong to groups of users")
		return
	}
	n, u := Number{}, User{Language: *standard.Language}
	n.take(p, NumberSettings)
	u.take(p, UserSettings)
	n.checkSettings(f, "parameters.")
	u.checkSettings(f, "parameters.")
}
