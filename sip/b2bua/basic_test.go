package b2bua

import (
	"testing"

	"github.com/koppelfeld/koppelfeld/internal/calls"
)

func TestFirstCall(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		caller, callee := r.connect(a, b, "4b")
		caller.Bye(t)
		callee.ExpectBye(t)
		r.expectRecord(calls.Answered, 200, byCaller)
	})
}
