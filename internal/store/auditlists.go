package store

import (
	"context"
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

// mostEntries bounds how many entries one page reads.
const mostEntries = 5000

// ListAudit returns entries, newest first if nothing else is wished, and the cursor of the next page,
// which is empty on the last one. With Keep a page reads a bounded number of entries: it may hold fewer than the limit, or none, and have a next one.
func (l *AuditLog) ListAudit(ctx context.Context, f AuditFilter) (entries []AuditEntry, next string, err error) {
	limit, read := pageSize(f.Limit), 0
	at := f.Cursor
	for read < mostEntries {
		want := limit - len(entries) + 1
		if f.Keep != nil {
			want = readStep
		}
		part, err := l.readAudit(ctx, &f, at, want)
		if err != nil {
			return nil, "", err
		}
		for i := range part {
			if f.Keep != nil && !f.Keep(&part[i]) {
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
	w.add(f.Actor != "", "actor = ?", f.Actor)
	w.add(f.Action != "", "action = ?", f.Action)
	w.add(f.ObjectType != "", "object_type = ?", f.ObjectType)
	w.add(f.ObjectID != "", "object_id = ?", f.ObjectID)
	rows, err := l.eng.read.QueryContext(ctx, "SELECT "+auditColumns+" FROM audit"+w.sql()+" ORDER BY id"+order+" LIMIT ?", append(w.args, limit)...)
	if err != nil {
		return nil, dbError("reading audit log", err)
	}
	defer rows.Close()
	for rows.Next() {
		var e AuditEntry
		var at int64
		var before, after string
		err := rows.Scan(&e.ID, &e.Revision, &at, &e.Actor, &e.Source, &e.Reason, &e.Action, &e.ObjectType, &e.ObjectID, &e.ObjectName, &before, &after)
		if err != nil {
			return nil, dbError("reading audit log", err)
		}
		e.At, e.Before, e.After = fromMicros(at), json.RawMessage(before), json.RawMessage(after)
		entries = append(entries, e)
	}
	return entries, dbError("reading audit log", errors.Join(rows.Err(), rows.Close()))
}
