package app

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/fault"
)

// journal notes what happens in order.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) note(s string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, s)
}

func (j *journal) part(name string) part {
	return part{name, func(ctx context.Context) error {
		<-ctx.Done()
		j.note(name + " ends")
		return ctx.Err()
	}}
}

func TestPartsStopInReverseAfterDraining(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		ctx, cancel := context.WithCancel(t.Context())
		err := runParts(ctx, slog.New(slog.DiscardHandler), fault.New(nil), []part{j.part("store"), j.part("sip"), j.part("admin")},
			func() { j.note("ready"); cancel() }, func() { j.note("drain") })
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"ready", "drain", "admin ends", "sip ends", "store ends"}
		if !slices.Equal(j.lines, want) {
			t.Errorf("got %v, want %v", j.lines, want)
		}
	})
}

func TestAFailingPartStopsTheOthersAndIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		broken := errors.New("socket gone")
		err := runParts(t.Context(), slog.New(slog.DiscardHandler), fault.New(nil), []part{j.part("store"), {"sip", func(context.Context) error { return broken }}},
			func() {}, func() {})
		if !errors.Is(err, broken) || err.Error() != "sip: socket gone" {
			t.Errorf("got %v", err)
		}
		if !slices.Equal(j.lines, []string{"store ends"}) {
			t.Errorf("got %v", j.lines)
		}
	})
}

func TestAPartThatHangsDoesNotKeepTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		release := make(chan struct{})
		ctx, cancel := context.WithCancel(t.Context())
		start := time.Now()
		_ = runParts(ctx, slog.New(slog.DiscardHandler), fault.New(nil), []part{j.part("store"), {"stuck", func(context.Context) error { <-release; return nil }}}, cancel, func() {})
		if took := time.Since(start); took != stopWithin {
			t.Errorf("took %v", took)
		}
		if !slices.Equal(j.lines, []string{"store ends"}) {
			t.Errorf("got %v", j.lines)
		}
		close(release)
	})
}

func TestAPartThatPanicsStopsTheOthersInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		faults := fault.New(nil)
		err := runParts(t.Context(), slog.New(slog.DiscardHandler), faults, []part{j.part("store"), {"sip", func(context.Context) error { panic("boom") }}},
			func() {}, func() { j.note("drain"); panic("while draining") })
		if !errors.Is(err, errFault) {
			t.Errorf("got %v", err)
		}
		if !slices.Equal(j.lines, []string{"drain", "store ends"}) {
			t.Errorf("got %v", j.lines)
		}
		if n := faults.Counts(); n["sip"] != 1 || n["stop"] != 1 {
			t.Errorf("counted %v", n)
		}
	})
}
