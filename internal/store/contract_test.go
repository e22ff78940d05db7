package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/koppelfeld/koppelfeld/internal/store/storetest"
)

// mariadb is the server that all tests of this package share, nil where MariaDB
// is not installed.
var mariadb *storetest.Server

func TestMain(m *testing.M) {
	if dir := os.Getenv(childVariable); dir != "" {
		fmt.Fprintln(os.Stderr, child(dir))
		os.Exit(1)
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	var err error
	mariadb, err = storetest.StartServer(context.Background())
	switch {
	case errors.Is(err, storetest.ErrNoMariaDB):
		fmt.Fprintln(os.Stderr, "NOT TESTED ON MARIADB:", err)
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		return 1
	default:
		defer func() {
			if err := mariadb.Stop(); err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
		}()
	}
	return m.Run()
}

func TestContractSQLite(t *testing.T) {
	storetest.Contract(t, func(testing.TB) string { return "sqlite" })
}

func TestContractMariaDB(t *testing.T) {
	storetest.Contract(t, newMariaDB)
}

// newMariaDB returns the address of an empty database on the shared server.
func newMariaDB(t testing.TB) string {
	t.Helper()
	if mariadb == nil {
		t.Skip("NOT TESTED ON MARIADB: it is not installed")
	}
	dsn, err := mariadb.NewDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return dsn
}
