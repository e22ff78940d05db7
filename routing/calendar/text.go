package calendar

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

var (
	errDate   = errors.New("is no date: write 2026-12-24, or 12-24 for every year")
	errMinute = errors.New("is no time of day: write it from 00:00 to 24:00")
	errDays   = errors.New(`is no list of days of the week: write ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]`)
)

// dayNames are the days of the week as they are written, by time.Weekday.
var dayNames = [7]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// String is the date as it is written in JSON, "" for the zero Date.
func (d Date) String() string {
	switch {
	case d == Date{}:
		return ""
	case d.Year == 0:
		return fmt.Sprintf("%02d-%02d", int(d.Month), d.Day)
	}
	return fmt.Sprintf("%04d-%02d-%02d", d.Year, int(d.Month), d.Day)
}

// MarshalText writes "2026-12-24", or "12-24" for every year. The zero Date is empty.
func (d Date) MarshalText() ([]byte, error) {
	if d != (Date{}) && !d.exists() {
		return nil, fmt.Errorf("%s: %w", d, errDate)
	}
	return []byte(d.String()), nil
}

// UnmarshalText reads what MarshalText writes, and nothing else.
func (d *Date) UnmarshalText(text []byte) error {
	var read Date
	rest := string(text)
	switch len(rest) {
	case 0:
		*d = read
		return nil
	case len("2026-12-24"):
		year, ok := digits(rest[:4])
		if !ok || year == 0 || rest[4] != '-' {
			return errDate
		}
		read.Year, rest = year, rest[5:]
	case len("12-24"):
	default:
		return errDate
	}
	month, okMonth := digits(rest[:2])
	day, okDay := digits(rest[3:])
	read.Month, read.Day = time.Month(month), day
	if !okMonth || !okDay || rest[2] != '-' {
		return errDate
	}
	if !read.exists() {
		return fmt.Errorf("%s is a day that does not exist", read)
	}
	*d = read
	return nil
}

// String is the time of day as it is written in JSON.
func (m Minute) String() string { return fmt.Sprintf("%02d:%02d", int(m)/60, int(m)%60) }

// MarshalText writes "08:00".
func (m Minute) MarshalText() ([]byte, error) {
	if m < 0 || m > endOfDay {
		return nil, errMinute
	}
	return []byte(m.String()), nil
}

// UnmarshalText reads what MarshalText writes, and nothing else.
func (m *Minute) UnmarshalText(text []byte) error {
	s := string(text)
	if len(s) != len("08:00") || s[2] != ':' {
		return errMinute
	}
	hour, okHour := digits(s[:2])
	minute, okMinute := digits(s[3:])
	read := Minute(hour*60 + minute)
	if !okHour || !okMinute || minute > 59 || read > endOfDay {
		return errMinute
	}
	*m = read
	return nil
}

// names are the days of the set as they are written, from Monday to Sunday.
func (d Days) names() []string {
	out := make([]string, 0, len(dayNames))
	for i := range dayNames {
		if w := time.Weekday((i + 1) % len(dayNames)); d.Has(w) {
			out = append(out, dayNames[w])
		}
	}
	return out
}

// MarshalJSON writes the list of days, Monday first.
func (d Days) MarshalJSON() ([]byte, error) { return json.Marshal(d.names()) }

// UnmarshalJSON reads a list of days in any order; null is the empty set.
func (d *Days) UnmarshalJSON(text []byte) error {
	var names []string
	if err := json.Unmarshal(text, &names); err != nil {
		return errDays
	}
	var read Days
next:
	for _, name := range names {
		for w, known := range dayNames {
			if name == known {
				read |= 1 << w
				continue next
			}
		}
		return errDays
	}
	*d = read
	return nil
}

// digits reads a number that consists of digits only.
func digits(s string) (int, bool) {
	n := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, true
}
