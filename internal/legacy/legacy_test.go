package legacy_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koppelfeld/koppelfeld/internal/legacy"
	"github.com/koppelfeld/koppelfeld/internal/legacy/legacytest"
	"github.com/koppelfeld/koppelfeld/internal/store/storetest"
)

var update = flag.Bool("update", false, "write the golden report anew")

func report(t testing.TB, dsn string) *legacy.Report {
	t.Helper()
	began := time.Now()
	s, err := legacy.Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	d, err := s.Read(t.Context())
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	c := legacy.Convert(d, legacy.Options{Country: "49", Zone: "Europe/Berlin"})
	return legacy.NewReport(c, "root@socket/asterisk", "test", time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC), time.Since(began))
}

// checksum is that of all tables of a database.
func checksum(t testing.TB, dsn string) string {
	t.Helper()
	db, err := sql.Open("mysql", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var names []string
	rows, err := db.Query("SHOW TABLES")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var n string
		if err := rows.Scan(&n); err != nil {
			t.Fatal(err)
		}
		names = append(names, "`"+n+"`")
	}
	sums, err := db.Query("CHECKSUM TABLE " + strings.Join(names, ", ") + " EXTENDED")
	if err != nil {
		t.Fatal(err)
	}
	defer sums.Close()
	var out strings.Builder
	for sums.Next() {
		var name string
		var sum sql.NullInt64
		if err := sums.Scan(&name, &sum); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&out, name, sum.Int64)
	}
	return out.String()
}

// TestOnMariaDB holds all that needs a server, so that one does for all.
func TestOnMariaDB(t *testing.T) {
	server := storetest.ServerFor(t)
	fresh := func(t *testing.T) string {
		dsn, err := server.NewDatabase(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return dsn
	}
	company := fresh(t)
	legacytest.Load(t, company)
	t.Run("report of the example company", func(t *testing.T) { testGolden(t, company) })
	t.Run("nothing is written", func(t *testing.T) {
		before := checksum(t, company)
		report(t, company)
		if diff := cmp.Diff(before, checksum(t, company)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("refusals", func(t *testing.T) { testRefusals(t, server, fresh) })
	t.Run("broken data", func(t *testing.T) { testBroken(t, fresh(t)) })
	t.Run("strange tables", func(t *testing.T) { testStrange(t, fresh(t)) })
}

func testGolden(t *testing.T, dsn string) {
	r := report(t, dsn)
	r.Seconds.Actual = 0
	var out bytes.Buffer
	if err := r.WriteJSON(&out); err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "company.json")
	if *update {
		if err := os.WriteFile(golden, out.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), out.String()); diff != "" {
		t.Error("report differs; -update writes it anew:\n", diff)
	}
	for what, secret := range map[string]string{"PIN": "471163", "SIP secret": "fixture-s3cr-416", "password of the trunk": "fixture-trunk"} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("the %s is in the report", what)
		}
	}
}

func testRefusals(t *testing.T, server *storetest.Server, fresh func(*testing.T) string) {
	schema := legacytest.Fixture(t, "schema.sql")
	first := func(n int) string { // so many tables of the schema
		parts := strings.Split(schema, "CREATE TABLE")
		return strings.Join(parts[:n+1], "CREATE TABLE")
	}
	for _, test := range []struct {
		name string
		dsn  func(t *testing.T) string
		says []string
	}{
		{"no address", func(*testing.T) string { return "localhost" }, []string{"root@unix"}},
		{"no database named", func(*testing.T) string { return server.DSN("") }, []string{"names no database", "asterisk"}},
		{"no such database", func(*testing.T) string { return server.DSN("asterisk") }, []string{`no database "asterisk"`, "correct"}},
		{"no such user", func(*testing.T) string { return "nobody-here:x@" + strings.SplitN(server.DSN("mysql"), "@", 2)[1] }, []string{"does not let", "root"}},
		{"no server", func(*testing.T) string { return "root@unix(/nonexistent/my.sock)/asterisk" }, []string{"nothing answers", "systemctl start mariadb"}},
		{"empty", fresh, []string{"is empty", "backup"}},
		{"half a schema", func(t *testing.T) string {
			dsn := fresh(t)
			legacytest.Exec(t, dsn, first(12))
			return dsn
		}, []string{"only 12 of the", "Restore the backup"}},
		{"without accounts", func(t *testing.T) string {
			dsn := fresh(t)
			legacytest.Exec(t, dsn, schema+"\nDROP TABLE ast_sipfriends;\nALTER TABLE users DROP COLUMN user;\n")
			return dsn
		}, []string{"lacks column users.user, table ast_sipfriends"}},
		{"another product", func(t *testing.T) string {
			dsn := fresh(t)
			legacytest.Exec(t, dsn, "CREATE TABLE users (id int, login varchar(5));\nCREATE TABLE wp_posts (id int);\n")
			return dsn
		}, []string{"another product", "wp_posts"}},
		{"a database of 5", func(t *testing.T) string {
			dsn := fresh(t)
			storetest.Open(t, storetest.Config(t, dsn))
			return dsn
		}, []string{"Koppelfeld 5 already"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, err := legacy.Open(t.Context(), test.dsn(t))
			if err == nil {
				s.Close()
				t.Fatal("was not refused")
			}
			var refused *legacy.Refused
			if !errors.As(err, &refused) {
				t.Errorf("is no refusal: %v", err)
			}
			for _, s := range test.says {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("does not say %q: %v", s, err)
				}
			}
		})
	}
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if s, err := legacy.Open(ctx, server.DSN("mysql")); err == nil {
			s.Close()
			t.Error("was opened")
		}
	})
}

