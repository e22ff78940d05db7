package routetest

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/koppelfeld/koppelfeld/routing"
	"github.com/koppelfeld/koppelfeld/routing/calendar"
)

// begin is when calls come and choices are made for which a script names no time: a Friday morning in Berlin.
var begin = time.Date(2026, time.November, 27, 9, 0, 0, 0, time.UTC)

// instant reads a time: "2026-12-27 14:00" as clocks show it in Berlin, or with the offset from UTC, "2026-10-25 02:30 +0100", where clocks show
// it twice.
func instant(text string) (time.Time, error) {
	if at, err := time.Parse("2006-01-02 15:04 -0700", text); err == nil {
		return at, nil
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		return time.Time{}, fmt.Errorf("reading a time: %w", err)
	}
	at, err := time.ParseInLocation("2006-01-02 15:04", text, berlin)
	if err != nil {
		return time.Time{}, fmt.Errorf(`%q is no time such as "2026-12-27 14:00"`, text)
	}
	return at, nil
}

// seconds reads 20 or 20s.
func seconds(text string) (time.Duration, error) {
	d, err := time.ParseDuration(strings.TrimSuffix(text, "s") + "s")
	if err != nil {
		return 0, fmt.Errorf("%q are no seconds", text)
	}
	return d, nil
}

// schedule NUMBER zone ZONE [state STATE] begins a schedule; schedule NUMBER entry PROFILE|none WHEN adds to it, schedule NUMBER holiday DATE ["NAME"]
// too; schedule NUMBER none takes it away.
func (w *world) schedule(rest []string) error {
	if len(rest) < 2 {
		return errors.New("want schedule, a number and zone, entry, holiday or none")
	}
	u, n, err := w.extension(rest[0])
	if err != nil {
		return err
	}
	t := taker{rest[1:]}
	switch {
	case t.take("none"):
		n.Schedule = nil
		return t.done()
	case t.take("zone"):
		n.Schedule = &routing.Schedule{}
		return t.zone(&n.Schedule.Calendar)
	case n.Schedule == nil:
		return fmt.Errorf("%s has no schedule yet; begin with its zone", rest[0])
	case t.take("entry"):
		profile := t.next()
		if profile == "none" {
			profile = ""
		} else {
			profile = w.slotOf(u.ID, profile)
		}
		n.Schedule.Profiles = append(n.Schedule.Profiles, profile)
		return t.entry(&n.Schedule.Calendar)
	case t.take("holiday"):
		return t.holiday(&n.Schedule.Calendar)
	}
	return fmt.Errorf("a schedule has no %q", t.next())
}

// calendar NAME zone ZONE [state STATE] | entry WHEN | holiday DATE ["NAME"].
func (w *world) calendar(rest []string) error {
	if len(rest) < 2 {
		return errors.New("want calendar, a name and zone, entry or holiday")
	}
	w.share()
	g := &w.config.Globals
	at := -1
	for i := range g.Calendars {
		if g.Calendars[i].ID == rest[0] {
			at = i
		}
	}
	t := taker{rest[1:]}
	switch {
	case at < 0 && t.take("zone"):
		c := routing.Calendar{ID: rest[0], Name: rest[0]}
		err := t.zone(&c.Spec)
		g.Calendars = append(g.Calendars, c)
		return err
	case at < 0:
		return fmt.Errorf("there is no calendar %s; begin with its zone", rest[0])
	case t.take("entry"):
		return t.entry(&g.Calendars[at].Spec)
	case t.take("holiday"):
		return t.holiday(&g.Calendars[at].Spec)
	}
	return fmt.Errorf("a calendar has no %q", t.next())
}

func (t *taker) zone(s *calendar.Spec) error {
	if s.Zone = t.next(); t.take("state") {
		s.State = t.next()
	}
	return t.done()
}

func (t *taker) holiday(s *calendar.Spec) error {
	var h calendar.Holiday
	if err := h.Date.UnmarshalText([]byte(t.next())); err != nil {
		return fmt.Errorf("a date: %w", err)
	}
	h.Name = t.next()
	s.Own = append(s.Own, h)
	return t.done()
}

var dayNames = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// entry reads WHEN: daily or days (mon-fri, sat,sun), all-day or 08:00-17:00, then if you like from DATE to DATE, and holidays not|only.
func (t *taker) entry(s *calendar.Spec) error {
	var e calendar.Entry
	var err error
	if e.Days, err = days(t.next()); err != nil {
		return err
	}
	if !t.take("all-day") {
		from, to, _ := strings.Cut(t.next(), "-")
		if err := errors.Join(e.From.UnmarshalText([]byte(from)), e.To.UnmarshalText([]byte(to))); err != nil {
			return fmt.Errorf("a time of day: %w", err)
		}
	}
	for _, bound := range []struct {
		word string
		to   **calendar.Date
	}{{"from", &e.First}, {"to", &e.Last}} {
		if t.take(bound.word) {
			*bound.to = new(calendar.Date)
			if err := (*bound.to).UnmarshalText([]byte(t.next())); err != nil {
				return fmt.Errorf("a date: %w", err)
			}
		}
	}
	if t.take("holidays") {
		e.Holidays = calendar.OnHolidays(t.next())
	}
	s.Entries = append(s.Entries, e)
	return t.done()
}

// days reads daily, mon-fri, or sat,sun.
func days(text string) (calendar.Days, error) {
	if text == "daily" {
		return 0, nil
	}
	var all calendar.Days
	for _, part := range strings.Split(text, ",") {
		first, last, span := strings.Cut(part, "-")
		if !span {
			last = first
		}
		from, to := dayOf(first), dayOf(last)
		if from < 0 || to < 0 {
			return 0, fmt.Errorf("%q are no days such as mon-fri", text)
		}
		for d := from; ; d = (d + 1) % len(dayNames) {
			if all |= calendar.DaysOf(time.Weekday(d)); d == to {
				break
			}
		}
	}
	return all, nil
}

func dayOf(name string) int {
	for i, n := range dayNames {
		if n == name {
			return i
		}
	}
	return -1
}
