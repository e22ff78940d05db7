package routing

import (
	"fmt"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/routing/calendar"
)

// busyCompany is a company of n users with three numbers each. Of the first twenty users numbers forward in a chain of three, ring by schedule and have a
// profile of fifty extended rules; one hunt group has ten members.
func busyCompany(n int) Config {
	c := company(n)
	c.Settings = Settings{Outside: true, Country: "49", RingTimeout: time.Minute}
	forward := func(u int, do Action) {
		user := &c.Users[u]
		user.Profiles = []Profile{{ID: fmt.Sprint("p", u), Name: "P", Rules: []Rule{{Field: "table[0]", Do: do}}}}
		user.Numbers[0].Profile = user.Profiles[0].ID
	}
	for u := range 3 {
		forward(u, Action{Kind: Forward, Number: c.Users[u+1].Numbers[0].Number})
	}
	many := &c.Users[10]
	forward(10, Action{Kind: Forward, Number: c.Users[11].Numbers[0].Number})
	rules := &many.Profiles[0].Rules
	for i := range 49 {
		rule := Rule{Field: fmt.Sprintf("extended[%d]", i), When: Conditions{Class: Outside}, Do: Action{Kind: Reject}}
		switch i % 3 {
		case 0:
			rule.When.Caller = &Match{Kind: MatchPrefix, Value: fmt.Sprint("+4930", i)}
		case 1:
			rule.When.Caller = &Match{Kind: MatchPattern, Value: fmt.Sprintf(`\+49(40|41)%d[0-9]{4}`, i)}
		default:
			rule.When.Caller = &Match{Kind: MatchExact, Value: fmt.Sprint("+4950", i)}
		}
		*rules = append([]Rule{rule}, *rules...)
	}
	forward(15, Action{Kind: Forward, Number: c.Users[16].Numbers[0].Number})
	c.Users[15].Numbers[0].Schedule = office("p15")
	h := Hunt{ID: "h", Name: "Hunt", Number: "70", Strategy: RingAll, RingTime: time.Minute}
	for u := range 10 {
		h.Members = append(h.Members, c.Users[20+u].Numbers[0].Number)
	}
	c.Globals.Hunts = []Hunt{h}
	return c
}

// office is a schedule for the time outside office hours.
func office(profile string) *Schedule {
	week := calendar.DaysOf(time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday)
	return &Schedule{
		Calendar: calendar.Spec{Zone: "Europe/Berlin", State: "HE", Entries: []calendar.Entry{
			{Days: week, From: 480, To: 1020, Holidays: calendar.NotOnHolidays}, {Name: "else"},
		}},
		Profiles: []string{"", profile},
	}
}

var benchSizes = []int{34, 3_334, 33_334} // users, with three numbers each

// BenchmarkDecisions is a decision by the size of the table and what there is to decide.
func BenchmarkDecisions(b *testing.B) {
	for _, n := range benchSizes {
		b.Run(fmt.Sprintf("%d numbers", 3*n), func(b *testing.B) { benchDecisions(b, busyCompany(n)) })
	}
}

func benchDecisions(b *testing.B, c Config) {
	t := mustCompile(b, c)
	at := time.Date(2026, time.November, 28, 11, 0, 0, 0, time.UTC)
	number := func(u int) string { return c.Users[u].Numbers[0].Number }
	for _, what := range []struct {
		name, called string
		rings, hops  int
	}{
		{"plain", number(31), 2, 0},
		{"chain of 3", number(0), 2, 3},
		{"hunt group of 10", "70", 20, 0},
		{"schedule", number(15), 2, 1},
		{"50 rules", number(10), 2, 1},
	} {
		b.Run(what.name, func(b *testing.B) {
			q := Request{Called: what.called, At: at, Caller: Caller{Class: Outside, Number: "+4966112345"}}
			if p := t.Decide(q, allFree{}); len(p.Targets) != what.rings || len(p.Hops) != what.hops {
				b.Fatalf("%+v", p)
			}
			b.ReportAllocs()
			for b.Loop() {
				t.Decide(q, allFree{})
			}
		})
	}
}

// BenchmarkCompileNumbers is a full compile by the size of the table; with schedules each user has one.
func BenchmarkCompileNumbers(b *testing.B) {
	for _, n := range benchSizes {
		for _, schedules := range []bool{false, true} {
			name := fmt.Sprintf("%d numbers", 3*n)
			c := busyCompany(n)
			if schedules {
				name += " with schedules"
				for i := range c.Users {
					c.Users[i].Profiles = []Profile{{ID: fmt.Sprint("p", i)}}
					c.Users[i].Numbers[0].Schedule = office(fmt.Sprint("p", i))
				}
			}
			b.Run(name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					mustCompile(b, c)
				}
			})
		}
	}
}

// BenchmarkWithNumber is the change of one number among 10,000 users.
func BenchmarkWithNumber(b *testing.B) {
	c := busyCompany(10_000)
	t := mustCompile(b, c)
	changed := []User{c.Users[4711]}
	changed[0].Profiles = []Profile{{ID: "p", Name: "P", Rules: []Rule{{Field: "table[0]", Do: Action{Kind: Forward, Number: c.Users[31].Numbers[0].Number}}}}}
	for _, scheduled := range []bool{false, true} {
		name := "profile"
		if scheduled {
			name = "schedule"
			changed[0].Numbers[0].Schedule = office("p")
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if changed[0].Numbers[0].Profile = ""; i%2 == 0 {
					changed[0].Numbers[0].Profile = "p"
				}
				var err error
				if t, err = t.With(Change{Users: changed}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
