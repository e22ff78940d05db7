package store

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/secret"
)

func open(t *testing.T, dir string) *Store {
	t.Helper()
	box, err := secret.OpenBox(dir)
	if err != nil {
		t.Fatal(err)
	}
	st, err := Open(t.Context(), Config{DataDir: dir, Secrets: box})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return st
}

// TestFull lets SQLite run into a limit on the size of its file, which it reports
// just as a full disk.
func TestFull(t *testing.T) {
	st := open(t, t.TempDir())
	limit := func(pages int) {
		if _, err := st.eng.write.Exec(fmt.Sprintf("PRAGMA max_page_count = %d", pages)); err != nil {
			t.Fatal(err)
		}
	}
	limit(60)
	var stored int
	var err error
	for err == nil {
		c := calls.Record{ID: fmt.Sprintf("%05d", stored), Start: time.Unix(1, 0), End: time.Unix(2, 0), Cause: fmt.Sprintf("%02000d", 1)}
		if err = st.InsertRecords(t.Context(), []calls.Record{c}); err == nil {
			stored++
		}
		if stored > 1000 {
			t.Fatal("file does not fill up")
		}
	}
	if !errors.Is(err, ErrFull) || !errors.Is(st.Healthy(), ErrFull) {
		t.Errorf("got %v and health %v, want ErrFull", err, st.Healthy())
	}
	change := func() error {
		_, err := st.Update(t.Context(), Change{Actor: "test"}, func(tx *Tx) error {
			for i := range 200 {
				if _, err := tx.CreateUser(directory.User{Username: fmt.Sprintf("u%d", i)}); err != nil {
					return err
				}
			}
			return nil
		})
		return err
	}
	before := st.Snapshot()
	if err := change(); !errors.Is(err, ErrFull) || st.Snapshot() != before {
		t.Errorf("change: got %v, want ErrFull and no change", err)
	}
	limit(100_000)
	st.beat(t.Context())
	if err := st.Healthy(); err != nil {
		t.Errorf("health after space was made: %v", err)
	}
	if err := change(); err != nil {
		t.Errorf("change after space was made: %v", err)
	}
	all, _, err := st.ListRecords(t.Context(), RecordFilter{Limit: 1000})
	if err != nil || len(all) != stored {
		t.Errorf("got %d records and %v, want the %d that were stored", len(all), err, stored)
	}
}

// TestRun sees the change of another process within a second of virtual time.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		daemon, command := open(t, dir), open(t, dir)
		ctx, cancel := context.WithCancel(t.Context())
		ran := make(chan error, 1)
		go func() { ran <- daemon.Run(ctx) }()
		if _, err := command.Update(t.Context(), Change{Actor: "root", Source: "passwd"}, func(tx *Tx) error { return tx.SetPassword(Supervisor, "hash") }); err != nil {
			t.Fatal(err)
		}
		<-time.After(2 * time.Second)
		synctest.Wait()
		if got := daemon.Snapshot().ByName[Supervisor].PasswordHash; got != "hash" {
			t.Errorf("password hash two seconds later: got %q", got)
		}
		cancel()
		if err := <-ran; err != nil {
			t.Error(err)
		}
	})
}

func TestClip(t *testing.T) {
	for in, want := range map[string]string{"abc": "abc", "abcdef": "abcd", "a\r\n\x00": "a   ", "äöüß€": "äöüß", "a\xffb": "a?b"} {
		if got := clip(in, 4); got != want {
			t.Errorf("clip(%q): got %q, want %q", in, got, want)
		}
	}
}
