// Package cdr writes call records so that none is lost or doubled and no call
// waits for it (SPEC O4). A record goes from the shard into a queue in memory,
// from there within moments into a journal on disk, and from the journal in
// batches into the database. The journal outlives the process; what is in it and
// not in the database is handed in after the next start.
//
// Run owns two goroutines, one for the journal and one for the database. The
// package knows no SQL (see Sink), no SIP and no routing.
package cdr

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/internal/fault"
)

// Sink keeps finished records. InsertRecords stores all of them or none, and
// leaves a record whose ID it has as it is, without an error: after a failure or
// a restart the same records come again.
type Sink interface {
	InsertRecords(ctx context.Context, records []calls.Record) error
}

// Config configures a Writer. Only Dir and Sink must be set.
type Config struct {
	Dir  string // of the journal; made if it does not exist
	Sink Sink
	Log  *slog.Logger
	// Faults counts faults of the program, default a new one.
	Faults *fault.Log

	// Stage is a directory in memory (tmpfs), such as /dev/shm. What is not yet in the
	// journal is kept there as well, so that it outlives the process. When it is
	// empty, every record is written to the journal at once, which costs more.
	Stage string

	Queue        int           // records in memory before shards write themselves, default 8192
	Batch        int           // records in one InsertRecords, default 1000
	Segment      int64         // bytes of a journal segment, default 1 MiB
	Backlog      int           // bytes kept in memory while the disk refuses, default 32 MiB
	FlushAfter   time.Duration // time from an end to its batch while few calls end, default 150 ms
	FlushWithin  time.Duration // the same while many calls end, default 1 s
	Linger       time.Duration // longest stay on the stage alone, default 200 ms
	SyncEvery    time.Duration // time between fsyncs, default 1 s
	Heartbeat    time.Duration // notes the time while calls are up, default 15 s
	RetryMin     time.Duration // first pause after the database failed, default 250 ms
	RetryMax     time.Duration // longest pause, default 15 s
	InsertWithin time.Duration // deadline of one InsertRecords, default 30 s
	StopWithin   time.Duration // time for the last flush when Run stops, default 3 s
}

func def[T int | int64 | time.Duration](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}

// Validate reports what is missing.
func (c *Config) Validate() error {
	var errs []error
	if c.Dir == "" {
		errs = append(errs, errors.New("dir: must not be empty"))
	}
	if c.Sink == nil {
		errs = append(errs, errors.New("sink: must not be nil"))
	}
	return errors.Join(errs...)
}

func (c *Config) defaults() {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Faults == nil {
		c.Faults = fault.New(c.Log)
	}
	def(&c.Queue, 8192)
	def(&c.Batch, 1000)
	def(&c.Segment, 1<<20)
	def(&c.Backlog, 32<<20)
	def(&c.FlushAfter, 150*time.Millisecond)
	def(&c.FlushWithin, time.Second)
	def(&c.Linger, 200*time.Millisecond)
	def(&c.SyncEvery, time.Second)
	def(&c.Heartbeat, 15*time.Second)
	def(&c.RetryMin, 250*time.Millisecond)
	def(&c.RetryMax, 15*time.Second)
	def(&c.InsertWithin, 30*time.Second)
	def(&c.StopWithin, 3*time.Second)
}

// ErrInUse is returned by New when another process writes to the same directory.
var ErrInUse = errors.New("record spool is in use by another process")

// Writer takes records from the shards.
type Writer struct {
	cfg     Config
	journal *journal
	lock    *os.File
	wake    chan struct{} // the queue is not empty
	grown   chan struct{} // the journal has grown

	mu      sync.Mutex // guards queue to stopped, and the area of stage that takes lines
	queue   []item
	stage   *stage      // nil when there is none
	later   *time.Timer // wakes the writer for what is on the stage
	armed   bool        // it will do so
	woken   bool        // the writer comes at once
	stopped bool        // nobody waits for wake any more

	spare []item    // the other half of the double buffer; guarded by journal.mu, as are
	text  []byte    // of write
	lines []waiting // of write

	overflows   atomic.Uint64
	written     atomic.Uint64
	sinkErrors  atomic.Uint64
	setAside    atomic.Uint64
	databaseOff atomic.Bool
}

// place of faults in the metrics.
const place = "records"

// item is a record on its way to the journal.
type item struct {
	kind   kind
	at     int64
	line   []byte // of a start, when it is on the stage
	record calls.Record
}

