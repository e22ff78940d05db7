package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/fault"
)

// part is something with a life: run blocks until its context ends.
type part struct {
	name string
	run  func(ctx context.Context) error
}

// stopWithin bounds how long one part may take to end.
const stopWithin = 5 * time.Second

// errFault is how a part ends that has failed by a fault of the program.
var errFault = errors.New("fault of the program")

// running is a part that was started.
type running struct {
	part
	cancel context.CancelFunc
	done   chan error
}

// runParts starts the parts in order, calls ready, waits until ctx ends or a part
// fails, calls drain, and stops the parts in reverse order, each after the ones
// that were started later have ended.
//
// The loops inside of the parts outlive their faults by themselves; a part whose run panics all the same has failed, and the others are
// stopped in order, so that calls get their BYE.
func runParts(ctx context.Context, log *slog.Logger, faults *fault.Log, parts []part, ready, drain func()) error {
	failed := make(chan error, len(parts))
	var started []running
	for _, p := range parts {
		pctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		r := running{part: p, cancel: cancel, done: make(chan error, 1)}
		go faults.Guard("start", func() {
			err := errFault
			faults.Guard(r.name, func() { err = r.run(pctx) })()
			if err != nil && pctx.Err() == nil {
				failed <- fmt.Errorf("%s: %w", r.name, err)
			}
			if errors.Is(err, context.Canceled) {
				err = nil
			}
			r.done <- err
		})()
		started = append(started, r)
	}
	faults.Guard("start", ready)()
	var first error
	select {
	case <-ctx.Done():
		log.Info("stopping")
	case first = <-failed:
		log.Error("a part has failed, stopping", "err", first)
	}
	faults.Guard("stop", drain)()
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
