package cdr

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/calls"
)

// load finds the segments of an earlier run, takes over the lines of its stage, and
// ends the calls that were up when it stopped: they become Interrupted with the time
// of the last line.
func (j *journal) load(staged []byte) error {
	names, err := os.ReadDir(j.dir)
	if err != nil {
		return fmt.Errorf("reading record spool: %w", err)
	}
	for _, n := range names {
		mid, ok1 := strings.CutPrefix(n.Name(), segmentPrefix)
		mid, ok2 := strings.CutSuffix(mid, segmentSuffix)
		seq, err := strconv.ParseUint(mid, 10, 64)
		if !ok1 || !ok2 || err != nil {
			continue
		}
		info, err := n.Info()
		if err != nil {
			return fmt.Errorf("reading record spool: %w", err)
		}
		j.segments = append(j.segments, segment{seq: seq, size: info.Size()})
		j.nextSeq = max(j.nextSeq, seq+1)
	}
	slices.SortFunc(j.segments, func(a, b segment) int { return cmp.Compare(a.seq, b.seq) })
	l := loading{journal: j}
	if err := l.staged(staged); err != nil {
		return err
	}
	for _, s := range j.segments {
		if err := l.segment(s); err != nil {
			return err
		}
	}
	j.stats.finished = uint64(len(l.ends))
	for _, at := range l.ends {
		if at.before(j.done) || at == j.done {
			j.stats.finished--
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.appendLocked(l.found)
	return j.interrupt(l.last)
}

// loading reads the segments of an earlier run.
type loading struct {
	*journal
	last int64      // time of the youngest line
	ends []position // of every finished call in a segment
	// found are the ends on the stage. They may be in a segment too: the database
	// takes one of the two.
	found []waiting
}

// staged reads the lines of the stage. It comes before the segments: what has
// started here may have ended there.
func (l *loading) staged(lines []byte) error {
	scan := newScanner(bytes.NewReader(lines), 0)
	for {
		e, err := scan.next()
		if errors.Is(err, io.EOF) {
			l.stats.damaged += uint64(scan.damaged)
			return nil
		}
		if err != nil {
			return err
		}
		l.last = max(l.last, e.At)
		if e.Record == nil {
			continue
		}
		w, err := newWaiting(e)
		if err != nil {
			return err
		}
		if e.Kind == finished {
			l.found = append(l.found, w)
			continue
		}
		l.track(w, 0)
	}
}

func (l *loading) segment(s segment) error {
	f, err := os.Open(l.path(s.seq))
	if err != nil {
		return fmt.Errorf("reading record spool: %w", err)
	}
	defer f.Close()
	scan := newScanner(f, 0)
	for {
		e, err := scan.next()
		if errors.Is(err, io.EOF) {
			l.stats.damaged += uint64(scan.damaged)
			if scan.damaged > 0 {
				l.log.Warn("record spool holds damaged lines; they are skipped", "segment", l.path(s.seq), "lines", scan.damaged)
			}
			return nil
		}
		if err != nil {
			return err
		}
		l.last = max(l.last, e.At)
		switch e.Kind {
		case started:
			w, err := newWaiting(e)
			if err != nil {
				return err
			}
			l.track(w, s.seq)
		case finished:
			l.ends = append(l.ends, position{seq: s.seq, offset: scan.offset})
			l.track(waiting{id: e.Record.ID, kind: finished}, s.seq)
		case committed:
			if p := (position{seq: e.Seq, offset: e.Offset}); l.done.before(p) {
				l.done = p
			}
		}
	}
}

// interrupt ends all open calls at the given time.
func (j *journal) interrupt(last int64) error {
	ids := make([]string, 0, len(j.open))
	for id := range j.open {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	var batch []waiting
	for _, id := range ids {
		e, err := decode(j.open[id].line)
		if err != nil {
			return fmt.Errorf("reading record spool: %w", err)
		}
		r := e.Record
		r.Result, r.HangupBy = calls.Interrupted, "system"
		r.Cause = "the telephone system stopped during the call"
		r.End = time.UnixMicro(max(last, micros(r.Start))).UTC()
		w, err := newWaiting(entry{Kind: finished, At: last, Record: r})
		if err != nil {
			return err
		}
		batch = append(batch, w)
		j.stats.interrupted++
	}
	j.appendLocked(batch)
	return nil
}
