package store_test

import (
	"os"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/internal/example"
	"github.com/koppelfeld/koppelfeld/internal/store"
	"github.com/koppelfeld/koppelfeld/internal/store/storetest"
)

// large opens a store with 10,000 users, 30,000 numbers and 30,000 slots.
func large(b *testing.B, database string) (store.Config, *store.Store) {
	b.Helper()
	if database == "mariadb" {
		database = storetest.MariaDB(b)
	}
	cfg := storetest.Config(b, database)
	st := storetest.Open(b, cfg)
	begin := time.Now()
	if err := example.Generate(b.Context(), st, 10_000); err != nil {
		b.Fatal(err)
	}
	b.Logf("10,000 users made in %v", time.Since(begin).Round(time.Millisecond))
	return cfg, st
}

// BenchmarkLarge measures, with 10,000 users, one change of one tick through
// Update and the opening of the store.
func BenchmarkLarge(b *testing.B) {
	for _, database := range []string{"sqlite", "mariadb"} {
		b.Run(database, func(b *testing.B) {
			cfg, st := large(b, database)
			b.Run("tick", func(b *testing.B) { benchTick(b, st) })
			b.Run("open", func(b *testing.B) {
				for b.Loop() {
					again, err := store.Open(b.Context(), cfg)
					if err != nil {
						b.Fatal(err)
					}
					if got := len(again.Snapshot().Slots); got != 30_000 {
						b.Fatalf("got %d slots, want 30000", got)
					}
					if err := again.Close(); err != nil {
						b.Fatal(err)
					}
				}
			})
			if info, err := os.Stat(cfg.DataDir + "/" + store.FileName); err == nil {
				b.Logf("database file: %d MB", info.Size()>>20)
			}
		})
	}
}

func benchTick(b *testing.B, st *store.Store) {
	user := st.Snapshot().ByName[example.Username(4711)].ID
	b.ReportAllocs()
	for on := false; b.Loop(); on = !on {
		_, err := st.Update(b.Context(), store.Change{Actor: "bench"}, func(tx *store.Tx) error {
			m := tx.Snapshot().Matrix(user)
			number := example.Number(4711, 2)
			m[number] = nil
			if on {
				m[number] = tx.Snapshot().Columns[user][:1]
			}
			_, err := tx.SetMatrix(user, m, 0)
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRecords measures the writing of call records, 500 at once.
func BenchmarkRecords(b *testing.B) {
	for _, database := range []string{"sqlite", "mariadb"} {
		b.Run(database, func(b *testing.B) {
			if database == "mariadb" {
				database = storetest.MariaDB(b)
			}
			st := storetest.Open(b, storetest.Config(b, database))
			const batch = 500
			records := make([]calls.Record, batch)
			for n := 0; b.Loop(); n++ {
				for i := range records {
					records[i] = storetest.Record(n*batch + i)
				}
				if err := st.InsertRecords(b.Context(), records); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*batch)/b.Elapsed().Seconds(), "records/s")
		})
	}
}
