package calendar_test

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/routing/calendar"
)

// compile reads a calendar as it is stored.
func compile(t testing.TB, spec string) *calendar.Calendar {
	t.Helper()
	var s calendar.Spec
	if err := json.Unmarshal([]byte(spec), &s); err != nil {
		t.Fatal(err)
	}
	c, ps := calendar.Compile(s)
	if ps != nil {
		t.Fatal(ps)
	}
	return c
}

func instant(t testing.TB, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// office is a company in Hesse: open on weekdays but for holidays, one shift on Christmas Eve.
const office = `{"zone": "Europe/Berlin", "state": "HE",
	"own": [{"name": "Betriebsausflug", "date": "2026-06-12"}, {"name": "Heiligabend", "date": "12-24"}],
	"entries": [
		{"name": "Christmas Eve", "from": "09:00", "to": "12:00", "first": "12-24", "last": "12-24"},
		{"name": "between the years", "from": "00:00", "to": "00:00", "first": "12-27", "last": "01-01"},
		{"name": "holiday", "from": "00:00", "to": "24:00", "holidays": "only"},
		{"name": "morning", "days": ["mon", "tue", "wed", "thu", "fri"], "from": "08:00", "to": "12:00"},
		{"name": "afternoon", "days": ["mon", "tue", "wed", "thu"], "from": "12:00", "to": "17:00", "holidays": "not"},
		{"name": "summer Saturdays", "days": ["sat"], "from": "09:00", "to": "13:00", "first": "2026-07-01", "last": "2026-08-31"}
	]}`

func TestOffice(t *testing.T) {
	c := compile(t, office)
	for _, test := range []struct {
		what, at string
		entry    int
		next     string // "" for never
	}{
		{"a Monday before work", "2026-11-30T07:59:59+01:00", -1, "2026-11-30T08:00:00+01:00"},
		{"From belongs to it", "2026-11-30T08:00:00+01:00", 3, "2026-11-30T12:00:00+01:00"},
		{"a fraction of a second before the end", "2026-11-30T11:59:59.999+01:00", 3, "2026-11-30T12:00:00+01:00"},
		{"To does not belong to it", "2026-11-30T12:00:00+01:00", 4, "2026-11-30T17:00:00+01:00"},
		{"the same instant in another zone", "2026-11-30T11:00:00Z", 4, "2026-11-30T17:00:00+01:00"},
		{"over the weekend", "2026-11-27T14:00:00+01:00", -1, "2026-11-30T08:00:00+01:00"},
		{"Good Friday is in the list before the morning", "2026-04-03T10:00:00+02:00", 2, "2026-04-04T00:00:00+02:00"},
		{"Easter Monday goes on to Tuesday", "2026-04-06T15:00:00+02:00", 2, "2026-04-07T00:00:00+02:00"},
		{"own holiday of one year", "2026-06-12T10:00:00+02:00", 2, "2026-06-13T00:00:00+02:00"},
		{"not a year later", "2027-06-11T10:00:00+02:00", 3, "2027-06-11T12:00:00+02:00"},
		{"first match wins over the holiday", "2026-12-24T10:00:00+01:00", 0, "2026-12-24T12:00:00+01:00"},
		{"Christmas is one stretch of three days", "2026-12-24T12:00:00+01:00", 2, "2026-12-27T00:00:00+01:00"},
		{"over New Year", "2026-12-29T10:00:00+01:00", 1, "2027-01-02T00:00:00+01:00"},
		{"the last day of a yearly range", "2027-01-01T23:59:59+01:00", 1, "2027-01-02T00:00:00+01:00"},
		{"Saturday before the summer", "2026-06-27T10:00:00+02:00", -1, "2026-06-29T08:00:00+02:00"},
		{"Saturday in summer", "2026-07-04T10:00:00+02:00", 5, "2026-07-04T13:00:00+02:00"},
		{"Saturday after the summer", "2026-09-05T10:00:00+02:00", -1, "2026-09-07T08:00:00+02:00"},
	} {
		t.Run(test.what, func(t *testing.T) {
			at := instant(t, test.at)
			if got := c.At(at); got != test.entry {
				t.Errorf("At says %d, want %d", got, test.entry)
			}
			if next, ok := c.Next(at); !ok || !next.Equal(instant(t, test.next)) {
				t.Errorf("Next says %s %v, want %s", next, ok, test.next)
			}
		})
	}
}

func TestClockChanges(t *testing.T) {
	one := func(zone, from, to string) string {
		return `{"zone": "` + zone + `", "entries": [{"from": "` + from + `", "to": "` + to + `"}]}`
	}
	for _, test := range []struct {
		what, spec string
		before     string // some time before it begins
		begin, end string
	}{
		{
			"Berlin, spring: From is in the missing hour", one("Europe/Berlin", "02:30", "04:00"),
			"2026-03-28T12:00:00Z", "2026-03-29T03:00:00+02:00", "2026-03-29T04:00:00+02:00",
		},
		{
			"Berlin, spring: To is in the missing hour", one("Europe/Berlin", "01:00", "02:30"),
			"2026-03-28T12:00:00Z", "2026-03-29T01:00:00+01:00", "2026-03-29T03:00:00+02:00",
		},
		{
			"Berlin, spring: all of it is missing", one("Europe/Berlin", "02:15", "02:45"),
			"2026-03-28T12:00:00Z", "2026-03-30T02:15:00+02:00", "2026-03-30T02:45:00+02:00",
		},
		{
			"Berlin, autumn: the hour that comes twice", one("Europe/Berlin", "02:00", "03:00"),
			"2026-10-24T12:00:00Z", "2026-10-25T02:00:00+02:00", "2026-10-25T03:00:00+01:00",
		},
		{
			"Berlin, autumn: From and To come twice", one("Europe/Berlin", "02:15", "02:45"),
			"2026-10-24T12:00:00Z", "2026-10-25T02:15:00+02:00", "2026-10-25T02:45:00+01:00",
		},
		{
			"Berlin, autumn: To is where the hour begins that comes twice", one("Europe/Berlin", "01:00", "02:00"),
			"2026-10-24T12:00:00Z", "2026-10-25T01:00:00+02:00", "2026-10-25T02:00:00+02:00",
		},
		{
			"Berlin, autumn: From is where the hour ends that comes twice", one("Europe/Berlin", "03:00", "04:00"),
			"2026-10-24T12:00:00Z", "2026-10-25T03:00:00+01:00", "2026-10-25T04:00:00+01:00",
		},
		{
			"Berlin, spring: the midnight from which on the change is near", `{"zone": "Europe/Berlin", "entries": [{"days": ["fri"], "from": "00:00", "to": "00:00"}]}`,
			"2026-03-25T12:00:00Z", "2026-03-27T00:00:00+01:00", "2026-03-28T00:00:00+01:00",
		},
		{
			"Berlin, spring: the whole Sunday is an hour shorter", `{"zone": "Europe/Berlin", "entries": [{"days": ["sun"], "from": "00:00", "to": "00:00"}]}`,
			"2026-03-23T12:00:00Z", "2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00",
		},
		{
			"New York, spring", one("America/New_York", "02:30", "05:00"),
			"2026-03-07T17:00:00Z", "2026-03-08T03:00:00-04:00", "2026-03-08T05:00:00-04:00",
		},
		{
			"New York, autumn", one("America/New_York", "01:15", "01:30"),
			"2026-10-31T17:00:00Z", "2026-11-01T01:15:00-04:00", "2026-11-01T01:30:00-05:00",
		},
		{
			"Lord Howe, autumn: half an hour comes twice", one("Australia/Lord_Howe", "01:45", "02:00"),
			"2026-04-04T03:00:00Z", "2026-04-05T01:45:00+11:00", "2026-04-05T02:00:00+10:30",
		},
		{
			"Lord Howe, spring: half an hour is missing", one("Australia/Lord_Howe", "02:15", "03:00"),
			"2026-10-03T03:00:00Z", "2026-10-04T02:30:00+11:00", "2026-10-04T03:00:00+11:00",
		},
		{
			"Sao Paulo, old years: midnight is missing", one("America/Sao_Paulo", "00:00", "06:00"),
			"2018-11-03T15:00:00Z", "2018-11-04T01:00:00-02:00", "2018-11-04T06:00:00-02:00",
		},
		{
			"Beirut: midnight is missing, the day before ends there", one("Asia/Beirut", "20:00", "24:00"),
			"2026-03-28T12:00:00Z", "2026-03-28T20:00:00+02:00", "2026-03-29T01:00:00+03:00",
		},
		{
			"Apia: a day is missing", one("Pacific/Apia", "08:00", "12:00"),
			"2011-12-30T00:00:00Z", "2011-12-31T08:00:00+14:00", "2011-12-31T12:00:00+14:00",
		},
	} {
		t.Run(test.what, func(t *testing.T) {
			c := compile(t, test.spec)
			before, begin, end := instant(t, test.before), instant(t, test.begin), instant(t, test.end)
			if next, ok := c.Next(before); !ok || !next.Equal(begin) {
				t.Errorf("it begins at %s (%v), want %s", next, ok, begin)
			}
			if next, ok := c.Next(begin); !ok || !next.Equal(end) {
				t.Errorf("it ends at %s (%v), want %s", next, ok, end)
			}
			for at, want := range map[time.Time]int{
				begin.Add(-time.Second): -1, begin: 0, begin.Add(end.Sub(begin) / 2): 0, end.Add(-time.Nanosecond): 0, end: -1,
			} {
				if got := c.At(at); got != want {
					t.Errorf("at %s At says %d, want %d", at.In(c.Location()), got, want)
				}
			}
		})
	}
}

func TestWholeDaysHaveNoGapAtAClockChange(t *testing.T) {
	for _, zone := range []string{"Europe/Berlin", "America/St_Johns", "Asia/Beirut", "Australia/Lord_Howe", "Pacific/Apia"} {
		c := compile(t, `{"zone": "`+zone+`", "entries": [{"from": "00:00", "to": "00:00"}]}`)
		for at := instant(t, "2010-01-01T00:00:00Z"); at.Year() < 2013; at = at.Add(20 * time.Minute) {
			if c.At(at) != 0 {
				t.Fatalf("nothing holds at %s", at.In(c.Location()))
			}
		}
		if next, ok := c.Next(instant(t, "2010-01-01T00:00:00Z")); ok {
			t.Errorf("%s: Next says %s, but it never changes", zone, next)
		}
	}
}

func TestNextLooksTwoYearsAhead(t *testing.T) {
	at := instant(t, "2026-11-27T12:00:00Z")
	for _, test := range []struct {
		what, first, from string
		ok                bool
	}{
		{"the last instant that is looked at", "2028-11-27", "12:00", true},
		{"a minute more", "2028-11-27", "12:01", false},
		{"a day more", "2028-11-28", "00:00", false},
	} {
		c := compile(t, `{"zone": "UTC", "entries": [{"from": "`+test.from+`", "to": "13:00", "first": "`+test.first+`"}]}`)
		if next, ok := c.Next(at); ok != test.ok {
			t.Errorf("%s: Next says %s %v", test.what, next, ok)
		}
	}
	if next, ok := compile(t, `{"zone": "UTC", "entries": []}`).Next(at); ok {
		t.Errorf("no entries: Next says %s", next)
	}
	if next, ok := compile(t, `{"zone": "UTC", "entries": [{"from": "00:00", "to": "00:00", "last": "2026-01-01"}]}`).Next(at); ok {
		t.Errorf("all is past: Next says %s", next)
	}
}

func TestLeapDay(t *testing.T) {
	c := compile(t, `{"zone": "Europe/Berlin", "entries": [{"from": "00:00", "to": "00:00", "first": "02-29", "last": "02-29"}]}`)
	if next, ok := c.Next(instant(t, "2027-02-27T12:00:00+01:00")); !ok || !next.Equal(instant(t, "2028-02-29T00:00:00+01:00")) {
		t.Errorf("Next says %s %v, want 29 February 2028", next, ok)
	}
	if got := c.At(instant(t, "2028-02-29T12:00:00+01:00")); got != 0 {
		t.Errorf("At says %d on the leap day", got)
	}
}

func TestHolidayOfADay(t *testing.T) {
	c := compile(t, `{"zone": "Europe/Berlin", "state": "BY", "entries": [], "own": [
		{"name": "Kerwa", "date": "10-26"}, {"name": "Umzug", "date": "2027-05-14"}, {"name": "Bescherung", "date": "12-25"}]}`)
	for _, test := range []struct{ at, want string }{
		{"2026-04-02T23:30:00+02:00", ""},
		{"2026-04-02T22:30:00Z", "Karfreitag"}, // already the third in Berlin
		{"2026-04-03T23:59:59+02:00", "Karfreitag"},
		{"2026-04-04T00:00:00+02:00", ""},
		{"2026-08-15T12:00:00+02:00", "Mariä Himmelfahrt"},
		{"2026-10-26T12:00:00+01:00", "Kerwa"},
		{"2026-05-14T12:00:00+02:00", "Christi Himmelfahrt"},
		{"2027-05-14T12:00:00+02:00", "Umzug"},
		{"2026-12-25T12:00:00+01:00", "Bescherung"},
		{"2031-12-26T12:00:00+01:00", "2. Weihnachtstag"},
	} {
		if got, ok := c.Holiday(instant(t, test.at)); got != test.want || ok != (test.want != "") {
			t.Errorf("%s: %q %v, want %q", test.at, got, ok, test.want)
		}
	}
}

func TestInstantsFarAway(t *testing.T) {
	c := compile(t, office)
	for _, seconds := range []int64{math.MinInt64, -1 << 41, -62135596800, 1 << 33, 1 << 41, math.MaxInt64} {
		at := time.Unix(seconds, 0)
		if i := c.At(at); i < -1 || i > 5 {
			t.Errorf("%d: At says %d", seconds, i)
		}
		c.Next(at)
		c.Holiday(at)
	}
}

func TestCompileKeepsNothingOfTheSpec(t *testing.T) {
	s := calendar.Spec{
		Zone: "UTC", Own: []calendar.Holiday{{Name: "A", Date: calendar.Date{Month: 5, Day: 2}}},
		Entries: []calendar.Entry{{From: 60, To: 120}},
	}
	c, ps := calendar.Compile(s)
	if ps != nil {
		t.Fatal(ps)
	}
	s.Own[0].Name, s.Entries[0].From = "B", 90
	if name, _ := c.Holiday(instant(t, "2026-05-02T00:00:00Z")); name != "A" {
		t.Errorf("the holiday changed its name to %q", name)
	}
	if c.At(instant(t, "2026-05-02T01:00:00Z")) != 0 {
		t.Error("the entry changed")
	}
}

func TestCheck(t *testing.T) {
	long := strings.Repeat("x", 101)
	for _, test := range []struct {
		what, spec string
		field      string // "" if all is well
		says       string
	}{
		{"the office", office, "", ""},
		{"empty", `{"zone": "Europe/Berlin"}`, "", ""},
		{"times at the ends of the day", `{"zone": "UTC", "entries": [{"from": "00:00", "to": "24:00"}]}`, "", ""},
		{"one minute", `{"zone": "UTC", "entries": [{"from": "23:59", "to": "24:00"}]}`, "", ""},
		{"one day", `{"zone": "UTC", "entries": [{"first": "2026-02-28", "last": "2026-02-28"}]}`, "", ""},
		{"empty dates", `{"zone": "UTC", "entries": [{"first": "", "last": "2026-02-28"}]}`, "", ""},
		{"leap day of every year", `{"zone": "UTC", "own": [{"date": "02-29"}]}`, "", ""},
		{"no zone", `{}`, "zone", `"Europe/Berlin"`},
		{"unknown zone", `{"zone": "Europe/Fulda"}`, "zone", "Europe/Berlin"},
		{"zone of this machine", `{"zone": "Local"}`, "zone", "is no time zone"},
		{"file of this machine", `{"zone": "localtime"}`, "zone", "is no time zone"},
		{"leap seconds", `{"zone": "right/Europe/Berlin"}`, "zone", "is no time zone"},
		{"a way out", `{"zone": "../../etc/passwd"}`, "zone", "is no time zone"},
		{"a long zone", `{"zone": "` + long + `"}`, "zone", "is no time zone"},
		{"unknown state", `{"zone": "UTC", "state": "XX"}`, "state", "BW, BY"},
		{"part of a state", `{"zone": "UTC", "state": "B"}`, "state", "BW, BY"},
		{"control character", `{"zone": "UTC", "own": [{"name": "a\u0007", "date": "01-02"}]}`, "own[0].name", "control"},
		{"long name", `{"zone": "UTC", "entries": [{"name": "` + long + `"}]}`, "entries[0].name", "100 bytes"},
		{"own holiday without date", `{"zone": "UTC", "own": [{"name": "a"}]}`, "own[0].date", "is missing"},
		{"over midnight", `{"zone": "UTC", "entries": [{}, {"from": "22:00", "to": "06:00"}]}`, "entries[1].to", "22:00 to 24:00 and 00:00 to 06:00"},
		{"until midnight", `{"zone": "UTC", "entries": [{"from": "22:00", "to": "00:00"}]}`, "entries[0].to", "24:00"},
		{"empty time", `{"zone": "UTC", "entries": [{"from": "08:00", "to": "08:00"}]}`, "entries[0].to", "never holds"},
		{"dates the wrong way round", `{"zone": "UTC", "entries": [{"first": "2026-12-24", "last": "2026-01-06"}]}`, "entries[0].last", "is before 2026-12-24"},
		{"with and without year", `{"zone": "UTC", "entries": [{"first": "2026-12-24", "last": "01-06"}]}`, "entries[0].last", "does not go with"},
		{"yearly without end", `{"zone": "UTC", "entries": [{"first": "12-24"}]}`, "entries[0].last", "is missing"},
		{"yearly without beginning", `{"zone": "UTC", "entries": [{"last": "12-24"}]}`, "entries[0].first", "is missing"},
		{"holidays", `{"zone": "UTC", "entries": [{"holidays": "never"}]}`, "entries[0].holidays", `"not"`},
	} {
		t.Run(test.what, func(t *testing.T) {
			var s calendar.Spec
			if err := json.Unmarshal([]byte(test.spec), &s); err != nil {
				t.Fatal(err)
			}
			want(t, s, test.field, test.says)
		})
	}
}

// want checks that a Spec has one problem, or none if field is empty.
func want(t *testing.T, s calendar.Spec, field, says string) {
	t.Helper()
	ps := s.Check()
	c, same := calendar.Compile(s)
	if (c == nil) != (len(ps) > 0) || !slices.Equal(ps, same) {
		t.Errorf("Compile gives %v and %v, Check %v", c, same, ps)
	}
	switch {
	case field == "" && len(ps) == 0:
	case field == "":
		t.Errorf("unexpected: %v", ps)
	case len(ps) != 1 || ps[0].Field != field || !strings.Contains(ps[0].Message, says):
		t.Errorf("got %v, want one of %s with %q", ps, field, says)
	}
}

// TestCheckOfValues is about what cannot be written in JSON.
func TestCheckOfValues(t *testing.T) {
	entry := func(e calendar.Entry) calendar.Spec {
		return calendar.Spec{Zone: "UTC", Entries: []calendar.Entry{e}}
	}
	for _, test := range []struct {
		what  string
		spec  calendar.Spec
		field string
		says  string
	}{
		{"30 February", entry(calendar.Entry{First: &calendar.Date{Year: 2026, Month: 2, Day: 30}}), "entries[0].first", "does not exist"},
		{"29 February 2027", entry(calendar.Entry{Last: &calendar.Date{Year: 2027, Month: 2, Day: 29}}), "entries[0].last", "does not exist"},
		{"month 13", entry(calendar.Entry{First: &calendar.Date{Year: 2026, Month: 13, Day: 1}}), "entries[0].first", "does not exist"},
		{"day 0", entry(calendar.Entry{First: &calendar.Date{Year: 2026, Month: 3}}), "entries[0].first", "does not exist"},
		{"year 10000", entry(calendar.Entry{First: &calendar.Date{Year: 10000, Month: 3, Day: 1}}), "entries[0].first", "does not exist"},
		{"zero dates", entry(calendar.Entry{First: &calendar.Date{}, Last: &calendar.Date{}}), "", ""},
		{"eighth day", entry(calendar.Entry{Days: 1 << 7}), "entries[0].days", "days of the week"},
		{"minute -1", entry(calendar.Entry{From: -1, To: 5}), "entries[0].from", "24:00"},
		{"minute 1441", entry(calendar.Entry{To: 1441}), "entries[0].to", "24:00"},
		{"not UTF-8", entry(calendar.Entry{Name: "\xff"}), "entries[0].name", "UTF-8"},
		{"own holiday", calendar.Spec{Zone: "UTC", Own: []calendar.Holiday{{Date: calendar.Date{Month: 4, Day: 31}}}}, "own[0].date", "does not exist"},
		{"200 entries", calendar.Spec{Zone: "UTC", Entries: make([]calendar.Entry, 200)}, "", ""},
		{"201 entries", calendar.Spec{Zone: "UTC", Entries: make([]calendar.Entry, 201)}, "entries", "200"},
		{"201 own holidays", calendar.Spec{Zone: "UTC", Own: slices.Repeat([]calendar.Holiday{{Date: calendar.Date{Month: 1, Day: 1}}}, 201)}, "own", "200"},
	} {
		t.Run(test.what, func(t *testing.T) { want(t, test.spec, test.field, test.says) })
	}
}
