package calendar

import "time"

const (
	// horizon is how far Next looks ahead, in seconds.
	horizon = 731 * daySeconds
	// farthest bounds instants: 34,000 years from 1970 to both sides, so that no sum overflows.
	farthest = 1 << 40
)

// instant is t in Unix seconds. Entries begin and end at full seconds.
func instant(t time.Time) int64 { return min(max(t.Unix(), -farthest), farthest) }

// Location is the time zone of the calendar.
func (c *Calendar) Location() *time.Location { return c.zone.loc }

// At returns the index of the entry that holds at t: the first of the list that matches, -1 if none does. It does
// not allocate.
func (c *Calendar) At(t time.Time) int { return c.at(instant(t)) }

// Holiday returns the name of the holiday that the day of t is, an own one before a public one, which has its
// German name. An own holiday may have no name.
func (c *Calendar) Holiday(t time.Time) (name string, ok bool) {
	at := instant(t)
	offset, _ := c.zone.lookup(at)
	number := dayNumber(at + offset)
	return c.holidays.name(dateOf(number), number)
}

// Next returns the first instant after t at which At changes, false if there is none within two years (731 days).
func (c *Calendar) Next(t time.Time) (time.Time, bool) {
	start := instant(t)
	now := c.at(start)
	for at := start; at < start+horizon; {
		var v view
		v.look(c.zone, at)
		var next int64
		var changed bool
		if v.plain() {
			next, changed = c.stepPlain(&v, at, now)
		} else {
			next, changed = c.stepNearChange(&v, at, now)
		}
		switch {
		case changed && next <= start+horizon:
			return time.Unix(next, 0).In(c.zone.loc), true
		case changed:
			return time.Time{}, false
		}
		at = next
	}
	return time.Time{}, false
}

func (c *Calendar) at(at int64) int {
	var v view
	v.look(c.zone, at)
	if !v.plain() {
		return c.atNearChange(&v, at)
	}
	wall := at + v.spans[0].offset
	d := c.day(dayNumber(wall))
	second := wall - d.number*daySeconds
	for i := range c.entries {
		if e := &c.entries[i]; e.from <= second && second < e.to && e.on(&d) {
			return i
		}
	}
	return -1
}

// atNearChange is At within days of a clock change. A stretch that is under way is of a day that some clock shows
// that goes by one of the offsets near: one or two days.
func (c *Calendar) atNearChange(v *view, at int64) int {
	least, greatest := v.offsets()
	found := len(c.entries)
	for number := dayNumber(at + least); number <= dayNumber(at+greatest); number++ {
		d := c.day(number)
		for i := range c.entries[:found] {
			if e := &c.entries[i]; e.on(&d) {
				if begin, end := e.stretch(v, number); begin <= at && at < end {
					found = i
					break
				}
			}
		}
	}
	if found == len(c.entries) {
		return -1
	}
	return found
}

// stretch is the real time of an entry on a day on which it holds: begin belongs to it, end does not. It is empty
// (end is not after begin) if clocks leave out the whole of it.
func (e *entry) stretch(v *view, number int64) (begin, end int64) {
	return v.begin(number*daySeconds + e.from), v.end(number*daySeconds + e.to)
}

// stepPlain looks for the first change from now (what At returned) at or after an instant, in the rest of its day,
// with no clock change near. If there is none, it returns the end of the day.
func (c *Calendar) stepPlain(v *view, at int64, now int) (next int64, changed bool) {
	wall := at + v.spans[0].offset
	d := c.day(dayNumber(wall))
	second := wall - d.number*daySeconds
	midnight := at - second
	change := int64(daySeconds)
	for i := range c.entries {
		e := &c.entries[i]
		on := e.on(&d)
		if i == now {
			if !on || second < e.from || second >= e.to {
				return at, true
			}
			change = min(change, e.to)
			break // what comes later in the list does not matter
		}
		if on && second < e.to {
			change = min(change, max(e.from, second))
		}
	}
	return midnight + change, change < daySeconds
}

// stepNearChange does the same within days of a clock change, for the 24 hours from the instant on. The next change
// is where an entry that goes before the present one begins, or where the present one ends, unless it goes on at
// once on the next day.
func (c *Calendar) stepNearChange(v *view, at int64, now int) (next int64, changed bool) {
	if c.atNearChange(v, at) != now {
		return at, true
	}
	next = at + daySeconds
	rivals := len(c.entries)
	if now >= 0 {
		rivals = now + 1
	}
	least, greatest := v.offsets()
	for number := dayNumber(at + least); number <= dayNumber(next+greatest); number++ {
		d := c.day(number)
		for i := range c.entries[:rivals] {
			e := &c.entries[i]
			if !e.on(&d) {
				continue
			}
			change, end := e.stretch(v, number)
			if i == now {
				change = end
			}
			if at < change && change < next {
				next = change
			}
		}
	}
	return next, c.at(next) != now
}
