package legacytest

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// nasty are texts that somebody may have entered, or that have come of it.
func nasty() []string {
	return []string{
		"", " ", "NULL", "0", "00", "110", "0112", "416", "417", "+", "+49", "+0", "-", "(0)", "a b", "Ä", "ÄÖÜ ß", "\x01", "a\nb", "'", `"`, `"x" <1>`, "<>", "x@", "@x", "@@",
		"vm", "VM416", "1234567890123456", "999999999999999", strings.Repeat("x", 250), strings.Repeat("Ü", 130), "..", ".d", ".m", "supervisor", "users", "admin", "queues", "visible_users",
		"^0", "0$", "^$", "$", "(", "[", "(?!1)", "a{1000}", "^0900", "*", "\\", "std", "par", "trl", "no", "yes", "once", "internal", "external", "always", "busy", "user", "fax", "queue",
		"23:59:59", "24:00:00", "00:00:00", "-01:00:00", "0000-00-00", "\xff\xfe", "M\xfcller", "MÃ¼ller", "\u200b", "\u00a0", "x\u0085",
	}
}

// Spoil makes the tables of the example company anew in a database, and puts nasty texts into columns that the seed chooses.
func Spoil(t testing.TB, dsn string, seed uint64) {
	t.Helper()
	db, err := sql.Open("mysql", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1) // what is set holds for a connection
	if _, err := db.ExecContext(t.Context(), "SET sql_mode = ''"); err != nil {
		t.Fatal(err)
	}
	if tables := texts(t, db, "SELECT CONCAT('`', TABLE_NAME, '`') FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()"); len(tables) > 0 {
		if _, err := db.ExecContext(t.Context(), "DROP TABLE "+strings.Join(tables, ", ")); err != nil {
			t.Fatal(err)
		}
	}
	Load(t, dsn)
	columns := texts(t, db, `SELECT CONCAT(TABLE_NAME, '.', COLUMN_NAME) FROM information_schema.COLUMNS
		WHERE TABLE_SCHEMA = DATABASE() AND DATA_TYPE IN ('varchar', 'char', 'enum', 'time') ORDER BY 1`)
	words := nasty()
	r := rand.New(rand.NewPCG(seed, 45))
	for range 1 + r.IntN(30) {
		table, column, _ := strings.Cut(columns[r.IntN(len(columns))], ".")
		if slices.Contains([]string{"ast_cdr", "dial_log"}, table) {
			continue
		}
		// Some of it is refused by the server itself, such as a double of a key.
		_, _ = db.ExecContext(t.Context(), fmt.Sprintf("UPDATE IGNORE `%s` SET `%s` = ? WHERE RAND(%d) < 0.3", table, column, r.IntN(1000)), words[r.IntN(len(words))])
	}
	_, _ = db.ExecContext(t.Context(), "INSERT INTO group_members SELECT * FROM group_members LIMIT 2")
}

// Tables counts the tables of a database.
func Tables(t testing.TB, dsn string) int {
	t.Helper()
	db, err := sql.Open("mysql", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	return len(texts(t, db, "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()"))
}

// texts reads one column.
func texts(t testing.TB, db *sql.DB, query string) (out []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}
