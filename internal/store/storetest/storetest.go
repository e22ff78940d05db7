// Package storetest opens stores for tests, on SQLite and on a private MariaDB,
// and holds the contract that both must keep. It is imported by tests only.
//
// A Server owns one process and one goroutine that waits for it, until Stop.
package storetest

import (
	"testing"

	"github.com/koppelfeld/koppelfeld/internal/secret"
	"github.com/koppelfeld/koppelfeld/internal/store"
)

// Config returns the configuration of a store in a new directory that ends with
// the test. database is "sqlite" or the address of an empty database.
func Config(t testing.TB, database string) store.Config {
	t.Helper()
	dir := t.TempDir()
	box, err := secret.OpenBox(dir)
	if err != nil {
		t.Fatal(err)
	}
	return store.Config{Database: database, DataDir: dir, Secrets: box}
}

// Open opens a store that is closed when the test ends.
func Open(t testing.TB, cfg store.Config) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// New opens a store on a new SQLite database that is closed when the test ends.
func New(t testing.TB) *store.Store {
	t.Helper()
	return Open(t, Config(t, "sqlite"))
}
