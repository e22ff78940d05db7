package backup_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koppelfeld/koppelfeld/internal/backup"
	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/secret"
	"github.com/koppelfeld/koppelfeld/internal/store"
	"github.com/koppelfeld/koppelfeld/internal/store/storetest"
)

// rowsOf reads all rows of a database.
func rowsOf(t *testing.T, cfg store.Config) map[string]string {
	t.Helper()
	d, err := store.OpenDump(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	rows := map[string]string{}
	for _, table := range d.Tables {
		var b strings.Builder
		if err := d.Rows(t.Context(), table, func(line []byte) error {
			fmt.Fprintf(&b, "%s\n", line)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		rows[table.Name] = b.String()
	}
	return rows
}

// fresh is a new machine: an empty data directory and an empty database.
func fresh(t *testing.T, database string) store.Config {
	t.Helper()
	return store.Config{Database: database, DataDir: t.TempDir()}
}

// opened opens what was restored, as the daemon does.
func opened(t *testing.T, cfg store.Config) *store.Store {
	t.Helper()
	var err error
	if cfg.Secrets, err = secret.ReadBox(cfg.DataDir); err != nil {
		t.Fatal(err)
	}
	return storetest.Open(t, cfg)
}

func restore(t *testing.T, text []byte, opt backup.RestoreOptions) (*backup.Restored, error) {
	t.Helper()
	if opt.Validate == nil {
		opt.Validate = fine
	}
	return backup.Restore(t.Context(), bytes.NewReader(text), int64(len(text)), opt)
}

func content(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Error(err)
	}
	return string(text)
}

// TestRestoreOntoEitherEngine goes from each engine to each and back: rows and files are the same, and so is the next backup.
func TestRestoreOntoEitherEngine(t *testing.T) {
	engines(t, func(t *testing.T, from string) {
		cfg, st := system(t, from)
		text, _ := created(t, cfg, backup.CreateOptions{})
		rows := rowsOf(t, cfg)
		engines(t, func(t *testing.T, to string) {
			into := fresh(t, to)
			done, err := restore(t, text, backup.RestoreOptions{Target: into})
			if err != nil {
				t.Fatal(err)
			}
			if done.Aside != "" || done.Before != "" || done.Manifest.Rows("users") != 11 {
				t.Errorf("got %+v", done)
			}
			if diff := cmp.Diff(rows, rowsOf(t, into)); diff != "" {
				t.Errorf("rows (-before +after):\n%s", diff)
			}
			for name, want := range map[string]string{
				"locations": "where phones are", "licence/firma.lic": "licence", "spool/cdr/refused.log": "refused", "restored/koppelfeld.toml": "database = \"sqlite\"\n", "restored/1-outside.pem": "a certificate",
			} {
				if got := content(t, filepath.Join(into.DataDir, name)); got != want {
					t.Errorf("%s: %q", name, got)
				}
			}
			for _, pattern := range []string{".*", "restore.pending", "spool/cdr/cdr-*"} {
				if left, _ := filepath.Glob(filepath.Join(into.DataDir, pattern)); len(left) > 0 {
					t.Errorf("%v is left", left)
				}
			}
			if diff := cmp.Diff(st.Snapshot(), opened(t, into).Snapshot()); diff != "" {
				t.Errorf("configuration:\n%s", diff)
			}
			again, _ := created(t, into, backup.CreateOptions{})
			engines(t, func(t *testing.T, back string) {
				home := fresh(t, back)
				if _, err := restore(t, again, backup.RestoreOptions{Target: home}); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(rows, rowsOf(t, home)); diff != "" {
					t.Errorf("rows (-at first +back again):\n%s", diff)
				}
			})
		})
	})
}

// TestRestoreRefused: nothing that is refused has changed anything.
func TestRestoreRefused(t *testing.T) {
	cfg, _ := system(t, "sqlite")
	text, _ := created(t, cfg, backup.CreateOptions{})
	sealed, _ := created(t, cfg, backup.CreateOptions{Passphrase: "richtig"})
	boom := errors.New("boom")
	phrase, _ := backup.Passphrase("falsch")
	tests := []struct {
		name string
		text []byte
		opt  backup.RestoreOptions
		says string
	}{
		{"cut", text[:len(text)-100], backup.RestoreOptions{}, "damaged or cut short"},
		{"foreign", []byte("PK\x03\x04"), backup.RestoreOptions{}, "no backup of Koppelfeld"},
		{"no passphrase", sealed, backup.RestoreOptions{}, "the backup is encrypted"},
		{"wrong passphrase", sealed, backup.RestoreOptions{Keys: phrase}, "cannot be opened"},
		{"configuration that does not compile", text, backup.RestoreOptions{Validate: func(_, _ *directory.Snapshot, _ store.Changed) error { return boom }}, "boom"},
		{"no key in it", archive(t, entry{name: "koppelfeld-backup.json", text: head}), backup.RestoreOptions{}, "no master key"},
	}
	engines(t, func(t *testing.T, database string) {
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				into := fresh(t, database)
				test.opt.Target = into
				if _, err := restore(t, test.text, test.opt); err == nil || !strings.Contains(err.Error(), test.says) {
					t.Errorf("got %v, want it to say %q", err, test.says)
				}
				untouched(t, into)
			})
		}
	})
}

