package adminjoin

import (
	"context"
	"errors"

	"github.com/koppelfeld/koppelfeld/admin/auth"
	"github.com/koppelfeld/koppelfeld/internal/store"
)

// Factors is an auth.Factors.
type Factors struct{ *store.Store }

// ListFactors implements auth.Factors.
func (s Factors) ListFactors(ctx context.Context, userID string) ([]auth.Factor, error) {
	list, err := s.Store.ListFactors(ctx, userID)
	return factorsOf(list), noFactor(err)
}

// AddFactors implements auth.Factors.
func (s Factors) AddFactors(ctx context.Context, by auth.By, list ...auth.Factor) ([]auth.Factor, error) {
	in := make([]store.Factor, len(list))
	for i, f := range list {
		in[i] = store.Factor(f)
	}
	made, err := s.Store.AddFactors(ctx, store.Change(by), in...)
	return factorsOf(made), noFactor(err)
}

// ConfirmFactor implements auth.Factors.
func (s Factors) ConfirmFactor(ctx context.Context, by auth.By, id string, step int64) error {
	return noFactor(s.Store.ConfirmFactor(ctx, store.Change(by), id, step))
}

// UseFactor implements auth.Factors.
func (s Factors) UseFactor(ctx context.Context, id string, step int64, secret []byte) error {
	return noFactor(s.Store.UseFactor(ctx, id, step, secret))
}

// SpendFactor implements auth.Factors.
func (s Factors) SpendFactor(ctx context.Context, id string) error {
	return noFactor(s.Store.SpendFactor(ctx, id))
}

// DeleteFactors implements auth.Factors.
func (s Factors) DeleteFactors(ctx context.Context, by auth.By, userID string, ids, kinds []string) error {
	return noFactor(s.Store.DeleteFactors(ctx, store.Change(by), userID, ids, kinds))
}

func factorsOf(list []store.Factor) []auth.Factor {
	out := make([]auth.Factor, len(list))
	for i, f := range list {
		out[i] = auth.Factor(f)
	}
	return out
}

func noFactor(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return auth.ErrNoFactor
	}
	return translate(err)
}
