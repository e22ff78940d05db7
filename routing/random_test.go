package routing

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"

	"github.com/koppelfeld/koppelfeld/routing/calendar"
)

// company makes a random configuration of everything: eight users with forwarding, hunt groups, system-wide rules, calendars, pickup groups and
// codes, with mistakes as old data may hold them. Rules name numbers up to 54, so that nobody but himself names those of user 7.
func (r rig) company() Config {
	c := Config{
		Features: []Feature{{Number: "401", OwnerType: OwnerFaxLine, OwnerID: "Fax"}},
		Globals:  r.globals(),
		Settings: Settings{Outside: r.IntN(4) > 0, Country: r.pick("", "49", "49"), RingTimeout: time.Duration(r.IntN(2)) * time.Minute},
	}
	for i := range 8 {
		c.Users = append(c.Users, r.person(i))
	}
	return c
}

// person is a user with forwarding.
func (r rig) person(id int) User {
	u := r.user(id, false)
	for i := range u.Slots {
		if u.Slots[i].Type == slotMobile && r.IntN(4) > 0 {
			u.Slots[i].Mobile = r.outside("+49")
		}
	}
	u.HideInside, u.HideOutside = r.IntN(6) == 0, r.IntN(4) == 0
	if id%2 == 0 { // groups give what half of the people have; it decides nothing
		u.From.HideInside.Name, u.From.HideOutside.Name = "sales", "staff"
		for i := range u.Numbers {
			u.Numbers[i].From = Givers{CallWaiting: Giver{Name: "sales"}, BusyOnAny: Giver{Name: "staff"}, MaxCalls: Giver{"users", "Alle"}}
		}
	}
	u.ShownInside, u.ShownOutside = []string{"60"}, []string{"60", "+49661100"}
	for range r.IntN(2) {
		u.Blocks = append(u.Blocks, Block{*r.match(), r.IntN(2) == 0})
		u.HasPIN = r.IntN(2) == 0
	}
	for p := range r.IntN(4) {
		profile := Profile{ID: fmt.Sprintf("p%d/%d", id, p), Name: r.pick("Urlaub", "")}
		for k := range r.IntN(6) {
			rule := r.rule()
			rule.Field = fmt.Sprintf("extended[%d]", k)
			profile.Rules = append(profile.Rules, rule)
		}
		u.Profiles = append(u.Profiles, profile)
	}
	for i := range u.Numbers {
		n := &u.Numbers[i]
		n.DisplayName = r.pick("", "Zentrale")
		if r.IntN(5) > 0 {
			n.Profile = fmt.Sprintf("p%d/%d", id, r.IntN(4))
		}
		if r.IntN(2) == 0 {
			n.Chosen = r.time()
		}
		if r.IntN(4) == 0 {
			n.Schedule = &Schedule{Calendar: r.calendar()}
			for range n.Schedule.Calendar.Entries {
				n.Schedule.Profiles = append(n.Schedule.Profiles, r.pick("", fmt.Sprintf("p%d/0", id), fmt.Sprintf("p%d/1", id), "gone"))
			}
		}
	}
	return u
}

func (r rig) globals() Globals {
	g := Globals{Calendars: []Calendar{{ID: "c0", Name: "c0", Spec: r.calendar()}, {ID: "c1", Name: "c1", Spec: r.calendar()}}, Rights: r.rights()}
	for i := range r.IntN(4) {
		h := Hunt{
			ID: fmt.Sprint("h", i), Name: fmt.Sprint("Hunt ", i), Number: fmt.Sprint(70 + i), Strategy: r.pick(RingAll, Linear, RoundRobin, ""),
			MemberTime: time.Duration(r.IntN(20)) * time.Second, RingTime: time.Duration(r.IntN(60)) * time.Second,
		}
		for range r.IntN(5) {
			h.Members = append(h.Members, r.pick(r.named(), r.named(), r.named(), "401", "gone"))
		}
		for k := range r.IntN(4) {
			rule := r.rule()
			rule.Field = fmt.Sprintf("overflow[%d]", k)
			h.Overflow = append(h.Overflow, rule)
		}
		g.Hunts = append(g.Hunts, h)
	}
	for i := range r.IntN(4) {
		rule := r.rule()
		rule.ID, rule.Field, rule.When.Cases, rule.When.Called = fmt.Sprint("s", i), "action", nil, r.match()
		g.Rules = append(g.Rules, rule)
	}
	for i := range r.IntN(3) {
		g.Pickups = append(g.Pickups, PickupGroup{ID: fmt.Sprint("g", i), Name: fmt.Sprint("Pickup ", i), Users: []string{fmt.Sprint("u", r.IntN(8)), fmt.Sprint("u", r.IntN(8)), "gone"}})
	}
	for i, action := range codeActions {
		if r.IntN(4) > 0 {
			g.Codes = append(g.Codes, Code{Action: action, Code: fmt.Sprint("*", 10+i)})
		}
	}
	return g
}

