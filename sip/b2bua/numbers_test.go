package b2bua

import (
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/routing"
)

// TestReserveLocksWhatItCounts: all numbers over which a call comes to run are locked while it is decided and counted, though
// they show only in the answer; and an answer that is another one each time does not hold the shard up for ever.
func TestReserveLocksWhatItCounts(t *testing.T) {
	ring := func(number string, targets ...string) routing.Plan {
		p := routing.Plan{Outcome: routing.Ring, Number: number}
		for _, n := range targets {
			p.Targets = append(p.Targets, routing.Target{SlotID: "s" + n, Number: n})
		}
		return p
	}
	for _, c := range []struct {
		name      string
		plans     []routing.Plan // the last one again and again
		decisions int
		locked    []string // when it is counted
	}{
		{"what was dialled", []routing.Plan{ring("410", "410")}, 1, []string{"410"}},
		{"nobody rings", []routing.Plan{{Outcome: routing.Busy, Number: "411"}}, 1, nil},
		{"a group", []routing.Plan{ring("410", "411", "412")}, 2, []string{"410", "411", "412"}},
		{"a forward", []routing.Plan{ring("411", "411")}, 2, []string{"411"}},
		{"another answer under the lock", []routing.Plan{ring("411", "411"), ring("412", "412")}, 3, []string{"412"}},
		{"nobody rings any more", []routing.Plan{ring("411", "411"), {Outcome: routing.Busy}}, 2, nil},
		{"another answer each time", []routing.Plan{ring("1", "1"), ring("2", "2"), ring("3", "3"), ring("4", "4"), ring("5", "5"), ring("6", "6")}, 5, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			live, asked, counted := calls.NewLive(), 0, false
			call := &call{u: &UA{cfg: Config{Live: live}}}
			var got atomic.Int32
			call.reserve("410", func() routing.Plan {
				asked++
				return c.plans[min(asked, len(c.plans))-1]
			}, func(*routing.Plan) {
				counted = true
				for _, n := range c.locked {
					go live.WithNumber(n, func() { got.Add(1) })
				}
				for range 100 {
					runtime.Gosched()
				}
				if got.Load() != 0 {
					t.Error("a number was not locked when it was counted")
				}
			})
			if asked != c.decisions {
				t.Errorf("decided %d times, want %d", asked, c.decisions)
			}
			if last := c.plans[min(asked, len(c.plans))-1]; counted != (last.Outcome == routing.Ring) {
				t.Errorf("counted: %t", counted)
			}
			for int(got.Load()) < len(c.locked) {
				runtime.Gosched()
			}
		})
	}
}
