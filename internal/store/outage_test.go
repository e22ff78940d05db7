package store_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/secret"
	"github.com/koppelfeld/koppelfeld/internal/store"
	"github.com/koppelfeld/koppelfeld/internal/store/storetest"
)

// eventually polls until ok is true, for at most ten seconds.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			t.Fatal("waited ten seconds for ", what)
		case <-tick.C:
		}
	}
}

// TestServerKilledDuringInserts kills the server with SIGKILL again and again
// while records are written by a writer that keeps what was refused.
func TestServerKilledDuringInserts(t *testing.T) {
	server := storetest.ServerFor(t)
	dsn, err := server.NewDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	st := storetest.Open(t, storetest.Config(t, dsn))
	const count = 3000
	var written atomic.Int64
	done := make(chan error, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	go func() {
		for i := 0; i < count; {
			batch := []calls.Record{storetest.Record(i), storetest.Record(i + 1)}
			if err := st.InsertRecords(ctx, batch); err == nil {
				i += len(batch)
				written.Store(int64(i))
			} else if ctx.Err() != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for i := range 3 {
		eventually(t, "records", func() bool { return written.Load() > int64(i*count/5+100) })
		if err := server.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := server.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for cursor := "start"; cursor != ""; {
		page, next, err := st.ListRecords(t.Context(), store.RecordFilter{Limit: 1000, Cursor: map[bool]string{true: "", false: cursor}[cursor == "start"]})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range page {
			if seen[c.ID] {
				t.Errorf("record %s is there twice", c.ID)
			}
			seen[c.ID] = true
		}
		cursor = next
	}
	if len(seen) != count {
		t.Errorf("got %d records, want %d", len(seen), count)
	}
}

// TestServerAway shows that the snapshot stays, that Healthy says so, and that a
// change works again when the server is back.
func TestServerAway(t *testing.T) {
	server := storetest.ServerFor(t)
	dsn, err := server.NewDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	st := storetest.Open(t, storetest.Config(t, dsn))
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- st.Run(ctx) }()
	if err := server.Shutdown(); err != nil {
		t.Fatal(err)
	}
	before := st.Snapshot()
	if _, err := st.Update(t.Context(), store.Change{Actor: "test"}, touchSupervisor); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("change while the server is away: got %v, want ErrUnavailable", err)
	}
	if st.Snapshot() != before {
		t.Error("snapshot has changed")
	}
	if err := st.InsertRecords(t.Context(), []calls.Record{storetest.Record(1)}); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("record while the server is away: got %v, want ErrUnavailable", err)
	}
	if !errors.Is(st.Healthy(), store.ErrUnavailable) {
		t.Errorf("health: got %v, want ErrUnavailable", st.Healthy())
	}
	if err := server.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "health", func() bool { return st.Healthy() == nil })
	if _, err := st.Update(t.Context(), store.Change{Actor: "test"}, touchSupervisor); err != nil {
		t.Errorf("change after the server came back: %v", err)
	}
	cancel()
	if err := <-ran; err != nil {
		t.Error(err)
	}
}

func touchSupervisor(tx *store.Tx) error {
	_, err := tx.UpdateUser(tx.Snapshot().ByName[store.Supervisor].ID, 0, func(u *directory.User) { u.DND = !u.DND })
	return err
}

// TestLockedSQLite holds the file locked from outside.
func TestLockedSQLite(t *testing.T) {
	t.Parallel()
	cfg := storetest.Config(t, "sqlite")
	st := storetest.Open(t, cfg)
	conn, err := raw(t, cfg).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	results := make(chan error, 2)
	go func() {
		_, err := st.Update(t.Context(), store.Change{Actor: "test"}, touchSupervisor)
		results <- err
	}()
	go func() { results <- st.InsertRecords(t.Context(), []calls.Record{storetest.Record(1)}) }()
	for range 2 {
		if err := <-results; !errors.Is(err, store.ErrBusy) {
			t.Errorf("while locked: got %v, want ErrBusy", err)
		}
	}
	if _, _, err := st.ListRecords(t.Context(), store.RecordFilter{}); err != nil {
		t.Errorf("reading while locked: %v", err)
	}
	if !errors.Is(st.Healthy(), store.ErrBusy) {
		t.Errorf("health: got %v, want ErrBusy", st.Healthy())
	}
	if _, err := conn.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if _, err := st.Update(t.Context(), store.Change{Actor: "test"}, touchSupervisor); err != nil {
		t.Errorf("after the lock is gone: %v", err)
	}
	if err := st.Healthy(); err != nil {
		t.Errorf("health after the lock is gone: %v", err)
	}
}

// childVariable names the data directory for a child process that writes records
// until it is killed; see TestProcessKilled.
const childVariable = "KOPPELFELD_TEST_RECORDS_IN"

// child writes records and prints the number of each that is stored.
func child(dir string) error {
	box, err := secret.OpenBox(dir)
	if err != nil {
		return err
	}
	st, err := store.Open(context.Background(), store.Config{DataDir: dir, Secrets: box, Daemon: true})
	if err != nil {
		return err
	}
	for i := 0; ; i++ {
		if err := st.InsertRecords(context.Background(), []calls.Record{storetest.Record(i)}); err != nil {
			return err
		}
		fmt.Println(i)
	}
}

// TestProcessKilled kills a process with SIGKILL while it writes and expects all
// that it reported as stored, an unlocked data directory, and a sound file.
func TestProcessKilled(t *testing.T) {
	cfg := storetest.Config(t, "sqlite")
	cfg.Daemon = true
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+cfg.DataDir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	last := -1
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if last, err = strconv.Atoi(lines.Text()); err != nil {
			t.Fatal(err)
		}
		if last == 100 {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	cmd.Wait() // says that it was killed
	if last < 100 {
		t.Fatalf("child ended early, after record %d", last)
	}
	st := storetest.Open(t, cfg)
	for i := range last + 1 {
		if _, err := st.GetRecord(t.Context(), storetest.Record(i).ID); err != nil {
			t.Errorf("record %d of %d: %v", i, last, err)
		}
	}
	var verdict string
	if err := raw(t, cfg).QueryRow("PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
		t.Errorf("integrity check: %s and %v", verdict, err)
	}
}
