package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"
)

// AuditFilter selects entries of the audit log. Empty fields select all.
type AuditFilter struct {
	Limit  int    // 1 to 1000, 0 means 100
	Cursor string // next of the page before, of the same filter
	// Ascending lists the oldest first.
	Ascending  bool
	Actor      string
	Action     string
	ObjectType string
	ObjectID   string
	// Begin and End select acts at Begin or later and before End.
	Begin, End time.Time
	// Keep is asked about each entry that the other fields select; nil keeps all.
	Keep func(*AuditEntry) bool
}

// object reports whether the filter names an object, which an index knows; nothing else is in one but the ID.
func (f *AuditFilter) object() bool { return f.ObjectType != "" && f.ObjectID != "" }

// looks reports whether entries have to be looked at one by one.
func (f *AuditFilter) looks() bool {
	return f.Keep != nil || f.Actor != "" || f.Action != "" || !f.object() && (f.ObjectType != "" || f.ObjectID != "")
}

// keep decides what the statement could not.
func (f *AuditFilter) keep(e *AuditEntry) bool {
	is := func(wanted, have string) bool { return wanted == "" || wanted == have }
	return is(f.Actor, e.Actor) && is(f.Action, e.Action) && is(f.ObjectType, e.ObjectType) && is(f.ObjectID, e.ObjectID) && (f.Keep == nil || f.Keep(e))
}

// mostEntries bounds how many entries one page reads.
const mostEntries = 5000

// ListAudit returns entries, newest first if nothing else is wished, and the cursor of the next page,
// which is empty on the last one. Where no index helps, a page reads a bounded number of entries: it may hold fewer than the limit, or none,
// and have a next one.
func (l *AuditLog) ListAudit(ctx context.Context, f AuditFilter) (entries []AuditEntry, next string, err error) {
	limit, read := pageSize(f.Limit), 0
	at := f.Cursor
	for read < mostEntries {
		want := limit - len(entries) + 1
		if f.looks() {
			want = readStep
		}
		part, err := l.readAudit(ctx, &f, at, want)
		if err != nil {
			return nil, "", err
		}
		for i := range part {
			if !f.keep(&part[i]) {
				at = part[i].ID
				continue
			}
			if len(entries) == limit {
				return entries, at, nil
			}
			entries, at = append(entries, part[i]), part[i].ID
		}
		if read += len(part); len(part) < want {
			return entries, "", nil
		}
	}
	return entries, at, nil
}

// readAudit reads entries behind a place. IDs begin with the time.
func (l *AuditLog) readAudit(ctx context.Context, f *AuditFilter, at string, limit int) (entries []AuditEntry, err error) {
	behind, order := "id < ?", " DESC"
	if f.Ascending {
		behind, order = "id > ?", ""
	}
	w := where{}
	w.add(at != "", behind, at)
	w.add(!f.Begin.IsZero(), "id >= ?", firstID(f.Begin))
	w.add(!f.End.IsZero(), "id < ?", firstID(f.End))
	w.add(f.object(), "object_type = ? AND object_id = ?", f.ObjectType, f.ObjectID)
	rows, err := l.eng.read.QueryContext(ctx, "SELECT "+auditColumns+" FROM audit"+w.sql()+" ORDER BY id"+order+" LIMIT ?", append(w.args, limit)...)
	if err != nil {
		return nil, dbError("reading audit log", err)
	}
	defer rows.Close()
	for rows.Next() {
		e, err := scanEntry(rows)
		if err != nil {
			return nil, dbError("reading audit log", err)
		}
		entries = append(entries, e)
	}
	return entries, dbError("reading audit log", errors.Join(rows.Err(), rows.Close()))
}

// GetAudit returns one entry, or an error that matches ErrNotFound.
func (l *AuditLog) GetAudit(ctx context.Context, id string) (AuditEntry, error) {
	e, err := scanEntry(l.eng.read.QueryRowContext(ctx, "SELECT "+auditColumns+" FROM audit WHERE id = ?", id))
	if errors.Is(err, sql.ErrNoRows) {
		return AuditEntry{}, &NotFoundError{Kind: "audit entry", ID: clip(id, 32)}
	}
	return e, dbError("reading audit log", err)
}

// scanEntry reads the auditColumns of a row.
func scanEntry(row interface{ Scan(to ...any) error }) (e AuditEntry, err error) {
	var at int64
	var before, after string
	err = row.Scan(&e.ID, &e.Revision, &at, &e.Actor, &e.Source, &e.Reason, &e.Action, &e.ObjectType, &e.ObjectID, &e.ObjectName, &before, &after)
	e.At, e.Before, e.After = fromMicros(at), json.RawMessage(before), json.RawMessage(after)
	return e, err
}
