package store

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/koppelfeld/koppelfeld/internal/calls"
)

// RecordFilter selects call records. Empty fields select all.
type RecordFilter struct {
	Limit  int    // 1 to 1000, 0 means 100
	Cursor string // next of the page before, of the same filter
	// Ascending lists those written first first.
	Ascending bool
	// Number selects calls from it, dialled to it, or taken by it.
	Number string
	// User is a user ID and selects calls made or taken by the user.
	User   string
	Class  string
	Result calls.Result
	// Begin and End select calls that began at Begin or later and before End.
	Begin, End time.Time
	// Keep is asked about each record that the other fields select; nil keeps all.
	Keep func(*calls.Record) bool
}

// looks reports whether records have to be looked at one by one, since no index knows what is wanted.
func (f *RecordFilter) looks() bool { return f.Class != "" || f.Result != "" || f.Keep != nil }

// indexed reports whether an index by blocks knows what is wanted.
func (f *RecordFilter) indexed() bool { return f.Number != "" || f.User != "" }

// keep decides what the statement could not.
func (f *RecordFilter) keep(c *calls.Record) bool {
	if !f.Begin.IsZero() && c.Start.Before(f.Begin) || !f.End.IsZero() && !c.Start.Before(f.End) {
		return false
	}
	return f.Keep == nil || f.Keep(c)
}

const (
	mostLooked = 65536 // places that one page looks at, where no index helps
	mostRead   = 20000 // records that one page reads
	lookStep   = 8192  // places that one statement looks at
	readStep   = 500   // records that one statement reads, when not all of them may be wanted
)

// ListRecords returns records, those written last first, and the cursor of the
// next page, which is empty on the last one. A record is written when its call has
// ended; one that comes later never appears on a page behind a cursor. Where no index helps, a page looks at a bounded number
// of records: it may hold fewer than the limit, or none, and have a next one.
func (r *Records) ListRecords(ctx context.Context, f RecordFilter) (records []calls.Record, next string, err error) {
	w := recordWalk{f: &f, limit: pageSize(f.Limit), count: firstBlocks}
	var start int64
	if f.Cursor != "" {
		if start, err = strconv.ParseInt(f.Cursor, 10, 64); err != nil {
			return nil, "", invalid("cursor", "%q is no cursor of call records", clip(f.Cursor, 32))
		}
	}
	if w.lowest, w.highest, _, err = r.bounds(ctx, &f); err != nil {
		return nil, "", err
	}
	if w.at = w.highest + 1; f.Ascending {
		w.at = w.lowest - 1
	}
	if f.Cursor != "" && w.ahead(start) {
		w.at = start
	}
	for !w.full && !w.over() {
		if err := r.step(ctx, &w); err != nil {
			return nil, "", err
		}
	}
	if w.more {
		next = strconv.FormatInt(w.at, 10)
	}
	return w.records, next, nil
}

// CountRecords counts the records that a filter selects, when an index knows.
func (r *Records) CountRecords(ctx context.Context, f RecordFilter) (n int, known bool, err error) {
	if f.looks() || f.indexed() {
		return 0, false, nil
	}
	lowest, highest, within, err := r.bounds(ctx, &f)
	if f.Begin.IsZero() && f.End.IsZero() {
		within = int(highest - lowest + 1)
	}
	return within, err == nil, err
}

// bounds are the places between which the wanted records stand; highest is less than lowest when there are none. within counts them, when
// the filter bounds the time: IDs begin with the time.
func (r *Records) bounds(ctx context.Context, f *RecordFilter) (lowest, highest int64, within int, err error) {
	query, args := "SELECT COALESCE((SELECT MIN(seq) FROM records), 1), COALESCE(("+lastRecord+"), 0), 0", []any{}
	if !f.Begin.IsZero() || !f.End.IsZero() {
		var w where
		w.add(!f.Begin.IsZero(), "id >= ?", firstID(f.Begin))
		w.add(!f.End.IsZero(), "id < ?", firstID(f.End))
		query, args = "SELECT COALESCE(MIN(seq), 1), COALESCE(MAX(seq), 0), COUNT(*) FROM records"+w.sql(), w.args
	}
	err = r.eng.read.QueryRowContext(ctx, query, args...).Scan(&lowest, &highest, &within)
	return lowest, highest, within, dbError("reading call records", err)
}

// firstID is the least ID of what began at a time.
func firstID(at time.Time) string {
	var id ulid.ULID
	if at.UnixMilli() > 0 {
		_ = id.SetTime(min(uint64(at.UnixMilli()), ulid.MaxTime()))
	}
	return id.String()
}

// recordWalk is a page of records in the making: it goes through the places between lowest and highest, downwards or upwards.
type recordWalk struct {
	f               *RecordFilter
	limit           int
	lowest, highest int64
	at              int64 // the last place that was gone through
	count           int   // blocks that the next statement looks into
	looked, read    int
	records         []calls.Record
	full            bool // the page is
	more            bool // there may be more behind it
}