// untouched looks that a fresh machine still is one.
func untouched(t *testing.T, cfg store.Config) {
	t.Helper()
	entries, err := os.ReadDir(cfg.DataDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != "daemon.lock" {
			t.Errorf("%s is left", e.Name())
		}
	}
	if h, err := store.Look(t.Context(), cfg); err != nil || h.Schema != 0 || h.Table != "" {
		t.Errorf("the database holds %+v, %v", h, err)
	}
}

func TestRestoreRefusesWhatIsInUse(t *testing.T) {
	cfg, st := system(t, "sqlite")
	text, _ := created(t, cfg, backup.CreateOptions{})
	before := st.Snapshot()
	if _, err := restore(t, text, backup.RestoreOptions{Target: cfg}); !errors.Is(err, backup.ErrHolds) {
		t.Errorf("over something: %v", err)
	}
	daemon, err := store.LockDataDir(cfg.DataDir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := restore(t, text, backup.RestoreOptions{Target: cfg, Replace: true}); !errors.Is(err, store.ErrRunning) {
		t.Errorf("beside a daemon: %v", err)
	}
	if err := daemon.Release(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, opened(t, cfg).Snapshot()); diff != "" {
		t.Errorf("something has changed: %s", diff)
	}
}

// TestRestoreReplaces puts aside what was there, and it can be had again.
func TestRestoreReplaces(t *testing.T) {
	engines(t, func(t *testing.T, database string) {
		cfg, _ := system(t, "sqlite")
		text, _ := created(t, cfg, backup.CreateOptions{})
		old := storetest.Config(t, database)
		st := storetest.Open(t, old)
		before := rowsOf(t, old)
		put(t, filepath.Join(old.DataDir, "locations"), "old phones")
		put(t, filepath.Join(old.DataDir, "backups", "keep"), "me")
		if err := st.Close(); err != nil {
			t.Fatal(err)
		}
		done, err := restore(t, text, backup.RestoreOptions{Target: old, Replace: true, Source: backup.Source{Database: old, Program: "5.0.0"}})
		if err != nil {
			t.Fatal(err)
		}
		if done.Aside == "" || content(t, filepath.Join(done.Aside, "locations")) != "old phones" || content(t, filepath.Join(old.DataDir, "backups", "keep")) != "me" {
			t.Errorf("got %+v", done)
		}
		if diff := cmp.Diff(rowsOf(t, cfg), rowsOf(t, old)); diff != "" {
			t.Errorf("rows: %s", diff)
		}
		if database == "sqlite" {
			aside := store.Config{DataDir: done.Aside}
			if diff := cmp.Diff(before, rowsOf(t, aside)); diff != "" {
				t.Errorf("rows put aside: %s", diff)
			}
			return
		}
		back := fresh(t, "sqlite")
		saved, err := os.ReadFile(done.Before)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := restore(t, saved, backup.RestoreOptions{Target: back}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before, rowsOf(t, back)); diff != "" {
			t.Errorf("rows of the backup before: %s", diff)
		}
	})
}

// TestRestoreOfOlderSchemas keeps backups of all schemas since backups there are: each restores into the newest.
func TestRestoreOfOlderSchemas(t *testing.T) {
	files, err := filepath.Glob("testdata/schema-*.tar.zst")
	if err != nil || len(files) == 0 {
		t.Fatal("no backups of older schemas", err)
	}
	for _, file := range files {
		engines(t, func(t *testing.T, database string) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			into := fresh(t, database)
			done, err := restore(t, text, backup.RestoreOptions{Target: into})
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			st := opened(t, into)
			var want struct{ Schema, Users, Numbers, Slots, Records int64 }
			if err := json.Unmarshal([]byte(content(t, strings.TrimSuffix(file, ".tar.zst")+".json")), &want); err != nil {
				t.Fatal(err)
			}
			snap := st.Snapshot()
			if done.Manifest.Schema != want.Schema || int64(len(snap.Users)) != want.Users || int64(len(snap.Numbers)) != want.Numbers || int64(len(snap.Slots)) != want.Slots || done.Manifest.Rows("records") != want.Records || len(snap.Damaged) > 0 {
				t.Errorf("%s: got schema %d, %d users, %d numbers, %d slots, %d records, damage %v; want %+v", file, done.Manifest.Schema, len(snap.Users), len(snap.Numbers), len(snap.Slots), done.Manifest.Rows("records"), snap.Damaged, want)
			}
		})
	}
}

