// Package adminjoin shows internal/store to the HTTP API in the API's own words. It
// is the joint between two rooms that must not know each other, used by
// internal/app and by the API's tests. It starts no goroutine.
package adminjoin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/koppelfeld/koppelfeld/admin/api"
	"github.com/koppelfeld/koppelfeld/admin/auth"
	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/internal/store"
)

// Store is an api.Store.
type Store struct{ *store.Store }

// Update implements api.Store.
func (s Store) Update(ctx context.Context, c api.Change, fn func(api.Tx) error) (int64, error) {
	rev, err := s.Store.Update(ctx, store.Change(c), func(tx *store.Tx) error { return fn(tx) })
	return rev, translate(err)
}

// Try implements api.Store.
func (s Store) Try(ctx context.Context, fn func(api.Tx) error) error {
	return translate(s.Store.Try(ctx, func(tx *store.Tx) error { return fn(tx) }))
}

// Act implements api.Store.
func (s Store) Act(ctx context.Context, c api.Change, action, objectType, objectID, objectName string, before, after any) error {
	return translate(s.Store.Act(ctx, store.Change(c), action, objectType, objectID, objectName, before, after))
}

// ListRecords implements api.Store.
func (s Store) ListRecords(ctx context.Context, f api.RecordFilter) ([]calls.Record, string, error) {
	records, next, err := s.Store.ListRecords(ctx, recordFilter(f))
	return records, next, translate(err)
}

// CountRecords implements api.Store.
func (s Store) CountRecords(ctx context.Context, f api.RecordFilter) (int, bool, error) {
	n, known, err := s.Store.CountRecords(ctx, recordFilter(f))
	return n, known, translate(err)
}

func recordFilter(f api.RecordFilter) store.RecordFilter {
	return store.RecordFilter{
		Limit: f.Limit, Cursor: f.Cursor, Ascending: f.Ascending, Number: f.Number, User: f.UserID, Class: f.Class, Result: f.Result,
		Begin: f.Begin, End: f.End, Keep: f.Keep,
	}
}

// GetRecord implements api.Store.
func (s Store) GetRecord(ctx context.Context, id string) (calls.Record, error) {
	r, err := s.Store.GetRecord(ctx, id)
	return r, translate(err)
}

// ListPersonCalls implements api.Store.
func (s Store) ListPersonCalls(ctx context.Context, f api.PersonFilter) ([]api.StoredPersonCall, string, error) {
	page, next, err := s.Store.ListPersonCalls(ctx, store.PersonFilter{UserID: f.UserID, Direction: store.Direction(f.Direction), Limit: f.Limit, Cursor: f.Cursor})
	out := make([]api.StoredPersonCall, len(page))
	for i := range page {
		out[i] = api.StoredPersonCall{Direction: string(page[i].Direction), Unseen: page[i].Unseen, Record: page[i].Record}
	}
	return out, next, translate(err)
}

// UnseenCalls implements api.Store.
func (s Store) UnseenCalls(ctx context.Context, userID string) (int, error) {
	n, err := s.Store.UnseenCalls(ctx, userID)
	return n, translate(err)
}

// SeeCalls implements api.Store.
func (s Store) SeeCalls(ctx context.Context, userID, recordID string) error {
	return translate(s.Store.SeeCalls(ctx, userID, recordID))
}

// ListAudit implements api.Store.
func (s Store) ListAudit(ctx context.Context, f api.AuditFilter) ([]api.AuditEntry, string, error) {
	wanted := store.AuditFilter{
		Limit: f.Limit, Cursor: f.Cursor, Ascending: f.Ascending, Actor: f.Actor, Action: f.Action, ObjectType: f.ObjectType, ObjectID: f.ObjectID,
		Begin: f.Begin, End: f.End,
	}
	if f.Keep != nil {
		wanted.Keep = func(e *store.AuditEntry) bool { return f.Keep((*api.AuditEntry)(e)) }
	}
	entries, next, err := s.Store.ListAudit(ctx, wanted)
	out := make([]api.AuditEntry, len(entries))
	for i, e := range entries {
		out[i] = api.AuditEntry(e)
	}
	return out, next, translate(err)
}