var codeActions = []string{
	CodeForwardTo, CodeForwardOn, CodeForwardOff, CodeProfile, CodeDNDOn, CodeDNDOff, CodeWaitingOn, CodeWaitingOff, CodePickupGroup, CodePickupNumber,
	CodeShowNumber, CodeHideNumber, CodeHideNumbersOn, CodeHideNumbersOff, CodeEcho, CodeOwnNumber,
}

// randomRights lets users of even number in, and pick up from each other.
type randomRights int

func (r rig) rights() Rights {
	if r.IntN(3) == 0 {
		return nil
	}
	return randomRights(r.IntN(2))
}

func (r randomRights) InGroup(group, userID string) bool {
	return group == "even" && strings.Contains("u0u2u4u6", userID) == (r == 0)
}

func (r randomRights) MayPickUp(userID, ownerID string) bool {
	return r.InGroup("even", userID) && r.InGroup("even", ownerID)
}

// named is a number that rules may name, often the first of a user.
func (r rig) named() string {
	if r.IntN(2) == 0 {
		return fmt.Sprint(20 + 5*r.IntN(7))
	}
	return fmt.Sprint(20 + r.IntN(35))
}

// outside is a number outside.
func (r rig) outside(prefix string) string { return fmt.Sprint(prefix, 171+r.IntN(4)) }

func (r rig) target() string {
	return r.pick(r.named(), r.named(), r.named(), r.named(), r.outside("+49"), r.outside("0"), r.outside("0900"), "70", "71", "72", "401", "999", "110", "")
}

func (r rig) rule() Rule {
	rule := Rule{Name: r.pick("", "Regel"), After: time.Duration(r.IntN(3)*10) * time.Second}
	for range r.IntN(3) {
		rule.When.Cases = append(rule.When.Cases, Case(r.pick("always", "busy", "busy", "no_answer", "no_answer", "not_registered", "not_registered", "odd")))
	}
	w := &rule.When
	w.Class = Class(r.pick("", "", "", "inside", "outside", "odd"))
	if r.IntN(4) == 0 {
		w.Caller = r.match()
	}
	w.Group = r.pick("", "", "", "", "even", "gone")
	w.Calendar = r.pick("", "", "", "", "c0", "c1", "gone")
	w.OutsideCalendar = r.IntN(2) == 0
	do := &rule.Do
	switch do.Kind = ActionKind(r.pick("number", "number", "number", "parallel", "parallel", "voicemail", "announcement", "reject", "allow", "odd")); do.Kind {
	case Forward:
		do.Number = r.target()
	case Parallel:
		for range r.IntN(4) {
			do.Numbers = append(do.Numbers, r.target())
		}
	case Voicemail, Announcement:
		do.ID = "a1"
	}
	return rule
}

func (r rig) match() *Match {
	m := &Match{Kind: MatchKind(r.pick("exact", "prefix", "prefix", "pattern", "hidden", "odd")), Not: r.IntN(4) == 0}
	switch m.Kind {
	case MatchExact:
		m.Value = r.pick(r.named(), r.outside("+49"))
	case MatchPrefix:
		m.Value = r.pick("2", "3", "+49", "+49900", "0900", "", "70")
	case MatchPattern:
		m.Value = r.pick("[23].*", "\\+49.*", ".*", "(", "1)|(?:.*", "(?=a)")
	}
	return m
}

