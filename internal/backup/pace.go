package backup

import (
	"context"
	"time"
)

// Work is done in bursts, with a rest after each that is as long: calls wait for a burst at most, and half of a core is left to them.
const burst = 3 * time.Millisecond

// pacer makes a goroutine work in bursts. It is for one goroutine.
type pacer struct{ since time.Time }

// pace rests when the burst is over.
func (p *pacer) pace(ctx context.Context) error {
	if p.since.IsZero() {
		p.since = time.Now()
	}
	worked := time.Since(p.since)
	if worked < burst {
		return ctx.Err()
	}
	t := time.NewTimer(min(worked, time.Second))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
	}
	p.since = time.Now()
	return nil
}
