package cdr

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/calls"
)

// file is what the journal needs of a segment; tests put a full disk behind it.
type file interface {
	io.Writer
	Sync() error
	Truncate(size int64) error
	Close() error
}

func createFile(name string) (file, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// openCall is a call whose start is in the journal and whose end is not.
type openCall struct {
	line    []byte // the start as a journal line, to be carried over
	segment uint64 // the youngest segment that holds it, 0 when none does
}

// journal is the spool on disk: segments of lines, the last one active. Segments
// are removed oldest first, so the end of a call never goes before its start.
// mu guards everything; it is held for a write to the page cache at most.
type journal struct {
	dir     string
	limit   int64 // bytes after which a segment is closed
	backMax int   // bytes that may wait in memory while the disk refuses
	log     *slog.Logger
	create  func(name string) (file, error)
	clock   func() time.Time

	mu       sync.Mutex
	active   file
	segments []segment // oldest first; the last is active when active is not nil
	nextSeq  uint64
	unsynced []file // closed for writing, to be synced and closed
	dirty    bool   // active has bytes that are not synced
	open     map[string]openCall
	openSize int64  // bytes of the lines in open
	buf      []byte // of writeLocked
	recent   recent
	backlog  []waiting // refused by the disk, in order
	backSize int
	failing  bool // the last write failed; logged once
	done     position
	stats    journalStats
}

type journalStats struct {
	finished    uint64 // ends appended, or found and not committed
	handedIn    uint64 // ends committed
	errors      uint64
	damaged     uint64
	lost        uint64
	interrupted uint64
}

type segment struct {
	seq  uint64
	size int64
	open int // calls of which it holds the youngest start
}

// position is a place between two lines of the journal.
type position struct {
	seq    uint64
	offset int64
}

func (p position) before(q position) bool {
	return p.seq < q.seq || p.seq == q.seq && p.offset < q.offset
}

// waiting is a line on its way to the disk.
type waiting struct {
	line   []byte
	id     string
	kind   kind
	record *calls.Record // of an end; nil when it must be read from the line
}

const (
	segmentPrefix = "cdr-"
	segmentSuffix = ".log"
)

func (j *journal) path(seq uint64) string {
	return filepath.Join(j.dir, fmt.Sprintf("%s%016d%s", segmentPrefix, seq, segmentSuffix))
}

func newWaiting(e entry) (waiting, error) {
	line, err := e.encode(nil)
	w := waiting{line: line, kind: e.Kind}
	if e.Record != nil {
		w.id = e.Record.ID
	}
	return w, err
}

// appendLocked writes lines in order; it does not keep them. What the disk refuses
// waits in memory, and everything after it too, until retryLocked gets it written.
// It reports whether the flusher should know: there are ends and had been none
// before, or there are enough for a batch, or they are not in memory.
func (j *journal) appendLocked(batch []waiting) (tell bool) {
	ends := slices.ContainsFunc(batch, func(w waiting) bool { return w.kind == finished })
	idle := len(j.recent.records) == 0
	defer func() { tell = ends && (idle || j.behindLocked()) }()
	j.retryLocked()
	if len(j.backlog) == 0 {
		batch = j.writeLocked(batch)
	}
	for _, w := range batch {
		j.track(w, 0)
		j.backlog = append(j.backlog, waiting{line: bytes.Clone(w.line), id: w.id, kind: w.kind})
		j.backSize += len(w.line)
	}
	for j.backSize > j.backMax && len(j.backlog) > 0 {
		j.backSize -= len(j.backlog[0].line)
		if j.backlog[0].kind == finished {
			j.stats.lost++
		}
		j.backlog = j.backlog[1:]
	}
	return tell
}

// track keeps the set of open calls.
func (j *journal) track(w waiting, seq uint64) {
	if w.kind != started && w.kind != finished {
		return
	}
	c, known := j.open[w.id]
	if s := j.segment(c.segment); known && s != nil {
		s.open--
	}
	if w.kind == finished {
		j.openSize -= int64(len(c.line))
		delete(j.open, w.id)
		return
	}
	if !known {
		c.line = bytes.Clone(w.line)
		j.openSize += int64(len(c.line))
	}
	c.segment = seq
	j.open[w.id] = c
	if s := j.segment(seq); s != nil {
		s.open++
	}
}

// segment finds a segment, or nil.
func (j *journal) segment(seq uint64) *segment {
	for i := len(j.segments) - 1; i >= 0 && j.segments[i].seq >= seq; i-- {
		if j.segments[i].seq == seq {
			return &j.segments[i]
		}
	}
	return nil
}

// retryLocked tries to write what the disk refused.
func (j *journal) retryLocked() {
	if len(j.backlog) == 0 {
		return
	}
	rest := j.writeLocked(j.backlog)
	j.backlog = slices.Clone(rest)
	j.backSize = 0
	for _, w := range rest {
		j.backSize += len(w.line)
	}
}

// maxWrite bounds one write in bytes.
const maxWrite = 256 << 10

// writeLocked writes lines to the active segment and returns those it could not
// write.
func (j *journal) writeLocked(batch []waiting) (rest []waiting) {
	for len(batch) > 0 {
		buf := j.buf[:0]
		n := 0
		for n < len(batch) && (n == 0 || len(buf)+len(batch[n].line) <= maxWrite) {
			buf = append(buf, batch[n].line...)
			n++
		}
		j.buf = buf
		if err := j.writeBytes(buf); err != nil {
			j.stats.errors++
			if !j.failing {
				j.failing = true
				j.log.Error("record spool cannot be written; records wait in memory", "error", err)
			}
			return batch
		}
		s := j.segments[len(j.segments)-1]
		after := position{seq: s.seq, offset: s.size - int64(len(buf))}
		for _, w := range batch[:n] {
			after.offset += int64(len(w.line))
			j.track(w, s.seq)
			if w.kind == finished {
				j.stats.finished++
				j.recent.add(w.record, after)
			}
		}
		batch = batch[n:]
	}
	if j.failing {
		j.failing = false
		j.log.Info("record spool can be written again")
	}
	return nil
}

// writeBytes appends to the active segment whole or not at all.
func (j *journal) writeBytes(b []byte) error {
	if j.active != nil && j.segments[len(j.segments)-1].size >= j.limit {
		j.closeActive()
	}
	if j.active == nil {
		f, err := j.create(j.path(j.nextSeq))
		if err != nil {
			return fmt.Errorf("creating spool segment: %w", err)
		}
		j.active = f
		j.segments = append(j.segments, segment{seq: j.nextSeq})
		j.nextSeq++
	}
	s := &j.segments[len(j.segments)-1]
	n, err := j.active.Write(b)
	if err == nil && n == len(b) {
		s.size += int64(n)
		j.dirty = true
		return nil
	}
	if err == nil {
		err = io.ErrShortWrite
	}
	if n > 0 {
		if terr := j.active.Truncate(s.size); terr != nil {
			// The torn line stays; readers stop at it, so nothing may follow.
			j.closeActive()
			err = errors.Join(err, terr)
		}
	}
	return fmt.Errorf("writing spool segment: %w", err)
}

// closeActive ends the active segment; the next write begins another.
func (j *journal) closeActive() {
	if j.active == nil {
		return
	}
	j.unsynced = append(j.unsynced, j.active)
	j.active, j.dirty = nil, false
}

// sync makes everything written safe from a power failure. It blocks on the disk
// without holding mu; only one goroutine may call it.
func (j *journal) sync() {
	j.mu.Lock()
	closed := j.unsynced
	j.unsynced = nil
	active := j.active
	if !j.dirty {
		active = nil
	}
	j.dirty = false
	j.mu.Unlock()
	var errs []error
	for _, f := range closed {
		errs = append(errs, f.Sync(), f.Close())
	}
	if active != nil {
		errs = append(errs, active.Sync())
	}
	if err := errors.Join(errs...); err != nil {
		j.fault("record spool cannot be synced", err)
	}
}

// heartbeat notes the time while calls are open, so that a hard stop can be dated.
func (j *journal) heartbeat() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.open) == 0 || len(j.backlog) > 0 {
		return
	}
	if w, err := newWaiting(entry{Kind: alive, At: micros(j.clock())}); err == nil {
		j.appendLocked([]waiting{w})
	}
}