func (r rig) calendar() calendar.Spec {
	s := calendar.Spec{Zone: r.pick("Europe/Berlin", "Europe/Berlin", "America/New_York", "Nowhere/Land"), State: r.pick("", "HE")}
	for range r.IntN(4) {
		e := calendar.Entry{Days: calendar.Days(r.IntN(128)), From: calendar.Minute(r.IntN(20) * 60), To: 1440}
		if r.IntN(2) == 0 {
			e.To = e.From + 240
		}
		e.Holidays = calendar.OnHolidays(r.pick("", "", "not", "only"))
		s.Entries = append(s.Entries, e)
	}
	return s
}

// time is some time around two clock changes and a New Year.
func (r rig) time() time.Time {
	return time.Date(2026, time.September, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(r.IntN(250*24*60)) * time.Minute)
}

// call is a random request to a random company.
func (r rig) call() Request {
	q := r.request()
	q.At = r.time()
	q.Called = r.pick(q.Called, r.named(), r.named(), r.named(), r.named(), "70", "71", "72", r.outside("0"), r.outside("+49"), r.outside("0900"))
	if r.IntN(5) == 0 {
		q.Called = fmt.Sprint("*", 10+r.IntN(len(codeActions)), r.pick("", q.Called, q.Called, r.named()+"*"+q.Called))
	}
	if r.IntN(20) == 0 {
		q.Called = r.pick("*18", "*19"+r.named(), "*1970")
	}
	q.Caller.Number = r.pick("", "+4966112345", r.outside("+49"))
	q.Caller.Wanted = r.pick(q.Caller.Wanted, "60", "+49661100")
	for range r.IntN(12) / 8 * r.IntN(12) {
		q.Diverted = append(q.Diverted, r.pick(r.named(), r.outside("+49"), "x"))
	}
	return q
}

// moment is a live state that answers the same question always alike.
type moment uint64

func (m moment) of(kind, id string, n uint64) int {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d %s %s", m, kind, id)
	return int(h.Sum64() >> 20 % n)
}

func (m moment) SlotCalls(id string) int   { return m.of("slot", id, 3) / 2 }
func (m moment) NumberCalls(n string) int  { return m.of("number", n, 6) / 3 }
func (m moment) HuntTurn(id string) int    { return m.of("hunt", id, 100) }
func (m moment) Registered(id string) bool { return m.of("registered", id, 4) > 0 }

// model looks things up in a configuration as an administrator would, apart from the compiled table.
type model struct{ Config }

func (m model) number(num string) (*User, *Number) {
	for i := range m.Users {
		for k := range m.Users[i].Numbers {
			if m.Users[i].Numbers[k].Number == num {
				return &m.Users[i], &m.Users[i].Numbers[k]
			}
		}
	}
	return nil, nil
}

func (m model) slot(id string) (*User, *Slot) {
	for i := range m.Users {
		for k := range m.Users[i].Slots {
			if m.Users[i].Slots[k].ID == id {
				return &m.Users[i], &m.Users[i].Slots[k]
			}
		}
	}
	return nil, nil
}

// rule finds a rule by the setting that a reason points to.
func (m model) rule(s *Setting) *Rule {
	var rules []Rule
	for _, u := range m.Users {
		for _, p := range u.Profiles {
			if s.Type == "profile" && p.ID == s.ID {
				rules = p.Rules
			}
		}
	}
	for _, h := range m.Globals.Hunts {
		if s.Type == OwnerHunt && h.ID == s.ID {
			rules = h.Overflow
		}
	}
	for i := range m.Globals.Rules {
		if r := &m.Globals.Rules[i]; s.Type == "forwarding_rule" && r.ID == s.ID && r.Field == s.Field {
			return r
		}
	}
	for i := range rules {
		if rules[i].Field == s.Field {
			return &rules[i]
		}
	}
	return nil
}

// ours says whether a number is in the plan, or looks like one that could be.
func (m model) ours(num string) bool {
	u, _ := m.number(num)
	hunts := slices.ContainsFunc(m.Globals.Hunts, func(h Hunt) bool { return h.Number == num })
	return u != nil || hunts || num != "" && num[0] != '+' && num[0] != '0'
}
