package calendar

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Bounds of a Spec. Texts are counted in bytes.
const (
	maxEntries = 200
	maxOwn     = 200
	maxName    = 100
	maxZone    = 64
)

// Problem is one thing wrong with a Spec. Field is the path to it, such as "entries[2].to"; Message goes on after it
// ("is before …").
type Problem struct {
	Field   string
	Message string
}

func (p Problem) Error() string { return p.Field + ": " + p.Message }

// Check returns everything that is wrong. It reads the rules of the time zone.
func (s *Spec) Check() []Problem {
	_, ps := s.check(nil)
	return ps
}

type problems []Problem

func (ps *problems) add(field, format string, args ...any) {
	*ps = append(*ps, Problem{Field: field, Message: fmt.Sprintf(format, args...)})
}

// check also returns the location, nil if there is none. It is looked up unless it is given.
func (s *Spec) check(loc *time.Location) (*time.Location, problems) {
	var ps problems
	if loc == nil {
		loc = ps.zone(s.Zone)
	}
	if s.State != "" && !isState(s.State) {
		ps.add("state", "is no German state: write one of %s, or leave it empty", strings.Join(stateCodes[:], ", "))
	}
	if len(s.Own) > maxOwn {
		ps.add("own", "are more than %d holidays", maxOwn)
	}
	for i, h := range s.Own[:min(len(s.Own), maxOwn)] {
		field := fmt.Sprintf("own[%d]", i)
		ps.text(field+".name", h.Name)
		if h.Date == (Date{}) {
			ps.add(field+".date", "is missing: write 2026-12-24, or 12-24 for every year")
		} else if !h.Date.exists() {
			ps.add(field+".date", "%s is a day that does not exist", h.Date)
		}
	}
	if len(s.Entries) > maxEntries {
		ps.add("entries", "are more than %d", maxEntries)
	}
	for i := range s.Entries[:min(len(s.Entries), maxEntries)] {
		ps.entry(fmt.Sprintf("entries[%d]", i), &s.Entries[i])
	}
	return loc, ps
}

// zone checks the name of a time zone and loads it.
func (ps *problems) zone(name string) *time.Location {
	const advice = `write its name in the IANA list, for example "Europe/Berlin"`
	switch {
	case name == "":
		ps.add("zone", "is missing: %s", advice)
		return nil
	case len(name) > maxZone, !isZoneName(name):
		ps.add("zone", "is no time zone: %s", advice)
		return nil
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		ps.add("zone", "%q is no time zone that is known: %s", name, advice)
		return nil
	}
	return loc
}

// isZoneName reports whether name may stand in the IANA list. Names that mean whatever this machine is set to, and
// the copies of the list that count leap seconds, are found on some machines and refused on all.
func isZoneName(name string) bool {
	for _, c := range []byte(name) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("/_+-", rune(c)) {
			return false
		}
	}
	switch name {
	case "Local", "localtime", "posixrules", "Factory":
		return false
	}
	return !strings.HasPrefix(name, "posix/") && !strings.HasPrefix(name, "right/")
}

func (ps *problems) entry(field string, e *Entry) {
	ps.text(field+".name", e.Name)
	if e.Days > everyDay {
		ps.add(field+".days", "are not days of the week")
	}
	switch e.Holidays {
	case LikeOtherDays, NotOnHolidays, OnlyOnHolidays:
	default:
		ps.add(field+".holidays", `is neither "not" (not on holidays) nor "only" (only on holidays), nor empty (like other days)`)
	}
	ps.times(field, e.From, e.To)
	ps.dates(field, e)
}

// times checks that a time of day ends after it begins.
func (ps *problems) times(field string, from, to Minute) {
	inDay := true
	for _, m := range []struct {
		name string
		at   Minute
	}{{".from", from}, {".to", to}} {
		if m.at < 0 || m.at > endOfDay {
			ps.add(field+m.name, "is no time of day: write it from 00:00 to 24:00")
			inDay = false
		}
	}
	switch {
	case !inDay || from < to || from == 0 && to == 0:
	case from == to:
		ps.add(field+".to", "%s is also where it begins, so it never holds; for the whole day write 00:00 to 24:00", to)
	case to == 0:
		ps.add(field+".to", "00:00 is the beginning of the day; for its end write 24:00")
	default:
		ps.add(field+".to", "%s is before %s, where it begins; for a time over midnight make two entries, %s to 24:00 and 00:00 to %s",
			to, from, from, to)
	}
}

// dates checks that the dates of an entry exist, belong together and are in order.
func (ps *problems) dates(field string, e *Entry) {
	first, hasFirst := bound(e.First)
	last, hasLast := bound(e.Last)
	if hasFirst && !first.exists() {
		ps.add(field+".first", "%s is a day that does not exist", first)
		return
	}
	if hasLast && !last.exists() {
		ps.add(field+".last", "%s is a day that does not exist", last)
		return
	}
	switch {
	case hasFirst && hasLast && (first.Year == 0) != (last.Year == 0):
		ps.add(field+".last", "%s does not go with %s: write both with a year, or both without for every year", last, first)
	case hasFirst && !hasLast && first.Year == 0:
		ps.add(field+".last", "is missing: %s is of every year, so the last day has to be said too (12-31 for the end of the year)", first)
	case hasLast && !hasFirst && last.Year == 0:
		ps.add(field+".first", "is missing: %s is of every year, so the first day has to be said too (01-01 for the beginning of the year)", last)
	case hasFirst && hasLast && first.Year != 0 && last.number() < first.number():
		ps.add(field+".last", "%s is before %s, the first day", last, first)
	}
}

func (ps *problems) text(field, value string) {
	switch {
	case len(value) > maxName:
		ps.add(field, "is longer than %d bytes", maxName)
	case !utf8.ValidString(value):
		ps.add(field, "is not valid UTF-8")
	case strings.ContainsFunc(value, unicode.IsControl):
		ps.add(field, "contains a control character")
	}
}
