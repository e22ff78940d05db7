package cdr

import (
	"slices"

	"github.com/koppelfeld/koppelfeld/internal/calls"
)

// recent are the youngest ends of the journal, kept in memory so that the flusher
// need not read them back. It holds either every end after the flusher's position
// or nothing: when there are more than limit, or one whose record is not at hand,
// it is given up until the flusher has read the journal to its end.
type recent struct {
	batch   int // ends that make a batch
	limit   int
	whole   bool
	records []calls.Record
	after   []position // of each record's line
}

func (r *recent) add(record *calls.Record, after position) {
	if !r.whole {
		return
	}
	if record == nil || len(r.records) >= r.limit {
		*r = recent{batch: r.batch, limit: r.limit}
		return
	}
	r.records = append(r.records, *record)
	r.after = append(r.after, after)
}

// next returns, from memory, the ends that come first after what has been handed
// in, one batch at most, and the position after them. whole is false when they must
// be read from the segments. When there are none, the position is the journal's end.
// The records stay as they are until commit is called.
func (j *journal) next() (b batch, at position, whole bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := &j.recent
	if !r.whole {
		return b, at, false
	}
	if n := min(r.batch, len(r.records)); n > 0 {
		return batch{records: r.records[:n:n], ends: n}, r.after[n-1], true
	}
	return b, j.end(), true
}

// pending returns how many ends are in memory, and whether there are enough for a
// batch or some elsewhere.
func (j *journal) pending() (n int, behind bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.recent.records), j.behindLocked()
}

func (j *journal) behindLocked() bool {
	return !j.recent.whole || len(j.recent.records) >= j.recent.batch || len(j.backlog) > 0
}

// end is the position after everything.
func (j *journal) end() position {
	if j.active == nil {
		return position{seq: j.nextSeq}
	}
	s := j.segments[len(j.segments)-1]
	return position{seq: s.seq, offset: s.size}
}

// follow keeps ends in memory from now on if there is nothing after p. It reports
// whether that is so.
func (j *journal) follow(p position) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if p.before(j.end()) && len(j.segments) > 0 {
		return false
	}
	j.recent.whole = true
	return true
}

// commit notes that n ends, up to p, are in the database.
func (j *journal) commit(p position, n int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.stats.handedIn += uint64(n)
	if r := &j.recent; r.whole {
		r.records = slices.Delete(r.records, 0, min(n, len(r.records)))
		r.after = slices.Delete(r.after, 0, min(n, len(r.after)))
	}
	if len(j.backlog) > 0 {
		return // without the note a restart hands the same records in again
	}
	if w, err := newWaiting(entry{Kind: committed, At: micros(j.clock()), Seq: p.seq, Offset: p.offset}); err == nil {
		j.writeLocked([]waiting{w})
	}
}
