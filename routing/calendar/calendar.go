// Package calendar answers which entry of a calendar holds at an instant, and when that changes next: opening
// hours, weekends, holidays, the days between Christmas and Epiphany.
//
// A Spec is a calendar as it is stored; Compile makes a Calendar of it, which is immutable and shared by all
// goroutines. The package has no clock: the instant is always an argument. Its only I/O is reading the rules of
// the time zone when a Spec is checked or compiled. It imports the standard library only.
//
// The rules (which entry of several, what the two clock changes do, which holidays count) stand in DESIGN.md.
package calendar

import "time"

// Date is a day of the calendar, in no time zone. Year 0 means every year. In JSON it is "2026-12-24" or "12-24".
// 29 February of every year exists in leap years only.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// Minute is a time of day in minutes, 0 to 1440. In JSON it is "08:00"; "24:00" is the end of the day.
type Minute int

// Days is a set of days of the week, bit n standing for the time.Weekday n. In JSON it is a list: ["mon", "tue"].
type Days uint8

// OnHolidays says how an entry treats holidays.
type OnHolidays string

// The ways to treat holidays.
const (
	LikeOtherDays  OnHolidays = ""     // a holiday is a day of the week like others
	NotOnHolidays  OnHolidays = "not"  // the entry does not hold on holidays
	OnlyOnHolidays OnHolidays = "only" // the entry holds on holidays only, whatever day of the week they are
)

// Entry is a span of time that comes again on days.
type Entry struct {
	Name string `json:"name,omitempty"`
	// Days are the days of the week; none means every day.
	Days Days `json:"days,omitempty"`
	// From and To bound the time of day: From belongs to it, To does not. Both 0 mean the whole day.
	From Minute `json:"from"`
	To   Minute `json:"to"`
	// First and Last bound the dates and belong to it; nil (or the zero Date) is no bound. Either both are of every
	// year, and may then run over New Year (12-24 to 01-06), or none is.
	First    *Date      `json:"first,omitempty"`
	Last     *Date      `json:"last,omitempty"`
	Holidays OnHolidays `json:"holidays,omitempty"`
}

// Holiday is a holiday of one's own.
type Holiday struct {
	Name string `json:"name,omitempty"`
	Date Date   `json:"date"`
}

// Spec is a calendar as it is stored.
type Spec struct {
	// Zone is the name of the time zone in the IANA database, such as "Europe/Berlin".
	Zone string `json:"zone"`
	// State is the German state whose public holidays count ("BW", "BY", …), "" for none.
	State   string    `json:"state,omitempty"`
	Own     []Holiday `json:"own,omitempty"`
	Entries []Entry   `json:"entries"`
}

// DaysOf is the set of the days given.
func DaysOf(days ...time.Weekday) Days {
	var d Days
	for _, w := range days {
		d |= 1 << w
	}
	return d
}

// Has reports whether w is in the set.
func (d Days) Has(w time.Weekday) bool { return d>>w&1 != 0 }

// exists reports whether there is such a day.
func (d Date) exists() bool {
	if d.Year < 0 || d.Year > 9999 || d.Month < time.January || d.Month > time.December || d.Day < 1 {
		return false
	}
	year := d.Year
	if year == 0 {
		year = 2000 // a leap year
	}
	return d.Day <= time.Date(year, d.Month+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// number counts the days since 1970-01-01.
func (d Date) number() int64 {
	return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC).Unix() / daySeconds
}

// inYear orders the days of a year.
func (d Date) inYear() int32 { return int32(d.Month)*100 + int32(d.Day) }

// bound is the date that d points to, if it bounds anything.
func bound(d *Date) (Date, bool) {
	if d == nil || *d == (Date{}) {
		return Date{}, false
	}
	return *d, true
}
