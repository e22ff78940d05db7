package calendar

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// stateCodes are the German states.
var stateCodes = [16]string{"BB", "BE", "BW", "BY", "HB", "HE", "HH", "MV", "NI", "NW", "RP", "SH", "SL", "SN", "ST", "TH"}

func isState(code string) bool { return slices.Contains(stateCodes[:], code) }

// PublicHoliday is a day that the law of a state makes a holiday.
type PublicHoliday struct {
	Date Date
	De   string // name in German
	En   string // name in English
}

// rule is a public holiday as the law describes it.
type rule struct {
	de, en string
	states string // codes with blanks between, "" for all
	// year is 0 for every year.
	year  int
	month time.Month
	day   int
	// easter is whether day counts from Easter Sunday instead.
	easter bool
	// penance is the Wednesday before 23 November.
	penance bool
}

// rules are the laws as they were in 2026.
var rules = [...]rule{
	{de: "Neujahr", en: "New Year's Day", month: time.January, day: 1},
	{de: "Heilige Drei Könige", en: "Epiphany", month: time.January, day: 6, states: "BW BY ST"},
	{de: "Internationaler Frauentag", en: "International Women's Day", month: time.March, day: 8, states: "BE MV"},
	{de: "Karfreitag", en: "Good Friday", easter: true, day: -2},
	{de: "Ostersonntag", en: "Easter Sunday", easter: true, day: 0, states: "BB"},
	{de: "Ostermontag", en: "Easter Monday", easter: true, day: 1},
	{de: "Tag der Arbeit", en: "Labour Day", month: time.May, day: 1},
	{de: "Tag der Befreiung", en: "Liberation Day", month: time.May, day: 8, states: "BE", year: 2020},
	{de: "Tag der Befreiung", en: "Liberation Day", month: time.May, day: 8, states: "BE", year: 2025},
	{de: "Christi Himmelfahrt", en: "Ascension Day", easter: true, day: 39},
	{de: "Pfingstsonntag", en: "Whit Sunday", easter: true, day: 49, states: "BB"},
	{de: "Pfingstmontag", en: "Whit Monday", easter: true, day: 50},
	{de: "Fronleichnam", en: "Corpus Christi", easter: true, day: 60, states: "BW BY HE NW RP SL"},
	{
		de: "75. Jahrestag des Aufstandes vom 17. Juni 1953", en: "75th anniversary of the uprising of 17 June 1953",
		month: time.June, day: 17, states: "BE", year: 2028,
	},
	{de: "Mariä Himmelfahrt", en: "Assumption Day", month: time.August, day: 15, states: "BY SL"},
	{de: "Weltkindertag", en: "World Children's Day", month: time.September, day: 20, states: "TH"},
	{de: "Tag der Deutschen Einheit", en: "German Unity Day", month: time.October, day: 3},
	{de: "Reformationstag", en: "Reformation Day", month: time.October, day: 31, states: "BB HB HH MV NI SH SN ST TH"},
	{de: "Allerheiligen", en: "All Saints' Day", month: time.November, day: 1, states: "BW BY NW RP SL"},
	{de: "Buß- und Bettag", en: "Day of Repentance and Prayer", penance: true, states: "SN"},
	{de: "1. Weihnachtstag", en: "Christmas Day", month: time.December, day: 25},
	{de: "2. Weihnachtstag", en: "Boxing Day", month: time.December, day: 26},
}

// in reports whether the rule is law in a state. No holiday is law where no state is chosen.
func (r *rule) in(state string) bool {
	return state != "" && (r.states == "" || strings.Contains(r.states, state))
}

// date is the day of the holiday in a year, false if there is none.
func (r *rule) date(year int) (Date, bool) {
	switch {
	case r.year != 0 && r.year != year:
		return Date{}, false
	case r.easter:
		return dateOf(easter(year) + int64(r.day)), true
	case r.penance:
		d := Date{year, time.November, penanceFirst}
		for weekdayOf(d.number()) != time.Wednesday {
			d.Day++
		}
		return d, true
	}
	return Date{year, r.month, r.day}, true
}

