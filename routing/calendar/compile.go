package calendar

import (
	"math"
	"time"
)

const (
	daySeconds = 24 * 60 * 60
	endOfDay   = Minute(24 * 60)
	everyDay   = Days(1<<7 - 1)
)

// Calendar is a Spec made ready. It is immutable.
type Calendar struct {
	zone    *zone
	entries []entry
	// useHolidays is whether any entry asks for holidays; finding out whether a day is one takes time.
	useHolidays bool
	holidays    holidaySet
}

// entry is an Entry made ready.
type entry struct {
	from, to int64 // seconds of the day
	// kinds are the kinds of day on which it holds: bit 0 to 6 by time.Weekday if the day is no holiday, 7 to 13 if it is.
	kinds uint16
	// yearly is whether first and last are days of the year (Date.inYear), else they are numbers of days.
	yearly      bool
	first, last int64
}

// Compiler compiles Specs and looks up each time zone once, which is most of the time that compiling takes. The zero value is ready. It must
// not be used by several goroutines at once.
type Compiler struct {
	zones map[string]*zone
}

// Compile makes a Calendar. It returns nil if the Spec has problems.
func Compile(s Spec) (*Calendar, []Problem) {
	var c Compiler
	return c.Compile(s)
}

// Compile makes a Calendar. It returns nil if the Spec has problems.
func (k *Compiler) Compile(s Spec) (*Calendar, []Problem) {
	z, known := k.zones[s.Zone]
	var loc *time.Location
	if known {
		loc = z.loc
	}
	loc, ps := s.check(loc)
	if len(ps) > 0 {
		return nil, ps
	}
	if !known {
		z = newZone(loc)
		if k.zones == nil {
			k.zones = map[string]*zone{}
		}
		k.zones[s.Zone] = z
	}
	c := &Calendar{zone: z, holidays: newHolidaySet(s.State, s.Own), entries: make([]entry, len(s.Entries))}
	for i := range s.Entries {
		c.entries[i] = newEntry(&s.Entries[i])
		c.useHolidays = c.useHolidays || s.Entries[i].Holidays != LikeOtherDays
	}
	return c, nil
}

func newEntry(e *Entry) entry {
	out := entry{from: int64(e.From) * 60, to: int64(e.To) * 60, first: math.MinInt64, last: math.MaxInt64}
	if e.From == 0 && e.To == 0 {
		out.to = daySeconds
	}
	days := e.Days
	if days == 0 {
		days = everyDay
	}
	switch e.Holidays {
	case NotOnHolidays:
		out.kinds = uint16(days)
	case OnlyOnHolidays:
		out.kinds = uint16(everyDay) << 7
	default:
		out.kinds = uint16(days) | uint16(days)<<7
	}
	if first, ok := bound(e.First); ok {
		out.yearly = first.Year == 0
		out.first = out.dayOf(first)
	}
	if last, ok := bound(e.Last); ok {
		out.last = out.dayOf(last)
	}
	return out
}

func (e *entry) dayOf(d Date) int64 {
	if e.yearly {
		return int64(d.inYear())
	}
	return d.number()
}

// on reports whether the entry holds on a day, at its time of day.
func (e *entry) on(d *day) bool {
	if e.kinds>>d.kind&1 == 0 {
		return false
	}
	switch {
	case !e.yearly:
		return e.first <= d.number && d.number <= e.last
	case e.first <= e.last:
		return e.first <= d.inYear && d.inYear <= e.last
	}
	return d.inYear >= e.first || d.inYear <= e.last // over New Year
}

// day is what an entry asks of a day.
type day struct {
	number int64 // days since 1970-01-01
	inYear int64 // Date.inYear
	kind   uint8 // see entry.kinds
}

func (c *Calendar) day(number int64) day {
	date := dateOf(number)
	weekday := weekdayOf(number)
	d := day{number: number, inYear: int64(date.inYear()), kind: uint8(weekday)}
	if c.useHolidays && c.holidays.has(date, number, weekday) {
		d.kind += 7
	}
	return d
}

// dayNumber is the day that clocks show at wall, in days since 1970-01-01.
func dayNumber(wall int64) int64 {
	n := wall / daySeconds
	if wall%daySeconds < 0 {
		n--
	}
	return n
}

func dateOf(number int64) Date {
	year, month, d := time.Unix(number*daySeconds, 0).UTC().Date()
	return Date{year, month, d}
}

func weekdayOf(number int64) time.Weekday {
	return time.Weekday(((number+int64(time.Thursday))%7 + 7) % 7) // 1970-01-01 was a Thursday
}
