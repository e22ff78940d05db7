package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// Records keeps call records (CDRs).
type Records struct {
	eng    *engine
	health *health
	// snapshot tells whose numbers and slots took part in a call.
	snapshot func() *directory.Snapshot
}

// recordRows is the count of records written by one statement.
const recordRows = 200

// blockSize is the count of records in one block. Every index but the one of the
// IDs begins with the block, so that what is written comes to lie in few pages,
// however many records there are. To find a number means to look into one block
// after the other.
const blockSize = 1024

// InsertRecords writes call records in one transaction, in the order given. It may
// be repeated: a record is known by its ID and is never doubled. A finished record
// (End is set) replaces one that only says that the call began; nothing replaces a
// finished one. After an error the caller keeps the records and tries again later:
// either all of them are in or none, and trying again doubles nothing.
// Records without an ID or a start are refused with *InvalidError.
func (r *Records) InsertRecords(ctx context.Context, records []calls.Record) (err error) {
	unique, err := uniqueRecords(records)
	if err != nil || len(unique) == 0 {
		return err
	}
	defer func() { r.health.wrote(err) }()
	err = r.eng.inTx(ctx, func(tx *sql.Tx) error {
		err := r.insertRecords(ctx, tx, unique)
		if !errors.Is(classify(err), errDuplicate) {
			return err // as a rule none is known, so nobody asks first
		}
		unknown, err := r.updateKnown(ctx, tx, unique)
		if err != nil {
			return err
		}
		return r.insertRecords(ctx, tx, unknown)
	})
	return dbError("writing call records", err)
}

// uniqueRecords returns each ID once, and the end of a call rather than its start.
func uniqueRecords(records []calls.Record) ([]*calls.Record, error) {
	unique := make([]*calls.Record, 0, len(records))
	at := make(map[string]int, len(records))
	for i := range records {
		c := &records[i]
		if c.ID == "" || len(c.ID) > 26 || c.Start.IsZero() {
			return nil, invalid("id", "record %q needs an ID of at most 26 bytes and a start", clip(c.ID, 32))
		}
		if first, known := at[c.ID]; !known {
			at[c.ID] = len(unique)
			unique = append(unique, c)
		} else if unique[first].End.IsZero() && !c.End.IsZero() {
			unique[first] = c
		}
	}
	return unique, nil
}

// recordColumns are the columns of a record in the order of recordValues.
const recordColumns = "ended_at, class, result, caller, called, number, from_user, to_user, doc"

// recordValues appends the values of recordColumns to args.
func recordValues(args []any, c *calls.Record, scratch *[]byte) []any {
	*scratch = c.AppendJSON((*scratch)[:0])
	number := any(nil) // a called number is found by that
	if c.Number != c.To {
		number = optional(c.Number, 64)
	}
	return append(args, micros(c.End), text(c.Class, 16), text(string(c.Result), 16), text(c.From, 64), text(c.To, 64), number,
		optional(c.FromUser, 26), optional(c.ToUser, 26), string(*scratch))
}

// optional is NULL for an empty string, which is in no index of SQLite.
func optional(s string, limit int) any {
	if s == "" {
		return nil
	}
	return text(s, limit)
}

// text is clip, quick for what needs no change.
func text(s string, limit int) string {
	if len(s) > limit {
		return clip(s, limit)
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return clip(s, limit)
		}
	}
	return s
}

const lastRecord = "SELECT MAX(seq) FROM records"

