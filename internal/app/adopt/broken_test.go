package adopt_test

import (
	"testing"

	"github.com/koppelfeld/koppelfeld/internal/app/adopt"
	"github.com/koppelfeld/koppelfeld/internal/legacy/legacytest"
	"github.com/koppelfeld/koppelfeld/internal/store/storetest"
)

// TestBrokenData spoils the example company in many ways. Whatever is not ambiguous is taken over, and the store holds what the report says.
func TestBrokenData(t *testing.T) {
	server := storetest.ServerFor(t)
	old, err := server.NewDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	taken := 0
	rounds := 40
	if testing.Short() {
		rounds = 8
	}
	for seed := range uint64(rounds) {
		legacytest.Spoil(t, old, seed)
		conversion, report := convert(t, old)
		if !report.Ready {
			continue
		}
		taken++
		st := storetest.New(t)
		if _, err := adopt.Into(t.Context(), st, conversion, by); err != nil {
			t.Errorf("seed %d: %v", seed, err)
			continue
		}
		if d := adopt.Differences(report.Migrated, adopt.Counted(st.Snapshot(), conversion)); d != "" {
			t.Errorf("seed %d: %s", seed, d)
		}
	}
	t.Logf("%d of %d could be taken over", taken, rounds)
	if taken < rounds/4 {
		t.Error("too few to mean anything")
	}
}
