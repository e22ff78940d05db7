package calendar_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/routing/calendar"
)

// federal are the holidays of all states, from the lists the states publish.
var federal = map[int]string{
	2024: "01-01 03-29 04-01 05-01 05-09 05-20 10-03 12-25 12-26",
	2025: "01-01 04-18 04-21 05-01 05-29 06-09 10-03 12-25 12-26",
	2026: "01-01 04-03 04-06 05-01 05-14 05-25 10-03 12-25 12-26",
	2027: "01-01 03-26 03-29 05-01 05-06 05-17 10-03 12-25 12-26",
}

// ofState are the other holidays of each state in 2024, 2025, 2026 and 2027.
var ofState = map[string][4]string{
	"BB": {"03-31 05-19 10-31", "04-20 06-08 10-31", "04-05 05-24 10-31", "03-28 05-16 10-31"},
	"BE": {"03-08", "03-08 05-08", "03-08", "03-08"},
	"BW": {"01-06 05-30 11-01", "01-06 06-19 11-01", "01-06 06-04 11-01", "01-06 05-27 11-01"},
	"BY": {"01-06 05-30 08-15 11-01", "01-06 06-19 08-15 11-01", "01-06 06-04 08-15 11-01", "01-06 05-27 08-15 11-01"},
	"HB": {"10-31", "10-31", "10-31", "10-31"},
	"HE": {"05-30", "06-19", "06-04", "05-27"},
	"HH": {"10-31", "10-31", "10-31", "10-31"},
	"MV": {"03-08 10-31", "03-08 10-31", "03-08 10-31", "03-08 10-31"},
	"NI": {"10-31", "10-31", "10-31", "10-31"},
	"NW": {"05-30 11-01", "06-19 11-01", "06-04 11-01", "05-27 11-01"},
	"RP": {"05-30 11-01", "06-19 11-01", "06-04 11-01", "05-27 11-01"},
	"SH": {"10-31", "10-31", "10-31", "10-31"},
	"SL": {"05-30 08-15 11-01", "06-19 08-15 11-01", "06-04 08-15 11-01", "05-27 08-15 11-01"},
	"SN": {"10-31 11-20", "10-31 11-19", "10-31 11-18", "10-31 11-17"},
	"ST": {"01-06 10-31", "01-06 10-31", "01-06 10-31", "01-06 10-31"},
	"TH": {"09-20 10-31", "09-20 10-31", "09-20 10-31", "09-20 10-31"},
}

func TestHolidaysOfAllStates(t *testing.T) {
	if len(ofState) != 16 {
		t.Fatalf("there are %d states", len(ofState))
	}
	for state, years := range ofState {
		for i, more := range years {
			year := 2024 + i
			want := strings.Fields(federal[year] + " " + more)
			slices.Sort(want)
			var got []string
			for _, h := range calendar.Holidays(state, year) {
				if h.Date.Year != year || h.De == "" || h.En == "" {
					t.Errorf("%s %d: %+v", state, year, h)
				}
				got = append(got, h.Date.String()[5:])
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s %d:\ngot  %v\nwant %v", state, year, got, want)
			}
		}
	}
}

// TestACalendarKnowsTheHolidaysOfTheList looks at each day of many years: the set that is asked during calls and the
// list that is shown must agree.
func TestACalendarKnowsTheHolidaysOfTheList(t *testing.T) {
	for state := range ofState {
		c := compile(t, `{"zone": "UTC", "state": "`+state+`", "entries": [{"from": "00:00", "to": "00:00", "holidays": "only"}]}`)
		for year := 1995; year < 2100; year++ {
			names := map[calendar.Date]string{}
			for _, h := range calendar.Holidays(state, year) {
				if names[h.Date] == "" { // Ascension Day can be 1 May
					names[h.Date] = h.De
				}
			}
			for at := time.Date(year, 1, 1, 12, 0, 0, 0, time.UTC); at.Year() == year; at = at.AddDate(0, 0, 1) {
				want := names[calendar.Date{Year: at.Year(), Month: at.Month(), Day: at.Day()}]
				name, ok := c.Holiday(at)
				if name != want || ok != (want != "") || (c.At(at) == 0) != ok {
					t.Fatalf("%s %s: %q %v, At says %d, want %q", state, at.Format(time.DateOnly), name, ok, c.At(at), want)
				}
			}
		}
	}
}

func TestEaster(t *testing.T) {
	for _, want := range []string{
		"1961-04-02", "1981-04-19", "1999-04-04", "2000-04-23", "2008-03-23", "2011-04-24", "2016-03-27", "2019-04-21",
		"2024-03-31", "2025-04-20", "2026-04-05", "2027-03-28", "2028-04-16", "2038-04-25", "2049-04-18", "2076-04-19", "2100-03-28",
	} {
		day, err := time.Parse(time.DateOnly, want)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range calendar.Holidays("BB", day.Year()) {
			if h.De == "Ostersonntag" && h.Date.String() != want {
				t.Errorf("Easter is on %s, want %s", h.Date, want)
			}
		}
	}
}

func TestHolidaysOnce(t *testing.T) {
	for _, test := range []struct {
		year int
		date string
		want bool
	}{{2020, "05-08", true}, {2025, "05-08", true}, {2026, "05-08", false}, {2028, "06-17", true}, {2029, "06-17", false}} {
		got := slices.ContainsFunc(calendar.Holidays("BE", test.year), func(h calendar.PublicHoliday) bool { return h.Date.String()[5:] == test.date })
		if got != test.want {
			t.Errorf("%d-%s: %v", test.year, test.date, got)
		}
	}
}

func TestHolidaysOfNowhere(t *testing.T) {
	for _, state := range []string{"", "XX", "B", "by", "BW BY"} {
		if got := calendar.Holidays(state, 2026); got != nil {
			t.Errorf("%q: %v", state, got)
		}
	}
	for _, year := range []int{-1, 0, 1582, 10000} {
		if got := calendar.Holidays("BY", year); got != nil {
			t.Errorf("%d: %v", year, got)
		}
	}
}
