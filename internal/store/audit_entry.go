package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
)

// GetAudit returns one entry of the audit log, or an error that matches ErrNotFound.
func (l *AuditLog) GetAudit(ctx context.Context, id string) (AuditEntry, error) {
	var e AuditEntry
	var at int64
	var before, after string
	err := l.eng.read.QueryRowContext(ctx, "SELECT "+auditColumns+" FROM audit WHERE id = ?", id).
		Scan(&e.ID, &e.Revision, &at, &e.Actor, &e.Source, &e.Reason, &e.Action, &e.ObjectType, &e.ObjectID, &e.ObjectName, &before, &after)
	if errors.Is(err, sql.ErrNoRows) {
		return e, &NotFoundError{Kind: "audit entry", ID: clip(id, 32)}
	}
	e.At, e.Before, e.After = fromMicros(at), json.RawMessage(before), json.RawMessage(after)
	return e, dbError("reading audit log", err)
}