// New opens the journal in Dir. Calls that were up when the last process ended
// without Run returning become Interrupted records. Records may be handed in from
// now on; they reach disk and database while Run runs.
func New(cfg Config) (*Writer, error) { return newWriter(cfg, createFile) }

func newWriter(cfg Config, create func(string) (file, error)) (*Writer, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("configuring record writer: %w", err)
	}
	cfg.defaults()
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("making record spool: %w", err)
	}
	lock, err := lockDir(cfg.Dir)
	if err != nil {
		return nil, err
	}
	w := &Writer{
		cfg: cfg, lock: lock,
		wake: make(chan struct{}, 1), grown: make(chan struct{}, 1),
		journal: &journal{
			dir: cfg.Dir, limit: cfg.Segment, backMax: cfg.Backlog, log: cfg.Log,
			create: create, clock: time.Now, nextSeq: 1, open: make(map[string]openCall), recent: recent{batch: cfg.Batch, limit: 4 * cfg.Batch},
		},
	}
	w.later = time.AfterFunc(cfg.Linger, cfg.Faults.Guard(place, w.lingered))
	if err := w.open(); err != nil {
		w.later.Stop()
		lock.Close()
		return nil, err
	}
	if n := w.journal.stats.interrupted; n > 0 {
		cfg.Log.Warn("calls were interrupted when the system stopped last time", "calls", n)
	}
	return w, nil
}

// open takes over what an earlier run has left.
func (w *Writer) open() error {
	staged, err := readStage(w.cfg.Dir)
	if err != nil {
		return err
	}
	if err := w.journal.load(staged); err != nil || w.cfg.Stage == "" {
		return err
	}
	if w.stage, err = newStage(w.cfg.Dir, w.cfg.Stage); err != nil {
		w.cfg.Log.Warn("every call record is written to disk at once, which costs more", "error", err)
	}
	return nil
}

func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking record spool: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, ErrInUse
		}
		return nil, fmt.Errorf("locking record spool: %w", err)
	}
	return f, nil
}

// Started notes that a call has entered. Should the process die, the record comes
// out as Interrupted. What the record points to must not change afterwards.
func (w *Writer) Started(r calls.Record) { w.put(item{kind: started, record: r}) }

// Finished hands in the whole record of a call.
// What the record points to must not change afterwards.
//
// Neither call waits for disk or database, except when the queue is full: then
// the caller writes the queue to the journal itself, so that nothing is lost.
// When they return, the record is safe from the death of the process if there is
// a stage, otherwise moments later.
func (w *Writer) Finished(r calls.Record) {
	w.put(item{kind: finished, record: r})
}

func (w *Writer) put(it item) {
	it.at = micros(w.journal.clock())
	n, wake, stopped := w.enqueue(it)
	switch {
	case stopped:
		w.drain()
	case n > w.cfg.Queue:
		w.overflows.Add(1)
		w.drain()
	case wake:
		signal(w.wake)
	}
}

// enqueue puts an item on the stage and into the queue. A record that cannot be rendered by a fault of ours is its caller's loss alone.
func (w *Writer) enqueue(it item) (n int, wake, stopped bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if line, staged := w.stage.put(entry{Kind: it.kind, At: it.at, Record: &it.record}); !staged {
		wake, w.woken = !w.woken, true
	} else {
		it.line = line
		if !w.armed && !w.woken {
			w.armed = true
			w.later.Reset(w.cfg.Linger)
		}
	}
	w.queue = append(w.queue, it)
	return len(w.queue), wake, w.stopped
}