// retry tries again what the disk refused and reports whether there was any.
func (j *journal) retry() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	any := len(j.backlog) > 0
	j.retryLocked()
	return any
}

// at returns the segment to read at p or, when that has gone, the next one, with
// its size as far as it may be read, and whether it is closed for writing.
func (j *journal) at(p position) (s segment, closed, ok bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for i, s := range j.segments {
		if s.seq >= p.seq {
			return s, i < len(j.segments)-1 || j.active == nil, true
		}
	}
	return segment{}, false, false
}

// close syncs and closes the files. When settled, which means that all ends are in
// the database, and no call is open, nothing needs to be kept.
func (j *journal) close(settled bool) {
	j.mu.Lock()
	empty := settled && len(j.open) == 0 && len(j.backlog) == 0
	j.closeActive()
	j.mu.Unlock()
	j.sync()
	if !empty {
		return
	}
	j.releaseBefore(math.MaxUint64)
}

// fault counts and logs an error of the disk.
func (j *journal) fault(message string, err error) {
	j.mu.Lock()
	j.stats.errors++
	j.mu.Unlock()
	j.log.Error(message, "error", err)
}

// refused returns ends that wait in memory because the disk refused them.
func (j *journal) refused(limit int) []calls.Record {
	j.mu.Lock()
	defer j.mu.Unlock()
	var records []calls.Record
	for _, w := range j.backlog {
		if w.kind != finished || len(records) >= limit {
			continue
		}
		if e, err := decode(w.line); err == nil {
			records = append(records, *e.Record)
		}
	}
	return records
}

// delivered takes records out of memory that reached the database without the disk.
func (j *journal) delivered(records []calls.Record) {
	done := make(map[string]bool, len(records))
	for i := range records {
		done[records[i].ID] = true
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.backSize = 0
	j.backlog = slices.DeleteFunc(j.backlog, func(w waiting) bool {
		if done[w.id] {
			return true
		}
		j.backSize += len(w.line)
		return false
	})
}
