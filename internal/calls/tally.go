package calls

import (
	"sync"
	"sync/atomic"
	"time"
)

// TallyStep is the time that one count of a Tally covers.
const TallyStep = 15 * time.Minute

// tallied is how many of them are kept: a day, and the one that runs.
const tallied = 97

// Count is how many calls began within one step, by how they ended.
type Count struct {
	At                       time.Time // when the step begins
	Answered, Missed, Failed int
}

// Tally counts the calls of the last day. Shards add to it without a lock; the zero value is ready.
type Tally struct {
	mu    sync.Mutex // for the turn of a step
	steps [tallied]struct {
		number atomic.Int64 // steps since 1970, 0 for none yet
		counts [3]atomic.Int64
	}
}

// outcome is the index of a result: answered, missed because the callee did not take it, or failed.
func outcome(r Result) int {
	switch r {
	case Answered:
		return 0
	case Cancelled, Busy, NoAnswer, Declined:
		return 1
	}
	return 2
}

// Add counts a call that has ended. One that began over a day ago is left out.
func (t *Tally) Add(start time.Time, r Result) {
	n := start.UnixNano() / int64(TallyStep)
	if n <= 0 {
		return
	}
	s := &t.steps[n%tallied]
	if s.number.Load() != n {
		t.turn(n)
	}
	if s.number.Load() == n {
		s.counts[outcome(r)].Add(1)
	}
}

// turn begins a step in the place of one of a day before.
func (t *Tally) turn(n int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := &t.steps[n%tallied]
	if s.number.Load() >= n {
		return
	}
	for i := range s.counts {
		s.counts[i].Store(0)
	}
	s.number.Store(n)
}

// Last returns the counts of the last day, the oldest first. The last one is that of the step that runs.
func (t *Tally) Last(now time.Time) []Count {
	last := now.UnixNano() / int64(TallyStep)
	out := make([]Count, 0, tallied)
	for n := last - tallied + 1; n <= last; n++ {
		c := Count{At: time.Unix(0, n*int64(TallyStep)).UTC()}
		if s := &t.steps[n%tallied]; s.number.Load() == n {
			c.Answered, c.Missed, c.Failed = int(s.counts[0].Load()), int(s.counts[1].Load()), int(s.counts[2].Load())
		}
		out = append(out, c)
	}
	return out
}
