package adopt_test

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/koppelfeld/koppelfeld/internal/app/adopt"
	"github.com/koppelfeld/koppelfeld/internal/legacy/legacytest"
	"github.com/koppelfeld/koppelfeld/internal/store/storetest"
)

// nasty are texts that somebody may have entered, or that have come of it.
var nasty = []string{
	"", " ", "NULL", "0", "00", "110", "0112", "416", "417", "+", "+49", "+0", "-", "(0)", "a b", "Ä", "ÄÖÜ ß", "\x01", "a\nb", "'", `"`, `"x" <1>`, "<>", "x@", "@x", "@@",
	"vm", "VM416", "1234567890123456", "999999999999999", strings.Repeat("x", 250), strings.Repeat("Ü", 130), "..", ".d", ".m", "supervisor", "users", "admin", "queues", "visible_users",
	"^0", "0$", "^$", "$", "(", "[", "(?!1)", "a{1000}", "^0900", "*", "\\", "std", "par", "trl", "no", "yes", "once", "internal", "external", "always", "busy", "user", "fax", "queue",
	"23:59:59", "24:00:00", "00:00:00", "-01:00:00", "0000-00-00", "\xff\xfe", "M\xfcller", "MÃ¼ller", "\u200b", "\u00a0", "x\u0085",
}

// textColumns lists the columns of text of a database, each as table and column.
func textColumns(t *testing.T, db *sql.DB) (out [][2]string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "SELECT TABLE_NAME, COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND DATA_TYPE IN ('varchar', 'char', 'enum', 'time')")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var c [2]string
		if err := rows.Scan(&c[0], &c[1]); err != nil {
			t.Fatal(err)
		}
		out = append(out, c)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestBrokenData spoils the example company in many ways. Whatever is not ambiguous is taken over, and the store holds what the report says.
func TestBrokenData(t *testing.T) {
	server := storetest.ServerFor(t)
	old, err := server.NewDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("mysql", old)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(t.Context(), "SET sql_mode = ''"); err != nil {
		t.Fatal(err)
	}
	taken := 0
	rounds := 40
	if testing.Short() {
		rounds = 8
	}
	for seed := range uint64(rounds) {
		r := rand.New(rand.NewPCG(seed, 45))
		legacytest.Load(t, dropAll(t, db, old))
		columns := textColumns(t, db)
		for range 1 + r.IntN(30) {
			c := columns[r.IntN(len(columns))]
			if slices.Contains([]string{"ast_cdr", "dial_log"}, c[0]) {
				continue
			}
			// Some of it is refused by the server itself, such as a double of a key.
			_, _ = db.ExecContext(t.Context(), fmt.Sprintf("UPDATE IGNORE `%s` SET `%s` = ? WHERE RAND(%d) < 0.3", c[0], c[1], r.IntN(1000)), nasty[r.IntN(len(nasty))])
		}
		_, _ = db.ExecContext(t.Context(), "INSERT INTO group_members SELECT * FROM group_members LIMIT 2")
		conversion, report := convert(t, old)
		if !report.Ready {
			continue
		}
		taken++
		st := storetest.New(t)
		if _, err := adopt.Into(t.Context(), st, conversion, by); err != nil {
			t.Errorf("seed %d: %v", seed, err)
			continue
		}
		if d := adopt.Differences(report.Migrated, adopt.Counted(st.Snapshot(), conversion)); d != "" {
			t.Errorf("seed %d: %s", seed, d)
		}
	}
	t.Logf("%d of %d could be taken over", taken, rounds)
	if taken < rounds/4 {
		t.Error("too few to mean anything")
	}
}

// dropAll empties a database and returns its address.
func dropAll(t *testing.T, db *sql.DB, dsn string) string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "SHOW TABLES")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var n string
		if err := rows.Scan(&n); err != nil {
			t.Fatal(err)
		}
		names = append(names, "`"+n+"`")
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if len(names) > 0 {
		if _, err := db.ExecContext(t.Context(), "DROP TABLE "+strings.Join(names, ", ")); err != nil {
			t.Fatal(err)
		}
	}
	return dsn
}