// testBroken breaks one thing after the other, each of which must have its line.
func testBroken(t *testing.T, dsn string) {
	legacytest.Load(t, dsn)
	had := map[string]bool{}
	for _, p := range report(t, dsn).Problems {
		had[line(p)] = true
	}
	breaks := []struct{ name, sql, line string }{
		{"zero date", "SET sql_mode = '';\nUPDATE systemrecordings SET date = '0000-00-00 00:00:00' WHERE id = 1;\n", `systemrecordings 1 date: is a date that does not exist`},
		{"zero date of a call", "SET sql_mode = '';\nUPDATE ast_cdr SET calldate = 0 WHERE _id = 2;\n", `ast_cdr 2 calldate: is a date that does not exist`},
		{"dangling SIP account", "INSERT INTO ast_sipfriends (_user_id, name, secret) VALUES (999, '999', 'x');\n", `ast_sipfriends 999 _user_id: there is no account 999`},
		{"NULL as account", "INSERT INTO ast_sipfriends (_user_id, name, secret) VALUES (NULL, '998', 'x');\n", `ast_sipfriends 998 _user_id: is NULL`},
		{"account without SIP account", "INSERT INTO users (id, user, firstname) VALUES (50, 'ohne', 'Otto');\n", `users 50 id: ohne has no SIP account`},
		{"duplicate extension", "INSERT INTO users (id, user) VALUES (51, 'doppelt');\nINSERT INTO ast_sipfriends (_user_id, name, secret) VALUES (51, '416', 'x');\n", `STOP ast_sipfriends 416 name: 416 is the number of armin.artmann and of doppelt`},
		{"extension of a queue", "UPDATE ast_queues SET name = '417' WHERE _id = 2;\n", `STOP ast_queues 2 name: 417 is the number of iris.immsee and of queue Technik`},
		{"second SIP account", "INSERT INTO ast_sipfriends (_user_id, name, secret) VALUES (10, '4199', 'x');\n", `STOP ast_sipfriends 4199 _user_id: supervisor has a second SIP account`},
		{"bytes of latin1", "ALTER TABLE users MODIFY lastname varbinary(50);\nUPDATE users SET lastname = UNHEX('4DFC6C6C6572') WHERE id = 50;\n", `users 50 lastname: holds bytes that are not UTF-8`},
		{"UTF-8 in latin1", "UPDATE pb_prv SET lastname = UNHEX('4DC3BC6C6C6572') WHERE id = 1;\nALTER TABLE callblocking CONVERT TO CHARACTER SET latin1;\nUPDATE callblocking SET pin = UNHEX('C3BC') WHERE id = 1;\n", `callblocking 1 pin: holds UTF-8 in a column of latin1`},
		{"encoded twice", "SET NAMES utf8;\nUPDATE `groups` SET title = 'BÃ¼ro' WHERE id = 5;\n", `groups 5 title: was encoded twice`},
		{"no number", "INSERT INTO users (id, user) VALUES (52, 'wort');\nINSERT INTO ast_sipfriends (_user_id, name, secret) VALUES (52, 'alice', 'x');\n", `ast_sipfriends alice name: "alice" is no number`},
		{"short PIN", "UPDATE users SET pin = '12' WHERE id = 50;\n", `users 50 pin: a PIN must be 4 to 12 digits`},
		{"forward to nobody", "UPDATE callforwards SET number_std = '7777' WHERE user_id = 14 AND `case` = 'unavail';\n", `callforwards 14,external,unavail number_std: there is no number 7777`},
		{"forward to a queue", "UPDATE callforwards SET number_std = '440' WHERE user_id = 20 AND `case` = 'busy';\n", `callforwards 20,external,busy number_std: 440 is the number of queue Vertrieb, which cannot take calls`},
		{"forward of nobody", "INSERT INTO callforwards VALUES (888, 'internal', 'busy', 0, '416', '', '', NULL, 'std');\n", `callforwards 888,internal,busy user_id: there is no account 888`},
		{"NULL as time", "UPDATE cf_timerules SET h_from = NULL WHERE id = 1;\n", `cf_timerules 1 h_from: is NULL`},
		{"group of nobody", "INSERT INTO group_members VALUES (5, 777), (66, 11);\n", `group_members 5,777 member: there is no account 777`},
		{"member of no group", "", `group_members 66,11 group: there is no group 66`},
		{"groups in a circle", "INSERT INTO group_includes VALUES (5, 6);\n", `group_includes 6,5 member: `},
		{"query of its own", "INSERT INTO group_connections VALUES ('mysql', 5, 'id', 'SELECT id FROM users WHERE id > 3; DROP TABLE users');\n", `group_connections 5,id connection: the members of vertrieb come of a query`},
		{"hunt group without member", "INSERT INTO hunt_group_members VALUES (1, 9, '5555');\n", `hunt_group_members 1,9 extension: "5555" is the number of nobody`},
		{"unknown strategy", "UPDATE hunt_groups SET strategy = 'weird' WHERE id = 2;\n", `hunt_groups 2 strategy: "weird" is not known`},
		{"bell that is none", "UPDATE ringtones SET bellcore = 99 WHERE user_id = 11 AND src = 'internal';\n", `ringtones 11,internal bellcore: 99 is none of 1 to 8`},
		{"settings of nobody", "INSERT INTO dnd VALUES (776, 'yes');\n", `dnd 776 _user_id: there is no account 776`},
		{"phone of nobody", "UPDATE phones SET user_id = 775 WHERE id = 2;\n", `phones 2 user_id: there is no account 775`},
		{"no MAC address", "UPDATE phones SET mac_addr = 'xx' WHERE id = 3;\n", `phones 3 mac_addr: "xx" is no MAC address`},
		{"name with umlaut", "SET NAMES utf8;\nINSERT INTO users (id, user) VALUES (53, 'Jörg Maß');\n", `users 53 user: "Jörg Maß" has characters that 5 does not allow; the user is called joerg-mass`},
		{"pickup group that is not there", "INSERT INTO pickupgroups_users VALUES (9, 11);\n", `pickupgroups_users 9,11 group_id: there is no pickup group 9`},
	}
	var all strings.Builder
	for _, b := range breaks {
		all.WriteString(b.sql)
	}
	legacytest.Exec(t, dsn, all.String())
	before := checksum(t, dsn)
	r := report(t, dsn)
	if r.Ready {
		t.Error("the upgrade would run")
	}
	var lines []string
	for _, p := range r.Problems {
		lines = append(lines, line(p))
	}
	text := strings.Join(lines, "\n")
	for _, b := range breaks {
		t.Run(b.name, func(t *testing.T) {
			if !strings.Contains("\n"+text, "\n"+b.line) {
				t.Errorf("no line %q", b.line)
			}
			for l := range had {
				if strings.HasPrefix(l, b.line) {
					t.Errorf("the line was there before anything was broken: %s", l)
				}
			}
		})
	}
	if t.Failed() {
		t.Log(text)
	}
	if after := checksum(t, dsn); before != after {
		t.Error("the source was written to")
	}
}

