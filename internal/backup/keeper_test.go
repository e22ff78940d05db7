package backup_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/backup"
	"github.com/koppelfeld/koppelfeld/internal/fault"
	"github.com/koppelfeld/koppelfeld/internal/store"
)

func TestSurplus(t *testing.T) {
	day := func(n int) time.Time {
		return time.Date(2026, 11, 27, 3, 10, 0, 0, time.UTC).AddDate(0, 0, -n)
	}
	good := func(n int) backup.Info {
		return backup.Info{Name: fmt.Sprint(n), Kind: backup.Scheduled, Created: day(n), Verified: day(n)}
	}
	failed := func(n int) backup.Info {
		i := good(n)
		i.Problem, i.Verified = "broken", time.Time{}
		return i
	}
	var all []backup.Info
	for n := range 200 {
		all = append(all, good(n))
	}
	tests := []struct {
		name string
		list []backup.Info
		keep backup.Keep
		want []string // kept
	}{
		{"days, weeks and months", all, backup.Keep{Daily: 3, Weekly: 3, Monthly: 3}, []string{"0", "1", "2", "5", "12", "27", "58"}},
		{"days alone", all, backup.Keep{Daily: 2}, []string{"0", "1"}},
		{"the last good one stays, however old", []backup.Info{failed(0), failed(1), failed(2), failed(3), good(300)}, backup.Keep{Daily: 1}, []string{"0", "1", "300"}},
		{"two on one day", []backup.Info{good(0), good(0), good(1)}, backup.Keep{Daily: 1}, []string{"0"}},
		{"others stay", []backup.Info{good(0), {Name: "hand", Kind: backup.Manual, Created: day(1)}, {Name: "update", Kind: backup.BeforeUpdate, Created: day(2)}, good(3)}, backup.Keep{Daily: 1}, []string{"0", "hand", "update"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			list := slices.Clone(test.list)
			gone := test.keep.Surplus(list, time.UTC)
			if len(gone)+len(test.want) != len(list) {
				t.Errorf("%d of %d go, want %d to stay", len(gone), len(list), len(test.want))
			}
			for _, g := range gone {
				if g.Name != "0" && slices.Contains(test.want, g.Name) {
					t.Errorf("%s goes", g.Name)
				}
			}
		})
	}
}

// TestKeeperFollowsTheSchedule: one a day at its time, made up for when it was missed, and only by the one who leads.
func TestKeeperFollowsTheSchedule(t *testing.T) {
	cfg, _ := system(t, "sqlite")
	src := source(t, cfg)
	synctest.Test(t, func(t *testing.T) {
		leads := true
		keeper := backup.NewKeeper(backup.KeeperConfig{
			Folder: t.TempDir(), At: 3*time.Hour + 10*time.Minute, Scheduled: true, Zone: time.UTC, Keep: backup.Keep{Daily: 2},
			Source: src, TrialDir: cfg.DataDir, Lead: func(context.Context) bool { return leads },
			Log: slog.New(slog.DiscardHandler), Faults: fault.New(slog.New(slog.DiscardHandler)),
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- keeper.Run(ctx) }()
		count := func(what string, want int) {
			t.Helper()
			if got := keeper.State().Made; got != want {
				t.Errorf("%s: %d backups, want %d", what, got, want)
			}
		}
		// It is midnight of 2000-01-01 UTC.
		time.Sleep(10 * time.Minute)
		count("just started", 0)
		time.Sleep(10 * time.Minute)
		count("made up for", 1)
		time.Sleep(2*time.Hour + 30*time.Minute)
		count("before its time", 1)
		time.Sleep(30 * time.Minute)
		count("after its time", 2)
		time.Sleep(23 * time.Hour)
		count("the same day", 2)
		leads = false
		time.Sleep(24 * time.Hour)
		count("while another leads", 2)
		leads = true
		time.Sleep(time.Minute)
		count("leading again", 3)
		time.Sleep(48 * time.Hour)
		count("two days later", 5)
		if list, err := keeper.List(); err != nil || len(list) != 2 {
			t.Errorf("%d are kept, %v", len(list), err)
		}
		if err := keeper.Start(); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		count("by request", 6)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestKeeperSweeps: files that processes have left that died while they wrote go with the next backup, those of a process that may be writing stay.
func TestKeeperSweeps(t *testing.T) {
	cfg, _ := system(t, "sqlite")
	dir := t.TempDir()
	old, young := filepath.Join(dir, ".backup-1"), filepath.Join(dir, ".backup-2")
	put(t, old, "half")
	put(t, young, "half")
	if err := os.Chtimes(old, time.Time{}, time.Now().Add(-25*time.Hour)); err != nil {
		t.Fatal(err)
	}
	keeper := backup.NewKeeper(backup.KeeperConfig{
		Folder: dir, Zone: time.UTC, Source: source(t, cfg), Lead: func(context.Context) bool { return false },
		Log: slog.New(slog.DiscardHandler), Faults: fault.New(slog.New(slog.DiscardHandler)),
	})
	if err := keeper.Start(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- keeper.Run(ctx) }()
	for deadline := time.Now().Add(20 * time.Second); keeper.State().Good == nil && time.Now().Before(deadline); {
		<-time.After(10 * time.Millisecond)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	_, gone := os.Stat(old)
	_, there := os.Stat(young)
	if !errors.Is(gone, fs.ErrNotExist) || there != nil {
		t.Errorf("old: %v, young: %v", gone, there)
	}
}

// TestKeeperTellsFailures: what fails is told, tried again after a while, and what was good before stays the last good one.
func TestKeeperTellsFailures(t *testing.T) {
	cfg, _ := system(t, "sqlite")
	src := source(t, cfg)
	synctest.Test(t, func(t *testing.T) {
		broken := src
		broken.Database = store.Config{DataDir: t.TempDir()} // no database is there
		keeper := backup.NewKeeper(backup.KeeperConfig{
			Folder: t.TempDir(), Scheduled: true, Zone: time.UTC, Keep: backup.Keep{Daily: 2}, Source: broken, Lead: func(context.Context) bool { return true },
			Log: slog.New(slog.DiscardHandler), Faults: fault.New(slog.New(slog.DiscardHandler)),
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- keeper.Run(ctx) }()
		time.Sleep(30 * time.Minute)
		if s := keeper.State(); s.Failed.IsZero() || s.Problem == "" || s.Broken != 1 || s.Good != nil {
			t.Errorf("got %+v", s)
		}
		time.Sleep(time.Hour)
		if s := keeper.State(); s.Broken != 2 {
			t.Errorf("not tried again: %+v", s)
		}
		if keeper.Age() < 90*time.Minute {
			t.Errorf("age %v", keeper.Age())
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
