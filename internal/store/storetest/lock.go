package storetest

import (
	"database/sql"
	"path/filepath"
	"sync"
	"testing"

	"github.com/koppelfeld/koppelfeld/internal/store"
)

// LockSQLite locks the database of a data directory against writers, as another program may
// do, until release is called or the test ends.
func LockSQLite(t testing.TB, dataDir string) (release func()) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dataDir, store.FileName))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := db.Conn(t.Context())
	if err == nil {
		_, err = conn.ExecContext(t.Context(), "BEGIN EXCLUSIVE")
	}
	if err != nil {
		t.Fatalf("locking the database: %v", err)
	}
	release = sync.OnceFunc(func() {
		conn.Close() // ends the transaction
		db.Close()
	})
	t.Cleanup(release)
	return release
}
