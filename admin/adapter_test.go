package admin_test

import (
	"context"

	"github.com/koppelfeld/koppelfeld/admin/api"
	"github.com/koppelfeld/koppelfeld/internal/app/adminjoin"
)

// adapter is the real joint to the store, with a fault to be put in.
type adapter struct {
	adminjoin.Store
	r *rig
}

func (a adapter) Update(ctx context.Context, c api.Change, fn func(api.Tx) error) (int64, error) {
	if a.r.broken != nil {
		if err := a.r.broken(); err != nil {
			return 0, err
		}
	}
	return a.Store.Update(ctx, c, fn)
}
