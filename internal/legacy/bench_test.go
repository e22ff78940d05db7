package legacy_test

import (
	"io"
	"runtime"
	"testing"

	"github.com/koppelfeld/koppelfeld/internal/legacy/legacytest"
	"github.com/koppelfeld/koppelfeld/internal/store/storetest"
)

// BenchmarkTenThousand checks a 4.5 with 10,000 accounts and writes the report: time, and the memory that is kept.
func BenchmarkTenThousand(b *testing.B) {
	dsn := storetest.MariaDB(b)
	legacytest.Load(b, dsn)
	legacytest.Generate(b, dsn, 10_000)
	for b.Loop() {
		r := report(b, dsn)
		if r.Migrated["users"] != 10_013 || len(r.Proposals) < 3300 {
			b.Fatalf("%d users, %d proposals", r.Migrated["users"], len(r.Proposals))
		}
		if err := r.WriteJSON(io.Discard); err != nil {
			b.Fatal(err)
		}
		if err := r.WriteHTML(io.Discard); err != nil {
			b.Fatal(err)
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		b.ReportMetric(float64(m.Sys)/(1<<20), "MiB-sys")
	}
}
