package dialog

import "time"

// Repeat paces the repetition of a 2xx until its ACK comes (RFC 3261 section
// 13.3.1.4): after T1, then at doubled intervals up to T2, on every transport,
// until 64*T1 have passed. The zero value is at the start.
type Repeat struct {
	interval time.Duration
	elapsed  time.Duration
}

// Values of RFC 3261 table 4 that Repeat uses.
const (
	t1 = 500 * time.Millisecond
	t2 = 4 * time.Second
)

// Next returns the wait before the next repetition; more is false when the wait
// ends at 64*T1 and the session is to be given up instead.
func (r *Repeat) Next() (wait time.Duration, more bool) {
	switch {
	case r.interval == 0:
		r.interval = t1
	case r.interval < t2:
		r.interval = min(2*r.interval, t2)
	}
	if rest := 64*t1 - r.elapsed; r.interval >= rest {
		r.elapsed = 64 * t1
		return rest, false
	}
	r.elapsed += r.interval
	return r.interval, true
}
