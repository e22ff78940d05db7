package backup_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/backup"
	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/store"
	"github.com/koppelfeld/koppelfeld/internal/store/storetest"
)

// large makes a system with 10,000 users, as many numbers and slots, and 300,000 call records.
func large(b *testing.B) store.Config {
	b.Helper()
	cfg := storetest.Config(b, "sqlite")
	st, err := store.Open(b.Context(), cfg)
	if err != nil {
		b.Fatal(err)
	}
	defer st.Close()
	for first := 0; first < 10_000; first += 1000 {
		_, err := st.Update(b.Context(), store.Change{Actor: "bench"}, func(tx *store.Tx) error {
			for i := range 1000 {
				u, err := tx.CreateUser(directory.User{Username: fmt.Sprint("user", first+i), FirstName: "Vorname", LastName: fmt.Sprint("Nachname", first+i)})
				if err != nil {
					return err
				}
				if _, err := tx.AddNumber(directory.Number{Number: fmt.Sprint(20_000 + first + i), OwnerType: directory.OwnerUser, OwnerID: u.ID}); err != nil {
					return err
				}
				if _, err := tx.CreateSlot(directory.Slot{UserID: u.ID, Type: directory.Desk}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	list := make([]calls.Record, 0, 1000)
	for i := range 300_000 {
		if list = append(list, storetest.Record(i)); len(list) == cap(list) {
			if err := st.InsertRecords(b.Context(), list); err != nil {
				b.Fatal(err)
			}
			list = list[:0]
		}
	}
	return cfg
}

// peak measures the highest heap in use while fn runs, in bytes above what was there.
func peak(fn func()) uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	before := m.HeapInuse
	var most atomic.Uint64
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most.Store(max(most.Load(), m.HeapInuse))
			}
		}
	}()
	fn()
	close(stop)
	<-done
	return most.Load() - min(before, most.Load())
}

// BenchmarkLarge writes, verifies and restores a large system once: go test -run '^$' -bench Large -benchtime 1x ./internal/backup
func BenchmarkLarge(b *testing.B) {
	cfg := large(b)
	src := backup.Source{Database: cfg, Program: "bench"}
	info, err := os.Stat(filepath.Join(cfg.DataDir, store.FileName))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(info.Size())/1e6, "MB-database")
	dir := b.TempDir()
	step := func(name string, fn func() error) {
		began := time.Now()
		top := peak(func() {
			if err := fn(); err != nil {
				b.Fatal(err)
			}
		})
		b.ReportMetric(time.Since(began).Seconds(), "s-"+name)
		b.ReportMetric(float64(top)/1e6, "MB-heap-"+name)
	}
	step("write", func() error {
		_, err := backup.Write(b.Context(), io.Discard, src, backup.Options{})
		return err
	})
	var made backup.Info
	step("create-verified", func() error {
		var err error
		made, err = backup.Create(b.Context(), dir, "", src, backup.CreateOptions{Validate: fine, TrialDir: b.TempDir()})
		if err == nil && !made.Good() {
			err = fmt.Errorf("not good: %s", made.Problem)
		}
		return err
	})
	b.ReportMetric(float64(made.Size)/1e6, "MB-backup")
	step("restore", func() error {
		f, err := os.Open(filepath.Join(dir, made.Name))
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = backup.Restore(context.Background(), f, made.Size, backup.RestoreOptions{Target: store.Config{DataDir: b.TempDir()}, Validate: fine})
		return err
	})
}