func line(p legacy.Problem) string {
	stop := ""
	if p.Stops {
		stop = "STOP "
	}
	return fmt.Sprintf("%s%s %s %s: %s", stop, p.Table, p.Key, p.Column, p.Message)
}

// testStrange looks at tables and columns that nobody knows, and at some that are missing.
func testStrange(t *testing.T, dsn string) {
	legacytest.Load(t, dsn)
	legacytest.Exec(t, dsn, "CREATE TABLE `odd ``table` (a int);\nINSERT INTO `odd ``table` VALUES (1), (2);\nCREATE TABLE nothing (a int);\n"+
		"ALTER TABLE users ADD fancy varchar(9), ADD unused varchar(9), DROP COLUMN honorific;\nUPDATE users SET fancy = 'x' WHERE id = 11;\nDROP TABLE wakeup_calls;\nCREATE VIEW shown AS SELECT id FROM users;\n")
	r := report(t, dsn)
	want := []legacy.Unknown{{Table: "odd `table", Rows: 2}, {Table: "users", Column: "fancy", Rows: 1}}
	if diff := cmp.Diff(want, r.Unknown); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"wakeup_calls"}, r.Absent); diff != "" {
		t.Error(diff)
	}
	if r.Migrated["users"] != 13 {
		t.Errorf("%d users", r.Migrated["users"])
	}
}

// TestKnownIsTheSchema holds the list of known tables against the schema.
func TestKnownIsTheSchema(t *testing.T) {
	want := map[string][]string{}
	name := ""
	column := regexp.MustCompile("^  `(\\w+)` ")
	for l := range strings.Lines(legacytest.Fixture(t, "schema.sql")) {
		if rest, ok := strings.CutPrefix(l, "CREATE TABLE `"); ok {
			name, _, _ = strings.Cut(rest, "`")
		} else if m := column.FindStringSubmatch(l); m != nil {
			want[name] = append(want[name], m[1])
		}
	}
	if diff := cmp.Diff(want, legacy.KnownColumns()); diff != "" {
		t.Error(diff)
	}
}
