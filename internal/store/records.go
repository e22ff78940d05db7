package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/koppelfeld/koppelfeld/internal/calls"
)

// Records keeps call records (CDRs).
type Records struct {
	eng    *engine
	health *health
}

// recordBatch is the count of records written by one statement.
const recordBatch = 100

// InsertRecords writes call records in one transaction. It may be repeated: a
// record is known by its ID and is never doubled. A finished record (End is set)
// replaces one that only says that the call began; nothing replaces a finished
// one. After an error the caller keeps the records and tries again later: either
// all of them are in or none, and trying again doubles nothing.
// Records without an ID or a start are refused with *InvalidError.
func (r *Records) InsertRecords(ctx context.Context, records []calls.Record) (err error) {
	unique := map[string]*calls.Record{}
	for i := range records {
		c := &records[i]
		if c.ID == "" || len(c.ID) > 26 || c.Start.IsZero() {
			return invalid("id", "record %q needs an ID of at most 26 bytes and a start", clip(c.ID, 32))
		}
		if first := unique[c.ID]; first == nil || first.End.IsZero() && !c.End.IsZero() {
			unique[c.ID] = c
		}
	}
	if len(unique) == 0 {
		return nil
	}
	defer func() { r.health.wrote(err) }()
	ids := slices.Sorted(maps.Keys(unique))
	err = r.eng.inTx(ctx, func(tx *sql.Tx) error {
		for batch := range slices.Chunk(ids, recordBatch) {
			if err := writeRecords(ctx, tx, batch, unique); err != nil {
				return err
			}
		}
		return nil
	})
	return dbError("writing call records", err)
}

// writeRecords inserts the records that are new and updates those of which only
// the start is known.
func writeRecords(ctx context.Context, tx *sql.Tx, ids []string, records map[string]*calls.Record) error {
	ended, err := endOf(ctx, tx, ids)
	if err != nil {
		return err
	}
	var args []any
	count := 0
	for _, id := range ids {
		c := records[id]
		doc, err := json.Marshal(c)
		if err != nil {
			return fmt.Errorf("writing call record %s: %w", id, err)
		}
		row := []any{
			id, micros(c.Start), micros(c.End), clip(c.Class, 16), clip(string(c.Result), 16), clip(c.From, 64), clip(c.To, 64),
			clip(c.Number, 64), clip(c.FromUser, 26), clip(c.ToUser, 26), string(doc),
		}
		end, known := ended[id]
		switch {
		case !known:
			args = append(args, row...)
			count++
		case end == 0 && !c.End.IsZero():
			_, err := tx.ExecContext(ctx, `UPDATE records SET started_at = ?, ended_at = ?, class = ?, result = ?, caller = ?, called = ?,
				number = ?, from_user = ?, to_user = ?, doc = ? WHERE id = ? AND ended_at = 0`, append(row[1:], id)...)
			if err != nil {
				return err
			}
		}
	}
	if count == 0 {
		return nil
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO records (id, started_at, ended_at, class, result, caller, called, number, from_user, to_user, doc)
		VALUES `+rowsOf(count, 11), args...)
	return err
}

// endOf returns the end of those records that are stored, 0 for those that have none.
func endOf(ctx context.Context, tx *sql.Tx, ids []string) (map[string]int64, error) {
	args := make([]any, len(ids))
	for i, id := range ids {
		args[i] = id
	}
	rows, err := tx.QueryContext(ctx, "SELECT id, ended_at FROM records WHERE id IN "+rowsOf(1, len(ids)), args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	ended := map[string]int64{}
	for rows.Next() {
		var id string
		var end int64
		if err := rows.Scan(&id, &end); err != nil {
			return nil, err
		}
		ended[id] = end
	}
	return ended, rows.Err()
}

// RecordFilter selects call records. Empty fields select all.
type RecordFilter struct {
	Limit  int    // 1 to 1000, 0 means 100
	Cursor string // next of the page before
	// Number selects calls from it, dialled to it, or taken by it.
	Number string
	// User is a user ID and selects calls made or taken by the user.
	User   string
	Class  string
	Result calls.Result
}

// ListRecords returns records, newest first (by ID, a ULID), and the cursor of
// the next page, which is empty on the last one.
func (r *Records) ListRecords(ctx context.Context, f RecordFilter) (records []calls.Record, next string, err error) {
	limit := pageSize(f.Limit)
	query, args := f.query(limit + 1)
	rows, err := r.eng.read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, "", dbError("reading call records", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		var doc []byte
		if err := rows.Scan(&id, &doc); err != nil {
			return nil, "", dbError("reading call records", err)
		}
		var c calls.Record
		if err := json.Unmarshal(doc, &c); err != nil {
			return nil, "", fmt.Errorf("reading call record %s: %w", id, err)
		}
		records = append(records, c)
	}
	if err := rows.Err(); err != nil {
		return nil, "", dbError("reading call records", err)
	}
	if len(records) > limit {
		records = records[:limit]
		next = records[limit-1].ID
	}
	return records, next, nil
}

// query builds the statement. Number and User may match one of several columns;
// each combination is a part of its own, so that each can use its index.
func (f *RecordFilter) query(limit int) (string, []any) {
	var common where
	common.add(f.Cursor != "", "id < ?", f.Cursor)
	common.add(f.Class != "", "class = ?", f.Class)
	common.add(f.Result != "", "result = ?", string(f.Result))
	parts := []where{common}
	if f.Number != "" {
		parts = spread(parts, f.Number, "caller", "called", "number")
	}
	if f.User != "" {
		parts = spread(parts, f.User, "from_user", "to_user")
	}
	if len(parts) == 1 {
		return "SELECT id, doc FROM records" + parts[0].sql() + " ORDER BY id DESC LIMIT ?", append(parts[0].args, limit)
	}
	var arms []string
	var args []any
	for i, p := range parts {
		arms = append(arms, fmt.Sprintf("SELECT id FROM (SELECT id FROM records%s ORDER BY id DESC LIMIT ?) AS part%d", p.sql(), i))
		args = append(append(args, p.args...), limit)
	}
	return "SELECT r.id, r.doc FROM records AS r JOIN (" + strings.Join(arms, " UNION ") +
		") AS found ON found.id = r.id ORDER BY r.id DESC LIMIT ?", append(args, limit)
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
