package admin_test

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

// adapter joins the API to the real store, as internal/app does.
type adapter struct {
	*store.Store
	r *rig
}

func (a adapter) Update(ctx context.Context, c api.Change, fn func(api.Tx) error) (int64, error) {
	if a.r.broken != nil {
		return 0, translate(a.r.broken())
	}
	rev, err := a.Store.Update(ctx, store.Change(c), func(tx *store.Tx) error { return fn(tx) })
	return rev, translate(err)
}

func (a adapter) Act(ctx context.Context, c api.Change, action, objectType, objectID, objectName string, before, after any) error {
	return translate(a.Store.Act(ctx, store.Change(c), action, objectType, objectID, objectName, before, after))
}

func (a adapter) ListRecords(ctx context.Context, f api.RecordFilter) ([]calls.Record, string, error) {
	records, next, err := a.Store.ListRecords(ctx, store.RecordFilter{Limit: f.Limit, Cursor: f.Cursor, Number: f.Number, User: f.UserID})
	return records, next, translate(err)
}

func (a adapter) GetRecord(ctx context.Context, id string) (calls.Record, error) {
	r, err := a.Store.GetRecord(ctx, id)
	return r, translate(err)
}

func (a adapter) ListAudit(ctx context.Context, f api.AuditFilter) ([]api.AuditEntry, string, error) {
	entries, next, err := a.Store.ListAudit(ctx, store.AuditFilter(f))
	out := make([]api.AuditEntry, len(entries))
	for i, e := range entries {
		out[i] = api.AuditEntry(e)
	}
	return out, next, translate(err)
}

type sessions struct{ *store.Store }

func (s sessions) CreateSession(ctx context.Context, v auth.Session) error {
	return translate(s.Store.CreateSession(ctx, store.Session(v)))
}

func (s sessions) GetSession(ctx context.Context, hash [32]byte) (auth.Session, error) {
	v, err := s.Store.GetSession(ctx, hash)
	return auth.Session(v), noSession(err)
}

func (s sessions) TouchSession(ctx context.Context, hash [32]byte, idleUntil time.Time) error {
	return noSession(s.Store.TouchSession(ctx, hash, idleUntil))
}

func (s sessions) DeleteSession(ctx context.Context, hash [32]byte) error {
	return noSession(s.Store.DeleteSession(ctx, hash))
}

func (s sessions) GetToken(ctx context.Context, hash [32]byte) (auth.Token, error) {
	v, err := s.Store.GetToken(ctx, hash)
	return auth.Token(v), noSession(err)
}

func (a adapter) ListTokens(ctx context.Context, userID string) ([]auth.Token, error) {
	tokens, err := a.Store.ListTokens(ctx, userID)
	out := make([]auth.Token, len(tokens))
	for i, t := range tokens {
		out[i] = auth.Token(t)
	}
	return out, translate(err)
}

func (a adapter) CreateToken(ctx context.Context, c api.Change, t auth.Token) (auth.Token, error) {
	made, err := a.Store.CreateToken(ctx, store.Change(c), store.Token(t))
	return auth.Token(made), translate(err)
}

func (a adapter) DeleteToken(ctx context.Context, c api.Change, id string) error {
	return translate(a.Store.DeleteToken(ctx, store.Change(c), id))
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
	case errors.Is(err, store.ErrUnavailable), errors.Is(err, store.ErrBusy), errors.Is(err, store.ErrFull):
		return fmt.Errorf("%w: %w", api.ErrUnavailable, err)
	}
	return err
}
