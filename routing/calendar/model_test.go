package calendar_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/koppelfeld/koppelfeld/routing/calendar"
)

// model finds out slowly, by looking at a clock each minute, what a calendar must say during some days.
type model struct {
	from   time.Time
	wall   []int64 // what the clock shows each minute, in minutes since 1970-01-01 00:00
	holder []int   // which entry holds each minute
}

// margin is how much longer than the days that are asked the clock is looked at.
const margin = 4 * 24 * 60

func newModel(s calendar.Spec, from time.Time, days int) *model {
	loc, err := time.LoadLocation(s.Zone)
	if err != nil {
		panic(err)
	}
	m := &model{from: from.Add(-margin * time.Minute)}
	n := days*24*60 + 2*margin
	m.wall = make([]int64, n)
	m.holder = make([]int, n)
	for i := range n {
		t := m.from.Add(time.Duration(i) * time.Minute).In(loc)
		shown := time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), 0, 0, time.UTC)
		m.wall[i] = shown.Unix() / 60
		m.holder[i] = -1
	}
	for i := len(s.Entries) - 1; i >= 0; i-- { // the first that matches wins: it is written last
		e := s.Entries[i]
		for day := m.wall[0]/(24*60) - 2; day <= m.wall[n-1]/(24*60)+2; day++ {
			if holdsOn(s, e, time.Unix(day*24*60*60, 0).UTC()) {
				m.mark(i, day*24*60+int64(e.From), day*24*60+int64(e.To))
			}
		}
	}
	return m
}

// mark gives an entry the minutes from the first that shows begin or later to the last that shows less than end.
func (m *model) mark(index int, begin, end int64) {
	first, last := len(m.wall), -1
	for i, w := range m.wall {
		if w >= begin && first == len(m.wall) {
			first = i
		}
		if w < end {
			last = i
		}
	}
	for i := first; i <= last; i++ {
		m.holder[i] = index
	}
}

// holdsOn says whether an entry holds on a day (midnight UTC of it), in plain words.
func holdsOn(s calendar.Spec, e calendar.Entry, day time.Time) bool {
	holiday := false
	for _, h := range calendar.Holidays(s.State, day.Year()) {
		holiday = holiday || h.Date.Month == day.Month() && h.Date.Day == day.Day()
	}
	for _, h := range s.Own {
		holiday = holiday || (h.Date.Year == 0 || h.Date.Year == day.Year()) && h.Date.Month == day.Month() && h.Date.Day == day.Day()
	}
	switch {
	case e.Holidays == "only" && !holiday, e.Holidays == "not" && holiday:
		return false
	case e.Holidays != "only" && e.Days != 0 && !e.Days.Has(day.Weekday()):
		return false
	}
	text := day.Format("2006-01-02")
	if e.First != nil && e.First.Year == 0 {
		text = day.Format("01-02")
		if e.First.String() > e.Last.String() {
			return text >= e.First.String() || text <= e.Last.String()
		}
	}
	return (e.First == nil || text >= e.First.String()) && (e.Last == nil || text <= e.Last.String())
}

// places are times and zones where clocks do something odd, and some where they do not.
var places = []struct {
	zone string
	near string // RFC 3339
	odd  string
}{
	{"Europe/Berlin", "2026-03-29T01:00:00Z", "an hour is missing"},
	{"Europe/Berlin", "2026-10-25T01:00:00Z", "an hour comes twice"},
	{"Europe/Berlin", "2026-12-27T12:00:00Z", "nothing"},
	{"Europe/Berlin", "2028-12-31T12:00:00Z", "the last day of a leap year"},
	{"Europe/Berlin", "2072-12-31T12:00:00Z", "the last day of a leap year that is looked up when asked"},
	{"Europe/Berlin", "2090-03-26T01:00:00Z", "a change that is looked up when asked"},
	{"America/New_York", "2026-03-08T07:00:00Z", "an hour is missing"},
	{"America/New_York", "2026-11-01T06:00:00Z", "an hour comes twice"},
	{"Australia/Lord_Howe", "2026-04-04T15:00:00Z", "half an hour comes twice"},
	{"Australia/Lord_Howe", "2026-10-03T15:30:00Z", "half an hour is missing"},
	{"America/Sao_Paulo", "2018-11-04T03:00:00Z", "midnight is missing"},
	{"America/Sao_Paulo", "2018-02-18T02:00:00Z", "the last hour of a day comes twice"},
	{"Asia/Beirut", "2026-03-28T22:00:00Z", "midnight is missing"},
	{"Asia/Beirut", "2026-10-24T21:00:00Z", "the last hour of a day comes twice"},
	{"America/St_Johns", "2010-11-07T02:31:00Z", "a minute of the next day, then the last hour again"},
	{"America/St_Johns", "2010-03-14T03:31:00Z", "the hour after 00:01 is missing"},
	{"Pacific/Apia", "2011-12-30T10:00:00Z", "a day is missing"},
	{"Pacific/Kwajalein", "1969-10-01T00:00:00Z", "a day comes again"},
	{"Africa/Casablanca", "2026-02-15T02:00:00Z", "back for Ramadan"},
	{"America/Havana", "2026-11-01T05:00:00Z", "the first hour of a day comes twice"},
	{"Antarctica/Troll", "2026-03-29T01:00:00Z", "two hours are missing"},
	{"Asia/Kathmandu", "2026-06-01T00:00:00Z", "nothing, five and three quarters of an hour ahead"},
	{"Europe/Dublin", "2026-10-25T01:00:00Z", "winter time is the odd one"},
	{"UTC", "2024-02-29T00:00:00Z", "nothing"},
}