// TestRestoreKilled kills restores at any moment. Afterwards there is the old or the new, whole, or a database that is refused until it is restored
// again; and the next restore succeeds.
func TestRestoreKilled(t *testing.T) {
	if os.Getenv("KOPPELFELD_TEST_RESTORE") != "" {
		killedRestore(t)
		return
	}
	engines(t, func(t *testing.T, database string) {
		cfg, _ := system(t, "sqlite")
		text, _ := created(t, cfg, backup.CreateOptions{})
		file := filepath.Join(t.TempDir(), "backup")
		put(t, file, string(text))
		want := rowsOf(t, cfg)
		into := fresh(t, database)
		for i := range 12 {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestRestoreKilled$")
			cmd.Env = append(os.Environ(), "KOPPELFELD_TEST_RESTORE="+file+"|"+into.Database+"|"+into.DataDir)
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			line := make([]byte, 16)
			_, _ = out.Read(line) // it begins now
			if i > 0 {            // the first is left to finish, so that there is something to replace
				timer := time.NewTimer(time.Duration(rand.Int64N(int64(400 * time.Millisecond))))
				<-timer.C
				_ = cmd.Process.Kill()
			}
			_ = cmd.Wait()
			afterKill(t, into, want)
		}
		if _, err := restore(t, text, backup.RestoreOptions{Target: into, Replace: true, Source: backup.Source{Database: into}}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, rowsOf(t, into)); diff != "" {
			t.Errorf("rows: %s", diff)
		}
	})
}

// afterKill is the next start of the daemon.
func afterKill(t *testing.T, cfg store.Config, want map[string]string) {
	t.Helper()
	lock, err := store.LockDataDir(cfg.DataDir)
	if err != nil {
		t.Fatal(err)
	}
	if err := backup.Settle(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(cfg.DataDir, ".*")); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
	h, err := store.Look(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	box, err := secret.ReadBox(cfg.DataDir)
	if err != nil {
		if h.Schema != 0 && !h.Unfinished {
			t.Errorf("a database without its key: %+v", h)
		}
		return
	}
	cfg.Secrets = box
	switch err := store.Check(t.Context(), cfg); {
	case h.Unfinished && errors.Is(err, store.ErrUnfinished):
	case err != nil:
		t.Errorf("after a kill: %v", err)
	default:
		if diff := cmp.Diff(want, rowsOf(t, cfg)); diff != "" {
			t.Errorf("rows after a kill: %s", diff)
		}
	}
}

// killedRestore is the process that is killed.
func killedRestore(t *testing.T) {
	args := strings.Split(os.Getenv("KOPPELFELD_TEST_RESTORE"), "|")
	text, err := os.ReadFile(args[0])
	if err != nil {
		t.Fatal(err)
	}
	target := store.Config{Database: args[1], DataDir: args[2]}
	fmt.Println("begins")
	_, err = backup.Restore(context.Background(), bytes.NewReader(text), int64(len(text)), backup.RestoreOptions{Target: target, Validate: fine, Replace: true, Source: backup.Source{Database: target}})
	if err != nil {
		t.Fatal(err)
	}
}
