package calendar

import "time"

// The years whose clock changes are looked up once, at compile time. Others are looked up when they are asked for,
// which takes a few hundred nanoseconds more.
const (
	knownFrom  = 2020
	knownUntil = 2060
)

// around says how far to both sides of an instant a view reaches, in seconds. A stretch of a day that is under way
// begins and ends within two days, and the offsets of a zone differ by at most one.
const around = 3 * daySeconds

// zone is a time zone: which offset from UTC holds when, in seconds.
type zone struct {
	loc   *time.Location
	turns []turn // in order; the first is at the beginning of knownFrom
	end   int64  // until where turns are known
}

// turn is an instant (in Unix seconds) from which an offset holds.
type turn struct {
	at     int64
	offset int64
}

func newZone(loc *time.Location) *zone {
	z := &zone{loc: loc}
	from := time.Date(knownFrom, time.January, 1, 0, 0, 0, 0, time.UTC).Unix()
	z.end = time.Date(knownUntil, time.January, 1, 0, 0, 0, 0, time.UTC).Unix()
	for at := from; at < z.end; {
		offset, until := z.ask(at)
		if n := len(z.turns); n == 0 || z.turns[n-1].offset != offset {
			z.turns = append(z.turns, turn{at, offset})
		}
		at = until
	}
	return z
}

// ask asks the time package for the offset at an instant, and until when it holds at least.
func (z *zone) ask(at int64) (offset, until int64) {
	t := time.Unix(at, 0).In(z.loc)
	_, off := t.Zone()
	_, end := t.ZoneBounds()
	if end.IsZero() {
		return int64(off), at + 400*daySeconds
	}
	until = end.Unix()
	for until <= at {
		// Where a rule for all years holds, the end of the year is taken for the end, and on the last day of a leap
		// year that is a day too early.
		until += daySeconds
	}
	return int64(off), until
}

// lookup is the offset at an instant, and until when it holds at least.
func (z *zone) lookup(at int64) (offset, until int64) {
	if at >= z.end || at < z.turns[0].at {
		return z.ask(at)
	}
	// The last turn at or before the instant lies in [low, high).
	low, high := 0, len(z.turns)
	for high-low > 1 {
		if mid := (low + high) / 2; z.turns[mid].at <= at {
			low = mid
		} else {
			high = mid
		}
	}
	until = z.end
	if high < len(z.turns) {
		until = z.turns[high].at
	}
	return z.turns[low].offset, until
}

// span is a time during which one offset holds: from belongs to it, until does not.
type span struct {
	from, until, offset int64
}

// view is a zone near an instant: the spans, in order and without gaps. Zones do not change more than twice within
// days; if one ever did, the view would end early.
type view struct {
	spans [4]span
	n     int
}

// look sets the view to the time near an instant.
func (v *view) look(z *zone, at int64) {
	v.n = 0
	for x := at - around; x < at+around; {
		offset, until := z.lookup(x)
		switch {
		case v.n > 0 && v.spans[v.n-1].offset == offset:
			v.spans[v.n-1].until = until
		case v.n == len(v.spans):
			return
		default:
			v.spans[v.n] = span{x, until, offset}
			v.n++
		}
		x = until
	}
}

// plain reports whether no clock change is near.
func (v *view) plain() bool { return v.n == 1 }

// offsets are the least and the greatest offset near.
func (v *view) offsets() (least, greatest int64) {
	least, greatest = v.spans[0].offset, v.spans[0].offset
	for _, s := range v.spans[1:v.n] {
		least, greatest = min(least, s.offset), max(greatest, s.offset)
	}
	return least, greatest
}

// begin is the first instant at which clocks show wall or later. Wall is counted in seconds since 1970-01-01 00:00 as
// clocks show it.
func (v *view) begin(wall int64) int64 {
	for _, s := range v.spans[:v.n] {
		if at := max(s.from, wall-s.offset); at < s.until {
			return at
		}
	}
	return v.spans[v.n-1].until
}

// end is the instant after the last one at which clocks show less than wall.
func (v *view) end(wall int64) int64 {
	at := v.spans[0].from
	for _, s := range v.spans[:v.n] {
		if s.from+s.offset < wall {
			at = min(s.until, wall-s.offset)
		}
	}
	return at
}
