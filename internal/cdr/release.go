package cdr

import (
	"errors"
	"io/fs"
	"os"
)

// releaseBefore removes the segments before seq, oldest first. All their ends are
// in the database. Starts of calls that are still open would be lost with them:
// they move to the active segment first, but not before the journal is several
// times as large as all such starts, lest a system with many long calls does
// little but move them. When the disk refuses that, the segment stays as well.
func (j *journal) releaseBefore(seq uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for len(j.segments) > 0 && j.segments[0].seq < seq {
		if j.segments[0].open > 0 && (j.size() < j.limit+4*j.openSize || !j.carry(j.segments[0].seq)) {
			return
		}
		if err := os.Remove(j.path(j.segments[0].seq)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			j.stats.errors++
			j.log.Error("record spool segment cannot be removed", "error", err)
			return
		}
		j.segments = j.segments[1:]
	}
}

// size is the size of all segments in bytes.
func (j *journal) size() (n int64) {
	for _, s := range j.segments {
		n += s.size
	}
	return n
}

// carry writes the starts of open calls again that only the segment holds.
func (j *journal) carry(seq uint64) bool {
	if len(j.backlog) > 0 {
		return false
	}
	var starts []waiting
	for id, c := range j.open {
		if c.segment == seq {
			starts = append(starts, waiting{line: c.line, id: id, kind: started})
		}
	}
	return len(j.writeLocked(starts)) == 0
}