// penanceFirst to penanceLast are the days of November on which the Day of Repentance and Prayer can fall.
const (
	penanceFirst = 16
	penanceLast  = 22
)

// Holidays lists the public holidays of a German state in a year in order, by the laws of 2026: in years before a
// law was changed it may be wrong. It is empty for a state that does not exist, and before 1583.
func Holidays(state string, year int) []PublicHoliday {
	if !isState(state) || year < 1583 || year > 9999 {
		return nil
	}
	var out []PublicHoliday
	for i := range rules {
		r := &rules[i]
		if d, ok := r.date(year); ok && r.in(state) {
			out = append(out, PublicHoliday{Date: d, De: r.de, En: r.en})
		}
	}
	slices.SortStableFunc(out, func(a, b PublicHoliday) int { return cmp.Compare(a.Date.inYear(), b.Date.inYear()) })
	return out
}

// easter is Easter Sunday of a year as the number of its day, by the Gregorian calendar (the way of Meeus, Jones and
// Butcher).
func easter(year int) int64 {
	a, b, c := year%19, year/100, year%100
	h := (19*a + b - b/4 - (b-(b+8)/25+1)/3 + 15) % 30
	l := (32 + 2*(b%4) + 2*(c/4) - h - c%4) % 7
	m := (a + 11*h + 22*l) / 451
	n := h + l - 7*m + 114
	return Date{year, time.Month(n / 31), n%31 + 1}.number()
}

// holidaySet finds out fast whether a day is a holiday.
type holidaySet struct {
	state   string
	own     []Holiday
	yearly  [13]uint32 // by month: bit n stands for day n of every year
	once    []int64    // numbers of days, in order
	easter  uint64     // bit n stands for the day n-beforeEaster after Easter Sunday
	penance bool
}

// beforeEaster is how many days before Easter Sunday the first holiday is that counts from it; withEaster is how
// many days those holidays span.
const (
	beforeEaster = 2
	withEaster   = 63
)

func newHolidaySet(state string, own []Holiday) holidaySet {
	h := holidaySet{state: state, own: slices.Clone(own)}
	for _, o := range own {
		h.add(o.Date)
	}
	for i := range rules {
		r := &rules[i]
		switch {
		case !r.in(state):
		case r.easter:
			h.easter |= 1 << (r.day + beforeEaster)
		case r.penance:
			h.penance = true
		default:
			h.add(Date{r.year, r.month, r.day})
		}
	}
	slices.Sort(h.once)
	return h
}

func (h *holidaySet) add(d Date) {
	if d.Year == 0 {
		h.yearly[d.Month] |= 1 << d.Day
	} else {
		h.once = append(h.once, d.number())
	}
}

// has reports whether a day is a holiday. The date, the number and the day of the week are of the same day.
func (h *holidaySet) has(d Date, number int64, weekday time.Weekday) bool {
	if h.yearly[d.Month]>>d.Day&1 != 0 {
		return true
	}
	if len(h.once) > 0 {
		if _, ok := slices.BinarySearch(h.once, number); ok {
			return true
		}
	}
	if h.penance && d.Month == time.November && penanceFirst <= d.Day && d.Day <= penanceLast && weekday == time.Wednesday {
		return true
	}
	if h.easter == 0 || d.Month < time.March || d.Month > time.June {
		return false
	}
	n := number - easter(d.Year) + beforeEaster
	return n >= 0 && n < withEaster && h.easter>>n&1 != 0
}

// name is the name of the holiday that a day is.
func (h *holidaySet) name(d Date, number int64) (string, bool) {
	if !h.has(d, number, weekdayOf(number)) {
		return "", false
	}
	for _, o := range h.own {
		if o.Date.Month == d.Month && o.Date.Day == d.Day && (o.Date.Year == 0 || o.Date.Year == d.Year) {
			return o.Name, true
		}
	}
	for i := range rules {
		r := &rules[i]
		if date, ok := r.date(d.Year); ok && r.in(h.state) && date == d {
			return r.de, true
		}
	}
	return "", false
}