func randomSpec(r *rand.Rand, zone string, near time.Time) calendar.Spec {
	states := []string{"", "BW", "BY", "BE", "SN", "HE", "TH"}
	s := calendar.Spec{Zone: zone, State: states[r.IntN(len(states))]}
	date := func(yearly bool) *calendar.Date {
		t := near.AddDate(0, 0, r.IntN(13)-6)
		d := calendar.Date{Year: t.Year(), Month: t.Month(), Day: t.Day()}
		if yearly {
			d.Year = 0
		}
		return &d
	}
	for range r.IntN(3) {
		s.Own = append(s.Own, calendar.Holiday{Name: "own", Date: *date(r.IntN(2) == 0)})
	}
	for range 1 + r.IntN(5) {
		e := calendar.Entry{Days: calendar.Days(r.IntN(128))}
		if r.IntN(3) == 0 {
			e.Days = 0
		}
		switch r.IntN(4) {
		case 0:
			e.To = 24 * 60
		case 1: // about where clocks change
			e.From = calendar.Minute(r.IntN(5 * 60))
			e.To = e.From + 1 + calendar.Minute(r.IntN(3*60))
		case 2: // full hours
			e.From = calendar.Minute(60 * r.IntN(24))
			e.To = e.From + calendar.Minute(60*(1+r.IntN(24-int(e.From)/60)))
		default:
			e.From = calendar.Minute(r.IntN(24 * 60))
			e.To = e.From + 1 + calendar.Minute(r.IntN(24*60-int(e.From)))
		}
		e.Holidays = []calendar.OnHolidays{"", "", "not", "only"}[r.IntN(4)]
		switch r.IntN(6) {
		case 0:
			e.First, e.Last = date(true), date(true)
		case 1:
			e.First = date(false)
		case 2:
			e.Last = date(false)
		}
		s.Entries = append(s.Entries, e)
	}
	return s
}

// TestAgreesWithClockWatching compares random calendars with the model, minute by minute.
func TestAgreesWithClockWatching(t *testing.T) {
	const days = 9 // more than the three to both sides within which a change is near
	rounds := 5
	if testing.Short() {
		rounds = 2
	}
	for _, p := range places {
		t.Run(p.zone+"/"+p.odd, func(t *testing.T) {
			near, err := time.Parse(time.RFC3339, p.near)
			if err != nil {
				t.Fatal(err)
			}
			for seed := range uint64(rounds) {
				r := rand.New(rand.NewPCG(seed, uint64(near.Unix())))
				from := near.Add(-days * 12 * time.Hour)
				s := randomSpec(r, p.zone, near)
				c, ps := calendar.Compile(s)
				if ps != nil {
					t.Fatalf("seed %d: %v", seed, ps)
				}
				if err := newModel(s, from, days).compare(c, days); err != nil {
					text, _ := json.Marshal(s)
					t.Fatalf("seed %d: %v\n%s", seed, err, text)
				}
			}
		})
	}
}

// compare asks the calendar each minute, and each few minutes for the next change, also between full seconds.
func (m *model) compare(c *calendar.Calendar, days int) error {
	end := margin + days*24*60
	for i := margin; i < end; i++ {
		at := m.from.Add(time.Duration(i) * time.Minute)
		for _, odd := range []time.Duration{0, 59*time.Second + 999*time.Millisecond} {
			if got := c.At(at.Add(odd)); got != m.holder[i] {
				return fmt.Errorf("at %s (%s): At says %d, want %d", at.Add(odd).UTC(), at.In(c.Location()), got, m.holder[i])
			}
		}
		if i%7 != 0 && m.holder[i] == m.holder[i-1] {
			continue
		}
		change := i + 1
		for change < end && m.holder[change] == m.holder[i] {
			change++
		}
		for _, odd := range []time.Duration{0, 59*time.Second + 999*time.Millisecond} {
			next, ok := c.Next(at.Add(odd))
			want := m.from.Add(time.Duration(change) * time.Minute)
			switch {
			case change < end && (!ok || !next.Equal(want)):
				return fmt.Errorf("after %s (%s): Next says %s %v, want %s", at.Add(odd).UTC(), at.In(c.Location()), next.UTC(), ok, want.UTC())
			case change == end && ok && next.Before(want):
				return fmt.Errorf("after %s (%s): Next says %s, but nothing changes before %s", at.Add(odd).UTC(), at.In(c.Location()), next.UTC(), want.UTC())
			}
		}
	}
	return nil
}
