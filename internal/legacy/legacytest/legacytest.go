// Package legacytest makes databases of 4.5 for tests: the example company, and large made-up ones.
package legacytest

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/go-sql-driver/mysql" // registers the driver "mysql"
)

// Fixture is the text of a file of packaging/legacy45: "schema.sql" or "company.sql".
func Fixture(t testing.TB, name string) string {
	t.Helper()
	dir := "." // tests run in the folder of their package
	for range 8 {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		dir = filepath.Join("..", dir)
	}
	text, err := os.ReadFile(filepath.Join(dir, "packaging", "legacy45", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Exec runs statements that end with a semicolon at the end of a line.
func Exec(t testing.TB, dsn, statements string) {
	t.Helper()
	if err := exec(t.Context(), dsn, statements); err != nil {
		t.Fatal(err)
	}
}

func exec(ctx context.Context, dsn, statements string) error {
	db, err := sql.Open("mysql", dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1) // SET is for the connection
	for statement := range strings.SplitSeq(statements, ";\n") {
		var lines []string
		for line := range strings.SplitSeq(statement, "\n") {
			if !strings.HasPrefix(line, "--") {
				lines = append(lines, line)
			}
		}
		text := strings.TrimSpace(strings.Join(lines, "\n"))
		if text == "" {
			continue
		}
		if _, err := db.ExecContext(ctx, text); err != nil {
			return fmt.Errorf("%w in: %.200s", err, text)
		}
	}
	return nil
}

// Load makes the tables of 4.5 in an empty database and fills them with the example company.
func Load(t testing.TB, dsn string) {
	t.Helper()
	Exec(t, dsn, Fixture(t, "schema.sql")+"\n"+Fixture(t, "company.sql"))
}

// perInsert is how many accounts Generate writes in one statement.
const perInsert = 500

// Generate adds count accounts, three to a person, with all that belongs to one: PIN, phone, forwarding, parallel calls, call lists.
// Their user names and numbers are none of the example company's.
func Generate(t testing.TB, dsn string, count int) {
	t.Helper()
	var b strings.Builder
	for from := 0; from < count; from += perInsert {
		b.Reset()
		to := min(from+perInsert, count)
		insert := func(head string, row func(i int) string) {
			b.WriteString(head)
			for i, sep := from, " "; i < to; i++ {
				if text := row(i); text != "" {
					b.WriteString(sep + text)
					sep = ",\n"
				}
			}
			b.WriteString(";\n")
		}
		insert("INSERT INTO users (id, user, pin, firstname, lastname, email, group_id) VALUES", func(i int) string {
			return fmt.Sprintf("(%d, 'user%05d%s', '%d', 'Vorname', 'Nächster %05d', 'u%05d@example.com', 2)", 1000+i, i/3, []string{"", ".d", ".m"}[i%3], 270000+i*7, i/3, i/3)
		})
		insert("INSERT INTO ast_sipfriends (_user_id, name, secret, callerid, language) VALUES", func(i int) string {
			return fmt.Sprintf("(%d, '%s', 'secret%010d', 'Vorname Nächster %05d <%s>', 'de')", 1000+i, Number(i), i, i/3, Number(i))
		})
		insert("INSERT INTO callforwards (user_id, source, `case`, timeout, number_std, active) VALUES", func(i int) string {
			return fmt.Sprintf("(%d, 'internal', 'always', 0, '', '%s'), (%d, 'external', 'unavail', 25, '0661123456', 'std')", 1000+i, []string{"par", "no", "no"}[i%3], 1000+i)
		})
		insert("INSERT INTO cf_parallelcall (_user_id, number) VALUES", func(i int) string {
			if i%3 == 0 {
				return ""
			}
			return fmt.Sprintf("(%d, '%s')", 1000+i-i%3, Number(i))
		})
		insert("INSERT INTO callwaiting (user_id, active) VALUES", func(i int) string { return fmt.Sprintf("(%d, %d)", 1000+i, i%2) })
		insert("INSERT INTO users_external_numbers (user_id, number) VALUES", func(i int) string { return fmt.Sprintf("(%d, '0171%07d')", 1000+i, i) })
		insert("INSERT INTO phones (id, type, mac_addr, user_id) VALUES", func(i int) string {
			return fmt.Sprintf("(%d, 'snom-370', '000413%06X', %d)", 1000+i, i, 1000+i)
		})
		insert("INSERT INTO dial_log (user_id, type, timestamp, number) VALUES", func(i int) string {
			return fmt.Sprintf("(%d, 'in', 1388534400, '410'), (%d, 'out', 1388534400, '0661123'), (%d, 'missed', 1388534400, '411')", 1000+i, 1000+i, 1000+i)
		})
		Exec(t, dsn, b.String())
	}
}

// Number is the number of the i-th account that Generate makes: the doubles of a person begin with the number of the first.
func Number(i int) string {
	n := fmt.Sprintf("7%05d", i/3)
	if i%3 > 0 {
		n += fmt.Sprint(i % 3)
	}
	return n
}