// lingered wakes the writer unless it has been there in the meantime.
func (w *Writer) lingered() {
	w.mu.Lock()
	w.armed = false
	n := len(w.queue)
	w.mu.Unlock()
	if n > 0 {
		signal(w.wake)
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// drain writes the queue to the journal, in order.
func (w *Writer) drain() {
	j := w.journal
	j.mu.Lock()
	defer j.mu.Unlock()
	w.mu.Lock()
	items := w.queue
	w.queue, w.woken = w.spare[:0], false
	empty := w.stage.swap()
	w.mu.Unlock()
	if len(items) > 0 {
		w.writeAll(items)
	}
	empty()
	clear(items)
	w.spare = items[:0]
}

// writeAll writes items, and each by itself when they cannot be written together by a fault of ours: so one is lost at most.
// The mu of the journal is held.
func (w *Writer) writeAll(items []item) {
	w.cfg.Faults.Guard(place, func() { w.write(items) }, func() {
		for i := range items {
			w.cfg.Faults.Guard(place, func() { w.write(items[i : i+1]) }, func() { w.journal.stats.lost++ })()
		}
	})()
}

// write renders items and appends them to the journal, whose mu is held.
func (w *Writer) write(items []item) {
	text, lines := w.text[:0], w.lines[:0]
	for i := range items {
		it := &items[i]
		line := waiting{line: it.line, id: it.record.ID, kind: it.kind}
		if line.line == nil {
			begin := len(text)
			var err error
			if text, err = (entry{Kind: it.kind, At: it.at, Record: &it.record}).encode(text); err != nil {
				w.cfg.Log.Error("call record cannot be written", "call_id", it.record.ID, "error", err)
				continue
			}
			line.line = text[begin:]
		}
		if it.kind == finished {
			line.record = &it.record
		}
		lines = append(lines, line)
	}
	if w.journal.appendLocked(lines) {
		signal(w.grown)
	}
	clear(lines)
	w.lines = lines[:0]
	if w.text = text[:0]; cap(text) > 2*maxWrite { // after a burst
		w.text = nil
	}
}

// Run writes journal and database until ctx ends. It then takes what is still
// queued, tries for Config.StopWithin to hand all records to the database, and
// returns. Records that could not be handed in stay in the journal. Run must be
// called once; records handed in after it returned still reach the journal.
func (w *Writer) Run(ctx context.Context) error {
	defer w.lock.Close()
	defer w.later.Stop()
	stop, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, w.cfg.Faults.Guard(place, func() { wait(stop, w.cfg.StopWithin); cancel() }))()
	f := &flusher{Writer: w, pos: w.journal.done}
	var background sync.WaitGroup
	background.Go(w.cfg.Faults.Keep(ctx, place, func() { f.run(ctx, stop) }))
	w.cfg.Faults.Keep(ctx, place, func() { w.writeLoop(ctx) })()
	background.Wait()
	w.journal.close(f.last(stop))
	return nil
}

func (w *Writer) writeLoop(ctx context.Context) {
	tick := time.NewTicker(w.cfg.SyncEvery)
	defer tick.Stop()
	beat := time.NewTicker(w.cfg.Heartbeat)
	defer beat.Stop()
	for {
		select {
		case <-w.wake:
			w.drain()
		case <-tick.C:
			if w.journal.retry() {
				signal(w.grown)
			}
			w.journal.sync()
		case <-beat.C:
			w.journal.heartbeat()
		case <-ctx.Done():
			w.drain()
			w.mu.Lock()
			last := w.stage
			w.stopped, w.stage = true, nil
			w.mu.Unlock()
			w.drain()
			w.journal.sync()
			if err := last.close(); err != nil {
				w.cfg.Log.Warn("record stage cannot be removed", "error", err)
			}
			return
		}
	}
}

// Stats are figures for metrics.
type Stats struct {
	Queued      int    // in memory, not yet in the journal
	Backlog     int    // refused by the disk, kept in memory
	Open        int    // calls that have started and not ended
	Spooled     uint64 // ends in the journal, not yet in the database
	SpoolBytes  int64  // size of the journal
	Segments    int    // files of the journal
	Written     uint64 // records handed to the database
	Overflows   uint64 // times the queue was full and a shard had to write
	DiskErrors  uint64
	SinkErrors  uint64 // failed calls of the sink
	Damaged     uint64 // damaged lines found at the start
	Interrupted uint64 // calls found interrupted at the start
	SetAside    uint64 // records the database refuses for good, kept in refused.log
	Lost        uint64 // records given up because disk and memory were full
	DatabaseOff bool   // the last call of the sink failed
}

// Stats returns the figures of the moment.
func (w *Writer) Stats() Stats {
	w.mu.Lock()
	queued := len(w.queue)
	w.mu.Unlock()
	j := w.journal
	j.mu.Lock()
	defer j.mu.Unlock()
	s := Stats{
		Queued: queued, Backlog: len(j.backlog), Open: len(j.open), Segments: len(j.segments),
		Spooled: j.stats.finished - j.stats.handedIn, Written: w.written.Load(), Overflows: w.overflows.Load(),
		DiskErrors: j.stats.errors, SinkErrors: w.sinkErrors.Load(), Damaged: j.stats.damaged,
		Interrupted: j.stats.interrupted, SetAside: w.setAside.Load(), Lost: j.stats.lost,
		DatabaseOff: w.databaseOff.Load(),
	}
	for _, seg := range j.segments {
		s.SpoolBytes += seg.size
	}
	return s
}
