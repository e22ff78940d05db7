package backup_test

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/koppelfeld/koppelfeld/internal/backup"
	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/secret"
	"github.com/koppelfeld/koppelfeld/internal/store"
	"github.com/koppelfeld/koppelfeld/internal/store/storetest"
)

// older makes a system as an earlier version has left it.
func older(t *testing.T, database string, schema int64) store.Config {
	t.Helper()
	from, _ := system(t, "sqlite")
	rows, newest := rowsOf(t, from), columnsOf(t, from)
	cfg := fresh(t, database)
	cfg.Secrets, cfg.Validate = from.Secrets, fine
	f, err := store.OpenFilling(t.Context(), cfg, schema)
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range f.Tables {
		if _, err := f.Add(t.Context(), table.Name, project(t, rows[table.Name], newest[table.Name], table.Columns)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(f.Leave(t.Context()), f.Close(), backup.Version{Version: "5.0.7", Schema: schema}.Use(cfg.DataDir)); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(cfg.DataDir, secret.KeyFile), content(t, filepath.Join(from.DataDir, secret.KeyFile)))
	return cfg
}

func renew(t *testing.T, cfg store.Config) error {
	t.Helper()
	cfg.Log = slog.New(slog.DiscardHandler)
	return backup.Renew(t.Context(), backup.RenewOptions{Database: cfg, Source: backup.Source{Database: cfg, Program: "5.1.0"}, Log: slog.New(slog.DiscardHandler)})
}

func TestRenew(t *testing.T) {
	engines(t, func(t *testing.T, database string) {
		cfg := older(t, database, 3)
		before := rowsOf(t, cfg)
		if err := renew(t, cfg); err != nil {
			t.Fatal(err)
		}
		list, err := backup.List(filepath.Join(cfg.DataDir, backup.Folder))
		if err != nil || len(list) != 1 || list[0].Kind != backup.BeforeUpdate || list[0].Schema != 3 {
			t.Fatalf("backups: %+v, %v", list, err)
		}
		if snap := opened(t, cfg).Snapshot(); len(snap.Users) != 11 || len(snap.Damaged) > 0 {
			t.Errorf("got %d users", len(snap.Users))
		}
		if left, _ := filepath.Glob(filepath.Join(cfg.DataDir, ".*")); len(left) > 0 {
			t.Errorf("%v is left", left)
		}
		if err := renew(t, cfg); err != nil {
			t.Errorf("again: %v", err)
		}
		if list, _ := backup.List(filepath.Join(cfg.DataDir, backup.Folder)); len(list) != 1 {
			t.Errorf("a database of this version was backed up")
		}
		text, err := os.ReadFile(filepath.Join(cfg.DataDir, backup.Folder, list[0].Name))
		if err != nil || backup.ReadRows(t, text)["users"] != before["users"] {
			t.Errorf("the backup is not what was there: %v", err)
		}
	})
}

// TestRenewFails: whatever goes wrong half way, the database is as before and the start says what to do.
func TestRenewFails(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(t *testing.T, cfg *store.Config)
		says  string
	}{
		// Migrations 4 and 5 go well, 6 finds a table of its name that is another.
		{"a migration", func(t *testing.T, cfg *store.Config) {
			storetest.Exec(t, *cfg, "CREATE TABLE person_calls (other INTEGER)")
		}, "from schema 3 to"},
		{"the look at the outcome", func(_ *testing.T, cfg *store.Config) {
			cfg.Validate = func(_, _ *directory.Snapshot, _ store.Changed) error { return errors.New("does not compile") }
		}, "does not compile"},
		{"the key", func(t *testing.T, cfg *store.Config) {
			box, err := secret.OpenBox(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			cfg.Secrets = box
		}, "master key does not belong"},
		{"the backup", func(t *testing.T, cfg *store.Config) {
			put(t, filepath.Join(cfg.DataDir, backup.Folder), "in the way")
		}, "before_update = false"},
	}
	engines(t, func(t *testing.T, database string) {
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				db := database
				if db != "sqlite" {
					db = newMariaDB(t)
				}
				cfg := older(t, db, 3)
				before := rowsOf(t, cfg)
				test.spoil(t, &cfg)
				err := renew(t, cfg)
				var failed *backup.RenewError
				if !errors.As(err, &failed) || failed.Back != nil || !strings.Contains(err.Error(), test.says) {
					t.Fatalf("got %v, want it to say %q", err, test.says)
				}
				for _, part := range []string{"It is as it was before", "apt install koppelfeld=5.0.7"} {
					if !strings.Contains(err.Error(), part) {
						t.Errorf("%v does not say %q", err, part)
					}
				}
				if diff := cmp.Diff(before, rowsOf(t, cfg)); diff != "" {
					t.Errorf("rows (-before +after): %s", diff)
				}
				h, err := store.Look(t.Context(), cfg)
				if err != nil || h.Schema != 3 || h.Unfinished {
					t.Errorf("got %+v, %v", h, err)
				}
				if left, _ := filepath.Glob(filepath.Join(cfg.DataDir, ".*")); len(left) > 0 {
					t.Errorf("%v is left", left)
				}
			})
		}
	})
}

func TestRenewRefusesLaterSchemas(t *testing.T) {
	engines(t, func(t *testing.T, database string) {
		cfg := older(t, database, 3)
		if err := renew(t, cfg); err != nil {
			t.Fatal(err)
		}
		if err := (backup.Version{Version: "6.0.0", Schema: 999}).Use(cfg.DataDir); err != nil {
			t.Fatal(err)
		}
		storetest.Exec(t, cfg, "INSERT INTO schema_version (version_id, is_applied) VALUES (999, 1)")
		err := renew(t, cfg)
		if !errors.Is(err, store.ErrNewerSchema) || !strings.Contains(err.Error(), "install 6.0.0") || !strings.Contains(err.Error(), "koppelfeld restore --replace "+cfg.DataDir) {
			t.Errorf("got %v", err)
		}
	})
}

func TestFewBackupsBeforeUpdatesAreKept(t *testing.T) {
	cfg := older(t, "sqlite", 3)
	saved := content(t, filepath.Join(cfg.DataDir, store.FileName))
	for range 7 {
		put(t, filepath.Join(cfg.DataDir, store.FileName), saved)
		if err := renew(t, cfg); err != nil {
			t.Fatal(err)
		}
	}
	if list, err := backup.List(filepath.Join(cfg.DataDir, backup.Folder)); err != nil || len(list) != 5 {
		t.Errorf("%d are kept, %v", len(list), err)
	}
}