// ahead reports whether a place comes no earlier than where the walk is.
func (w *recordWalk) ahead(place int64) bool {
	if w.f.Ascending {
		return place >= w.at
	}
	return place <= w.at
}

// over reports whether nothing is left.
func (w *recordWalk) over() bool {
	if w.f.Ascending {
		return w.at >= w.highest
	}
	return w.at <= w.lowest
}

// firstBlocks and mostBlocks are how many blocks the first statement looks into, and any later one at most.
const firstBlocks, mostBlocks = 8, 256

// stretch is what one statement looks into: the places from and to, and the blocks they are in when an index by blocks is used.
func (w *recordWalk) stretch() (from, to int64, blocks []any) {
	size := int64(math.MaxInt64 / 2)
	switch {
	case w.f.indexed():
		size = int64(w.count) * blockSize
		w.count = min(4*w.count, mostBlocks)
	case w.f.looks():
		size = lookStep
	}
	if w.f.Ascending {
		from = w.at + 1
		to = min(w.highest, from-1+min(size, w.highest-from+1))
	} else {
		to = w.at - 1
		from = max(w.lowest, to+1-min(size, to-w.lowest+1))
	}
	if w.f.indexed() {
		for b := from / blockSize; b <= to/blockSize; b++ {
			blocks = append(blocks, b)
		}
	}
	return from, to, blocks
}

// step goes through the next stretch.
func (r *Records) step(ctx context.Context, w *recordWalk) error {
	from, to, blocks := w.stretch()
	for {
		want := w.limit - len(w.records) + 1
		if w.f.Keep != nil {
			want = readStep
		}
		low, high := from, to
		if w.f.Ascending {
			low = max(from, w.at+1)
		} else {
			high = min(to, w.at-1)
		}
		got, err := r.read(ctx, w, low, high, blocks, want)
		if err != nil || w.full {
			return err
		}
		if w.read += got; got < want {
			break
		}
		if w.read >= mostRead {
			w.full, w.more = true, true
			return nil
		}
	}
	if w.at = from; w.f.Ascending {
		w.at = to
	}
	if w.looked += int(to - from + 1); w.f.looks() && !w.f.indexed() && w.looked >= mostLooked || w.read >= mostRead {
		w.full, w.more = true, !w.over()
	}
	return nil
}

// read adds records of a stretch to the page and returns how many there were.
func (r *Records) read(ctx context.Context, w *recordWalk, from, to int64, blocks []any, limit int) (n int, err error) {
	query, args := w.f.query(from, to, blocks, limit)
	rows, err := r.eng.read.QueryContext(ctx, query, args...)
	if err != nil {
		return 0, dbError("reading call records", err)
	}
	defer rows.Close()
	for rows.Next() {
		n++
		var doc []byte
		var seq int64
		if err := rows.Scan(&seq, &doc); err != nil {
			return n, dbError("reading call records", err)
		}
		var c calls.Record
		if err := json.Unmarshal(doc, &c); err != nil {
			return n, fmt.Errorf("reading call record %d: %w", seq, err)
		}
		if w.f.keep(&c) {
			if len(w.records) == w.limit {
				w.full, w.more = true, true
				return n, nil
			}
			w.records = append(w.records, c)
		}
		w.at = seq
	}
	return n, dbError("reading call records", rows.Err())
}

// query builds the statement. Number and User may match one of several columns;
// each combination is a part of its own, so that each can use its index.
func (f *RecordFilter) query(from, to int64, blocks []any, limit int) (string, []any) {
	var common where
	common.add(len(blocks) > 0, "block IN "+rowsOf(1, len(blocks)), blocks...)
	common.add(true, "seq >= ? AND seq <= ?", from, to)
	common.add(f.Class != "", "class = ?", f.Class)
	common.add(f.Result != "", "result = ?", string(f.Result))
	parts := []where{common}
	if f.Number != "" {
		parts = spread(parts, f.Number, "caller", "called", "number")
	}
	if f.User != "" {
		parts = spread(parts, f.User, "from_user", "to_user")
	}
	order := " DESC"
	if f.Ascending {
		order = ""
	}
	if len(parts) == 1 {
		return "SELECT seq, doc FROM records" + parts[0].sql() + " ORDER BY seq" + order + " LIMIT ?", append(parts[0].args, limit)
	}
	var arms []string
	var args []any
	for i, p := range parts {
		arms = append(arms, fmt.Sprintf("SELECT seq FROM (SELECT seq FROM records%s ORDER BY seq%s LIMIT ?) AS part%d", p.sql(), order, i))
		args = append(append(args, p.args...), limit)
	}
	return "SELECT r.seq, r.doc FROM records AS r JOIN (" + strings.Join(arms, " UNION ") +
		") AS found ON found.seq = r.seq ORDER BY r.seq" + order + " LIMIT ?", append(args, limit)
}

// spread makes of each part one for each column.
func spread(parts []where, value string, columns ...string) []where {
	var out []where
	for _, p := range parts {
		for _, column := range columns {
			out = append(out, p.with(column+" = ?", value))
		}
	}
	return out
}
