package storetest

import (
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/koppelfeld/koppelfeld/internal/store"
)

// Exec runs SQL in the database of cfg past the store, as somebody does who edits it by hand.
func Exec(t testing.TB, cfg store.Config, query string) {
	t.Helper()
	driver, dsn := "mysql", cfg.Database
	if cfg.Database == "sqlite" {
		driver, dsn = "sqlite", "file:"+filepath.Join(cfg.DataDir, store.FileName)
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(query); err != nil {
		t.Fatal(err)
	}
}