// insertRecords writes records that are not known. When one is, the error is a
// duplicate key, as it is when another node writes at the same time.
func (r *Records) insertRecords(ctx context.Context, tx *sql.Tx, records []*calls.Record) error {
	if len(records) == 0 {
		return nil
	}
	var last int64
	if err := tx.QueryRowContext(ctx, "SELECT COALESCE(("+lastRecord+"), 0)").Scan(&last); err != nil {
		return err
	}
	const width = 12
	var args []any
	var scratch []byte
	people := r.newPersons(ctx, tx)
	for part := range slices.Chunk(records, recordRows) {
		args = slices.Grow(args[:0], width*len(part))
		for _, c := range part {
			last++
			args = recordValues(append(args, last, last/blockSize, c.ID), c, &scratch)
			if err := people.add(last, c); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO records (seq, block, id, "+recordColumns+") VALUES "+rowsOf(len(part), width), args...)
		if err != nil {
			return err
		}
	}
	return people.flush()
}

// updateKnown completes the records of which only the start is known and returns
// those that are not known at all.
func (r *Records) updateKnown(ctx context.Context, tx *sql.Tx, records []*calls.Record) ([]*calls.Record, error) {
	stored, err := rowsOfRecords(ctx, tx, records)
	if err != nil {
		return nil, err
	}
	var unknown []*calls.Record
	var scratch []byte
	people := r.newPersons(ctx, tx)
	for _, c := range records {
		row, known := stored[c.ID]
		switch {
		case !known:
			unknown = append(unknown, c)
		case row.end == 0 && !c.End.IsZero():
			set := strings.ReplaceAll(recordColumns, ",", " = ?,") + " = ?"
			_, err := tx.ExecContext(ctx, "UPDATE records SET "+set+" WHERE id = ? AND ended_at = 0", append(recordValues(nil, c, &scratch), c.ID)...)
			if err == nil {
				err = people.add(row.seq, c)
			}
			if err != nil {
				return nil, err
			}
		}
	}
	return unknown, people.flush()
}

// recordRow is where a record is stored, and its end, 0 for none.
type recordRow struct{ seq, end int64 }

// rowsOfRecords returns the rows of those records that are stored.
func rowsOfRecords(ctx context.Context, tx *sql.Tx, records []*calls.Record) (map[string]recordRow, error) {
	stored := map[string]recordRow{}
	for part := range slices.Chunk(records, recordRows) {
		args := make([]any, len(part))
		for i, c := range part {
			args[i] = c.ID
		}
		rows, err := tx.QueryContext(ctx, "SELECT id, seq, ended_at FROM records WHERE id IN "+rowsOf(1, len(args)), args...)
		if err != nil {
			return nil, err
		}
		defer rows.Close()
		for rows.Next() {
			var id string
			var row recordRow
			if err := rows.Scan(&id, &row.seq, &row.end); err != nil {
				return nil, err
			}
			stored[id] = row
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return nil, err
		}
	}
	return stored, nil
}

// GetRecord returns one call record, or an error that matches ErrNotFound.
func (r *Records) GetRecord(ctx context.Context, id string) (calls.Record, error) {
	var c calls.Record
	var doc []byte
	err := r.eng.read.QueryRowContext(ctx, "SELECT doc FROM records WHERE id = ?", id).Scan(&doc)
	if errors.Is(err, sql.ErrNoRows) {
		return c, &NotFoundError{Kind: "record", ID: clip(id, 32)}
	}
	if err != nil {
		return c, dbError("reading call record", err)
	}
	if err := json.Unmarshal(doc, &c); err != nil {
		return c, fmt.Errorf("reading call record %s: %w", id, err)
	}
	return c, nil
}

// Mark stands behind the last record that is written now.
func (r *Records) Mark(ctx context.Context) (int64, error) {
	var last int64
	if err := r.eng.read.QueryRowContext(ctx, "SELECT COALESCE(("+lastRecord+"), 0)").Scan(&last); err != nil {
		return 0, dbError("reading call records", err)
	}
	return last, nil
}

// Outcomes tells fn when calls began and how they ended, those written last first, but no more than limit. It looks at records before a mark,
// and ends at the first call that had ended before since.
func (r *Records) Outcomes(ctx context.Context, since time.Time, mark int64, limit int, fn func(start time.Time, result calls.Result)) error {
	rows, err := r.eng.read.QueryContext(ctx, "SELECT id, ended_at, result FROM records WHERE seq <= ? ORDER BY seq DESC LIMIT ?", mark, limit)
	if err != nil {
		return dbError("reading call records", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, result string
		var ended int64
		if err := rows.Scan(&id, &ended, &result); err != nil {
			return dbError("reading call records", err)
		}
		if ended != 0 && fromMicros(ended).Before(since) { // who ended before began before
			break
		}
		if at, err := ulid.ParseStrict(id); err == nil && ended != 0 {
			fn(at.Timestamp(), calls.Result(result))
		}
	}
	return dbError("reading call records", rows.Err())
}
