package calendar_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/corpus"
	"github.com/koppelfeld/koppelfeld/routing/calendar"
)

func TestDateText(t *testing.T) {
	for _, test := range []struct {
		text string
		want calendar.Date
		ok   bool
	}{
		{"2026-12-24", calendar.Date{Year: 2026, Month: time.December, Day: 24}, true},
		{"12-24", calendar.Date{Month: time.December, Day: 24}, true},
		{"02-29", calendar.Date{Month: time.February, Day: 29}, true},
		{"2028-02-29", calendar.Date{Year: 2028, Month: time.February, Day: 29}, true},
		{"0001-01-01", calendar.Date{Year: 1, Month: time.January, Day: 1}, true},
		{"", calendar.Date{}, true},
		{"2027-02-29", calendar.Date{}, false},
		{"02-30", calendar.Date{}, false},
		{"04-31", calendar.Date{}, false},
		{"00-10", calendar.Date{}, false},
		{"13-01", calendar.Date{}, false},
		{"12-00", calendar.Date{}, false},
		{"0000-12-24", calendar.Date{}, false},
		{"2026-1-024", calendar.Date{}, false},
		{"2026/12/24", calendar.Date{}, false},
		{"12/24", calendar.Date{}, false},
		{"1-2-3", calendar.Date{}, false},
		{"+1-02", calendar.Date{}, false},
		{"24.12.2026", calendar.Date{}, false},
		{" 12-24", calendar.Date{}, false},
		{"１-02", calendar.Date{}, false},
	} {
		var got calendar.Date
		err := got.UnmarshalText([]byte(test.text))
		if got != test.want || (err == nil) != test.ok {
			t.Errorf("%q: got %+v, %v", test.text, got, err)
		}
		if back, err := got.MarshalText(); test.ok && (err != nil || string(back) != test.text) {
			t.Errorf("%q comes back as %q, %v", test.text, back, err)
		}
	}
	if text, err := (calendar.Date{Year: 2026, Month: 2, Day: 30}).MarshalText(); err == nil {
		t.Errorf("30 February is written as %q", text)
	}
}

func TestMinuteText(t *testing.T) {
	for _, test := range []struct {
		text string
		want calendar.Minute
		ok   bool
	}{
		{"00:00", 0, true},
		{"08:05", 485, true},
		{"23:59", 1439, true},
		{"24:00", 1440, true},
		{"24:01", 0, false},
		{"25:00", 0, false},
		{"12:60", 0, false},
		{"8:00", 0, false},
		{"08:00:00", 0, false},
		{"08.00", 0, false},
		{"-1:00", 0, false},
		{"", 0, false},
	} {
		var got calendar.Minute
		err := got.UnmarshalText([]byte(test.text))
		if got != test.want || (err == nil) != test.ok {
			t.Errorf("%q: got %d, %v", test.text, got, err)
		}
		if back, err := got.MarshalText(); test.ok && (err != nil || string(back) != test.text) {
			t.Errorf("%q comes back as %q, %v", test.text, back, err)
		}
	}
	for _, m := range []calendar.Minute{-1, 1441} {
		if text, err := m.MarshalText(); err == nil {
			t.Errorf("%d is written as %q", m, text)
		}
	}
}

func TestDaysText(t *testing.T) {
	for _, test := range []struct {
		text string
		want calendar.Days
		back string // "" if it is refused
	}{
		{`["mon","tue"]`, calendar.DaysOf(time.Monday, time.Tuesday), `["mon","tue"]`},
		{`["sun","mon","sun"]`, calendar.DaysOf(time.Sunday, time.Monday), `["mon","sun"]`},
		{`["mon","tue","wed","thu","fri","sat","sun"]`, 127, `["mon","tue","wed","thu","fri","sat","sun"]`},
		{`[]`, 0, `[]`},
		{`null`, 0, `[]`},
		{`["Mon"]`, 0, ""},
		{`["mon","day"]`, 0, ""},
		{`["mon",3]`, 0, ""},
		{`"mon"`, 0, ""},
		{`5`, 0, ""},
	} {
		var got calendar.Days
		err := json.Unmarshal([]byte(test.text), &got)
		if got != test.want || (err == nil) != (test.back != "") {
			t.Errorf("%s: got %07b, %v", test.text, got, err)
		}
		if back, err := json.Marshal(got); test.back != "" && (err != nil || string(back) != test.back) {
			t.Errorf("%s comes back as %s, %v", test.text, back, err)
		}
	}
}

func TestSpecIsStoredShort(t *testing.T) {
	const stored = `{"zone":"Europe/Berlin","state":"HE","own":[{"name":"Fest","date":"08-08"}],"entries":[` +
		`{"name":"open","days":["mon","fri"],"from":"08:00","to":"24:00","first":"12-24","last":"01-06","holidays":"not"},{"from":"00:00","to":"00:00"}]}`
	var s calendar.Spec
	if err := json.Unmarshal([]byte(stored), &s); err != nil {
		t.Fatal(err)
	}
	if back, err := json.Marshal(s); err != nil || string(back) != stored {
		t.Errorf("stored as\n%s\n%s (%v)", stored, back, err)
	}
}

// FuzzSpec reads calendars. What passes the check can be asked, and comes back from JSON as it was; what is
// refused says where.
func FuzzSpec(f *testing.F) {
	f.Add(office, int64(1782000000))
	f.Add(`{"zone":"Australia/Lord_Howe","entries":[{"from":"01:45","to":"02:15","first":"02-29","last":"02-28"}]}`, int64(1775314800))
	f.Add(`{"zone":"Pacific/Apia","state":"SN","own":[{"date":"2011-12-30"}],"entries":[{"holidays":"only","from":"00:00","to":"00:00"}]}`, int64(1325239200))
	f.Add(`{"zone":"UTC","entries":[{"days":["sun"],"from":"23:59","to":"24:00","last":"9999-12-31"}]}`, int64(253402300799))
	corpus.Add(f)
	f.Fuzz(func(t *testing.T, text string, seconds int64) {
		var s calendar.Spec
		if json.Unmarshal([]byte(text), &s) != nil {
			return
		}
		c, ps := calendar.Compile(s)
		if c == nil {
			for _, p := range ps {
				if p.Field == "" || p.Message == "" {
					t.Fatalf("says nothing: %+v", p)
				}
			}
			if len(ps) == 0 {
				t.Fatal("refused without a reason")
			}
			return
		}
		stored, err := json.Marshal(s)
		if err != nil {
			t.Fatalf("cannot be stored: %v", err)
		}
		var again calendar.Spec
		if err := json.Unmarshal(stored, &again); err != nil {
			t.Fatalf("cannot be read again: %v\n%s", err, stored)
		}
		same, ps := calendar.Compile(again)
		if same == nil {
			t.Fatalf("is refused when read again: %v\n%s", ps, stored)
		}
		at := time.Unix(seconds, 0)
		now := c.At(at)
		if now < -1 || now >= len(s.Entries) || now != same.At(at) {
			t.Fatalf("At says %d, and %d when read again", now, same.At(at))
		}
		next, ok := c.Next(at)
		if !ok || seconds < -1<<39 || seconds > 1<<39 { // beyond, times are cut off
			return
		}
		if !next.After(at) || c.At(next) == now || c.At(next.Add(-1)) != now {
			t.Fatalf("Next says %s after %s: %d, before %d, now %d", next, at, c.At(next), c.At(next.Add(-1)), now)
		}
	})
}
