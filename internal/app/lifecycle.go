package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// part is something with a life: run blocks until its context ends.
type part struct {
	name string
	run  func(ctx context.Context) error
}

// stopWithin bounds how long one part may take to end.
const stopWithin = 5 * time.Second

// running is a part that was started.
type running struct {
	part
	cancel context.CancelFunc
	done   chan error
}

// runParts starts the parts in order, calls ready, waits until ctx ends or a part
// fails, calls drain, and stops the parts in reverse order, each after the ones
// that were started later have ended.
func runParts(ctx context.Context, log *slog.Logger, parts []part, ready, drain func()) error {
	failed := make(chan error, len(parts))
	var started []running
	for _, p := range parts {
		pctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		r := running{part: p, cancel: cancel, done: make(chan error, 1)}
		go func() {
			err := r.run(pctx)
			if err != nil && pctx.Err() == nil {
				failed <- fmt.Errorf("%s: %w", r.name, err)
			}
			if errors.Is(err, context.Canceled) {
				err = nil
			}
			r.done <- err
		}()
		started = append(started, r)
	}
	ready()
	var first error
	select {
	case <-ctx.Done():
		log.Info("stopping")
	case first = <-failed:
		log.Error("a part has failed, stopping", "err", first)
	}
	drain()
	for i := len(started) - 1; i >= 0; i-- {
		r := started[i]
		r.cancel()
		select {
		case err := <-r.done:
			if err != nil && first == nil {
				first = fmt.Errorf("%s: %w", r.name, err)
			}
		case <-time.After(stopWithin):
			log.Error("a part does not end in time", "part", r.name)
		}
	}
	return first
}