// GetAudit implements api.Store.
func (s Store) GetAudit(ctx context.Context, id string) (api.AuditEntry, error) {
	e, err := s.Store.GetAudit(ctx, id)
	return api.AuditEntry(e), translate(err)
}

// ListTokens implements api.Store.
func (s Store) ListTokens(ctx context.Context, userID string) ([]auth.Token, error) {
	tokens, err := s.Store.ListTokens(ctx, userID)
	out := make([]auth.Token, len(tokens))
	for i, t := range tokens {
		out[i] = auth.Token(t)
	}
	return out, translate(err)
}

// CreateToken implements api.Store.
func (s Store) CreateToken(ctx context.Context, c api.Change, t auth.Token) (auth.Token, error) {
	made, err := s.Store.CreateToken(ctx, store.Change(c), store.Token(t))
	return auth.Token(made), translate(err)
}

// DeleteToken implements api.Store.
func (s Store) DeleteToken(ctx context.Context, c api.Change, id string) error {
	return translate(s.Store.DeleteToken(ctx, store.Change(c), id))
}

// Sessions is an auth.Sessions.
type Sessions struct{ *store.Store }

// CreateSession implements auth.Sessions.
func (s Sessions) CreateSession(ctx context.Context, v auth.Session) error {
	return translate(s.Store.CreateSession(ctx, store.Session(v)))
}

// GetSession implements auth.Sessions.
func (s Sessions) GetSession(ctx context.Context, hash [32]byte) (auth.Session, error) {
	v, err := s.Store.GetSession(ctx, hash)
	return auth.Session(v), noSession(err)
}

// TouchSession implements auth.Sessions.
func (s Sessions) TouchSession(ctx context.Context, hash [32]byte, idleUntil time.Time) error {
	return noSession(s.Store.TouchSession(ctx, hash, idleUntil))
}

// DeleteSession implements auth.Sessions.
func (s Sessions) DeleteSession(ctx context.Context, hash [32]byte) error {
	return noSession(s.Store.DeleteSession(ctx, hash))
}

// ListSessions implements auth.Sessions.
func (s Sessions) ListSessions(ctx context.Context, userID string) ([]auth.Session, error) {
	list, err := s.Store.ListSessions(ctx, userID)
	out := make([]auth.Session, len(list))
	for i, v := range list {
		out[i] = auth.Session(v)
	}
	return out, translate(err)
}

// DeleteUserSessions implements auth.Sessions.
func (s Sessions) DeleteUserSessions(ctx context.Context, userID string, except [32]byte) error {
	return translate(s.Store.DeleteUserSessions(ctx, userID, except))
}

// GetToken implements auth.Sessions.
func (s Sessions) GetToken(ctx context.Context, hash [32]byte) (auth.Token, error) {
	v, err := s.Store.GetToken(ctx, hash)
	return auth.Token(v), noSession(err)
}

func noSession(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return auth.ErrNoSession
	}
	return translate(err)
}

// translate puts the API's errors in place of the store's.
func translate(err error) error {
	var taken *store.TakenError
	switch {
	case errors.As(err, &taken):
		return &api.TakenError{Kind: taken.Kind, Value: taken.Value, Owner: taken.OwnerName}
	case errors.Is(err, store.ErrNotFound):
		return fmt.Errorf("%w: %w", api.ErrNotFound, err)
	case errors.Is(err, store.ErrConflict):
		return fmt.Errorf("%w: %w", api.ErrConflict, err)
	case errors.Is(err, store.ErrUnavailable), errors.Is(err, store.ErrBusy), errors.Is(err, store.ErrFull), errors.Is(err, store.ErrUnknownOutcome):
		return fmt.Errorf("%w: %w", api.ErrUnavailable, err)
	}
	return err
}
