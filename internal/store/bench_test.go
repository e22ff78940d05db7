package store_test

import (
	"os"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/example"
	"github.com/koppelfeld/koppelfeld/internal/store"
	"github.com/koppelfeld/koppelfeld/internal/store/storetest"
	"github.com/koppelfeld/koppelfeld/routing/calendar"
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

// BenchmarkLarge measures, with 10,000 users, one change of one tick and one choice
// of a profile through Update, and the opening of the store, without and with a
// profile and a schedule for each user.
func BenchmarkLarge(b *testing.B) {
	for _, database := range []string{"sqlite", "mariadb"} {
		b.Run(database, func(b *testing.B) {
			cfg, st := large(b, database)
			b.Run("tick", func(b *testing.B) { benchTick(b, st) })
			b.Run("open", func(b *testing.B) { benchOpen(b, cfg) })
			forward(b, st)
			b.Run("profile", func(b *testing.B) { benchProfile(b, st) })
			b.Run("open-profiles", func(b *testing.B) { benchOpen(b, cfg) })
			if info, err := os.Stat(cfg.DataDir + "/" + store.FileName); err == nil {
				b.Logf("database file: %d MB", info.Size()>>20)
			}
		})
	}
}

func benchOpen(b *testing.B, cfg store.Config) {
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
}

// forward gives each user a profile of four rules, and the first number a schedule.
func forward(b *testing.B, st *store.Store) {
	b.Helper()
	schedule := directory.Schedule{Calendar: calendar.Spec{Zone: "Europe/Berlin", State: "HE", Entries: []calendar.Entry{
		{Days: calendar.DaysOf(time.Saturday, time.Sunday)}, {From: 17 * 60, To: 24 * 60},
	}}}
	_, err := st.Update(b.Context(), store.Change{Actor: "bench"}, func(tx *store.Tx) error {
		for id, numbers := range tx.Snapshot().Rows {
			p := directory.Profile{UserID: id, Name: "Feierabend"}
			for _, c := range []directory.Case{directory.Always, directory.WhenBusy} {
				for _, class := range []directory.Class{directory.FromInside, directory.FromOutside} {
					p.Table = append(p.Table, directory.CaseRule{Case: c, Class: class, Action: directory.Action{Kind: directory.ToNumber, Number: "+4966112345"}})
				}
			}
			made, err := tx.CreateProfile(p)
			if err != nil {
				return err
			}
			_, err = tx.UpdateNumber(numbers[0], 0, func(n *directory.Number) {
				s := schedule
				s.Profiles = []string{made.ID, made.ID}
				n.Schedule = &s
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}

// benchProfile chooses a profile for one number, and none.
func benchProfile(b *testing.B, st *store.Store) {
	number := example.Number(4711, 1)
	profiles := []string{st.Snapshot().ProfilesOf[st.Snapshot().Numbers[number].OwnerID][0], ""}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		_, err := st.Update(b.Context(), store.Change{Actor: "bench"}, func(tx *store.Tx) error {
			_, err := tx.SetForwardingProfile(number, 0, profiles[i%2])
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
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
