package cdr

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/calls"
)

// flusher hands ends of calls from the journal to the database, in the order of
// the journal. One goroutine uses it at a time.
type flusher struct {
	*Writer
	pos   position // everything before is in the database
	fails int      // failed inserts in a row
}

// run works until ctx ends. What it has begun then may go on until stop ends.
func (f *flusher) run(ctx, stop context.Context) {
	pause := f.cfg.RetryMin
	for ctx.Err() == nil {
		progress, err := f.flush(stop)
		if err != nil {
			wait(ctx, pause)
			pause = min(2*pause, f.cfg.RetryMax)
			continue
		}
		n, behind := f.journal.pending()
		if progress {
			pause = f.cfg.RetryMin
			if behind {
				continue
			}
		}
		if n == 0 {
			select {
			case <-f.grown:
			case <-ctx.Done():
				return
			}
		}
		f.gather(ctx)
	}
}

// few is how many ends in Config.FlushAfter are handed in at once.
const few = 10

// gather waits for more ends to come: a large batch costs less than many small
// ones, but nobody should have to look for a record that ended a second ago.
func (f *flusher) gather(ctx context.Context) {
	wait(ctx, f.cfg.FlushAfter)
	n, behind := f.journal.pending()
	if n <= few || behind {
		return
	}
	within := time.NewTimer(f.cfg.FlushWithin - f.cfg.FlushAfter)
	defer within.Stop()
	for !behind {
		select {
		case <-f.grown:
			_, behind = f.journal.pending()
		case <-within.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// last hands in what is left, until a failure or the end of stop. It reports
// whether nothing is left.
func (f *flusher) last(stop context.Context) bool {
	for stop.Err() == nil {
		progress, err := f.flush(stop)
		if err != nil {
			return false
		}
		if !progress {
			return true
		}
	}
	return false
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// flush takes one step, if there is one to take: it hands in one batch or passes the
// end of a segment.
func (f *flusher) flush(ctx context.Context) (progress bool, err error) {
	j := f.journal
	j.releaseBefore(f.pos.seq)
	b, after, whole := j.next()
	if !whole {
		return f.flushSegment(ctx)
	}
	if b.ends == 0 {
		f.pos = after
		return f.flushRefused(ctx)
	}
	return true, f.handIn(ctx, b, after)
}

// handIn hands a batch to the sink; everything before after is then done.
func (f *flusher) handIn(ctx context.Context, b batch, after position) error {
	if err := f.insert(ctx, b.records); err != nil {
		return err
	}
	f.pos = after
	f.journal.commit(after, b.ends)
	return nil
}

// flushSegment takes a step with what is read from the segment at pos.
func (f *flusher) flushSegment(ctx context.Context) (progress bool, err error) {
	j := f.journal
	seg, closed, ok := j.at(f.pos)
	if !ok {
		j.follow(f.pos)
		return true, nil
	}
	if seg.seq != f.pos.seq {
		f.pos = position{seq: seg.seq}
	}
	before := f.pos
	b, err := readBatch(j.path(seg.seq), f.pos.offset, seg.size, f.cfg.Batch)
	if errors.Is(err, fs.ErrNotExist) {
		j.fault("record spool segment has vanished", err)
		f.pos = position{seq: seg.seq + 1}
		return true, nil
	}
	if err != nil {
		j.fault("record spool cannot be read", err)
		return false, err
	}
	after := position{seq: seg.seq, offset: b.next}
	if b.ends > 0 {
		return true, f.handIn(ctx, b, after)
	}
	f.pos = after
	if closed {
		f.pos = position{seq: seg.seq + 1}
	}
	if !j.follow(f.pos) && f.pos == before { // someone has cut the file
		return f.flushRefused(ctx)
	}
	return true, nil
}

// flushRefused hands in records that the disk refused, when all others are done.
func (f *flusher) flushRefused(ctx context.Context) (progress bool, err error) {
	records := f.journal.refused(f.cfg.Batch)
	if len(records) == 0 {
		return false, nil
	}
	if err := f.insert(ctx, records); err != nil {
		return false, err
	}
	f.journal.delivered(records)
	return true, nil
}

// batch is what one read of a segment gives.
type batch struct {
	records []calls.Record // of the ends, each ID once
	ends    int            // how many ends were read
	next    int64          // offset to go on from, when read from a segment
}

// readBatch reads up to limit ends between two offsets of a segment.
func readBatch(path string, from, to int64, limit int) (batch, error) {
	b := batch{next: from}
	if from >= to {
		return b, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return b, fmt.Errorf("reading record spool: %w", err)
	}
	defer file.Close()
	seen := make(map[string]bool)
	scan := newScanner(io.NewSectionReader(file, from, to-from), from)
	for b.ends < limit {
		e, err := scan.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return b, err
		}
		if e.Kind != finished {
			continue
		}
		b.ends++
		if !seen[e.Record.ID] {
			seen[e.Record.ID] = true
			b.records = append(b.records, *e.Record)
		}
	}
	b.next = scan.offset
	return b, nil
}

// errFault is the outcome of an insert that failed by a fault of the program.
var errFault = errors.New("fault of the program")

// patience is how often a batch must fail before its records are tried one by one.
const patience = 3

// insert hands records to the sink. A record that the sink refuses again and
// again while it takes others is set aside, lest it hold up all that follow.
func (f *flusher) insert(ctx context.Context, records []calls.Record) error {
	err := f.insertOnce(ctx, records)
	if err == nil {
		f.fails = 0
		f.written.Add(uint64(len(records)))
		if f.databaseOff.Swap(false) {
			f.cfg.Log.Info("call records reach the database again")
		}
		return nil
	}
	f.fails++
	if !f.databaseOff.Swap(true) {
		f.cfg.Log.Error("call records cannot be handed to the database; they wait in the spool", "error", err)
	}
	if f.fails < patience || len(records) < 2 || ctx.Err() != nil {
		return err
	}
	return f.insertSingly(ctx, records, err)
}

func (f *flusher) insertOnce(ctx context.Context, records []calls.Record) error {
	ctx, cancel := context.WithTimeout(ctx, f.cfg.InsertWithin)
	defer cancel()
	err := errFault // what panics is treated like a record that the sink refuses
	f.cfg.Faults.Guard(place, func() { err = f.cfg.Sink.InsertRecords(ctx, records) })()
	if err != nil {
		f.sinkErrors.Add(1)
		return fmt.Errorf("inserting call records: %w", err)
	}
	return nil
}

// insertSingly tries each record alone, beginning at another one each time, and
// gives up with the error of the batch when the first few all fail.
func (f *flusher) insertSingly(ctx context.Context, records []calls.Record, batchErr error) error {
	var bad []calls.Record
	good := uint64(0)
	for i := range records {
		at := (i + f.fails) % len(records)
		switch err := f.insertOnce(ctx, records[at:at+1]); {
		case err == nil:
			good++
		case good == 0 && len(bad) >= 2:
			return batchErr
		default:
			bad = append(bad, records[at])
		}
	}
	if good == 0 {
		return batchErr
	}
	for i := range bad {
		err := f.insertOnce(ctx, bad[i:i+1])
		if err == nil {
			good++
			continue
		}
		if ctx.Err() != nil {
			return err
		}
		if err := f.putAside(bad[i], err); err != nil {
			return err
		}
	}
	f.fails = 0
	f.written.Add(good)
	f.databaseOff.Store(false)
	return nil
}

// putAside keeps a record that the database refuses in refused.log, a JSON object
// per line, and says so.
func (f *flusher) putAside(r calls.Record, cause error) error {
	path := filepath.Join(f.cfg.Dir, "refused.log")
	f.cfg.Log.Error("database refuses a call record; it is set aside", "call_id", r.ID, "file", path, "error", cause)
	line, err := json.Marshal(struct {
		Error  string       `json:"error"`
		Record calls.Record `json:"record"`
	}{cause.Error(), r})
	if err != nil {
		return fmt.Errorf("setting call record aside: %w", err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("setting call record aside: %w", err)
	}
	_, err = file.Write(append(line, '\n'))
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("setting call record aside: %w", err)
	}
	f.setAside.Add(1)
	return nil
}
