package store_test

import (
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/store"
	"github.com/koppelfeld/koppelfeld/internal/store/storetest"
	"github.com/koppelfeld/koppelfeld/routing/calendar"
)

var update = flag.Bool("update", false, "write golden files")

// engines runs a test on both databases.
func engines(t *testing.T, run func(t *testing.T, database string)) {
	t.Run("sqlite", func(t *testing.T) { run(t, "sqlite") })
	t.Run("mariadb", func(t *testing.T) { run(t, newMariaDB(t)) })
}

// raw opens the database of cfg past the store.
func raw(t *testing.T, cfg store.Config) *sql.DB {
	t.Helper()
	driver, dsn := "mysql", cfg.Database
	if cfg.Database == "sqlite" {
		driver, dsn = "sqlite", "file:"+filepath.Join(cfg.DataDir, store.FileName)
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func TestOpenRefused(t *testing.T) {
	tests := []struct {
		name    string
		spoil   func(t *testing.T, cfg *store.Config)
		is      error  // nil: any
		message string // part of it
	}{
		{"no data directory set", func(_ *testing.T, cfg *store.Config) { cfg.DataDir = "" }, nil, "data_dir is not set"},
		{"no data directory", func(_ *testing.T, cfg *store.Config) { cfg.DataDir += "/none" }, fs.ErrNotExist, "/none does not exist"},
		{"data directory not writable", func(_ *testing.T, cfg *store.Config) { cfg.DataDir = "/proc/self" }, nil, "not writable"},
		{"data directory is a file", func(_ *testing.T, cfg *store.Config) { cfg.DataDir += "/secret.key" }, nil, "not a directory"},
		{"no database", func(t *testing.T, cfg *store.Config) {
			if err := os.WriteFile(filepath.Join(cfg.DataDir, store.FileName), []byte(strings.Repeat("not a database ", 100)), 0o600); err != nil {
				t.Fatal(err)
			}
		}, store.ErrUnavailable, store.FileName},
		{"database is a directory", func(t *testing.T, cfg *store.Config) {
			if err := os.Mkdir(filepath.Join(cfg.DataDir, store.FileName), 0o700); err != nil {
				t.Fatal(err)
			}
		}, nil, "is a directory"},
		{"neither sqlite nor an address", func(_ *testing.T, cfg *store.Config) { cfg.Database = "postgres" }, nil, "database setting"},
		{"no database name", func(_ *testing.T, cfg *store.Config) { cfg.Database = "u:hunter2@unix(/x)/" }, nil, "names no database"},
		{"server away", func(_ *testing.T, cfg *store.Config) { cfg.Database = "u:hunter2@unix(/nowhere/my.sock)/kf" }, store.ErrUnavailable, "u@/nowhere/my.sock/kf"},
		{"server away, TCP", func(_ *testing.T, cfg *store.Config) { cfg.Database = "u:hunter2@tcp(127.0.0.1:1)/kf" }, store.ErrUnavailable, "refused"},
		{"no such database", func(t *testing.T, cfg *store.Config) { cfg.Database = newMariaDB(t) + "none" }, store.ErrUnavailable, "Unknown database"},
		{"no such account", func(t *testing.T, cfg *store.Config) {
			_, rest, _ := strings.Cut(newMariaDB(t), "@")
			cfg.Database = "stranger:hunter2@" + rest
		}, store.ErrUnavailable, "stranger"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cfg := storetest.Config(t, "sqlite")
			test.spoil(t, &cfg)
			_, openErr := store.Open(t.Context(), cfg)
			for what, err := range map[string]error{"open": openErr, "check": store.Check(t.Context(), cfg)} {
				switch {
				case err == nil:
					t.Errorf("%s: no error", what)
				case test.is != nil && !errors.Is(err, test.is):
					t.Errorf("%s: got %v, want an error that is %v", what, err, test.is)
				case !strings.Contains(err.Error(), test.message):
					t.Errorf("%s: got %q, want it to name %q", what, err, test.message)
				case strings.Contains(err.Error(), "hunter2"):
					t.Errorf("%s: error shows the password: %v", what, err)
				}
			}
		})
	}
}

func TestNewerSchemaRefused(t *testing.T) {
	engines(t, func(t *testing.T, database string) {
		cfg := storetest.Config(t, database)
		storetest.Open(t, cfg)
		if _, err := raw(t, cfg).Exec("INSERT INTO schema_version (version_id, is_applied) VALUES (999, 1)"); err != nil {
			t.Fatal(err)
		}
		_, err := store.Open(t.Context(), cfg)
		for what, err := range map[string]error{"open": err, "check": store.Check(t.Context(), cfg)} {
			if !errors.Is(err, store.ErrNewerSchema) || !strings.Contains(err.Error(), "999") {
				t.Errorf("%s: got %v, want ErrNewerSchema that names schema 999", what, err)
			}
		}
	})
}

// TestMigrationAgain runs the migrations over a database that has them already,
// as happens when the daemon dies between a step and the note that it ran.
func TestMigrationAgain(t *testing.T) {
	engines(t, func(t *testing.T, database string) {
		cfg := storetest.Config(t, database)
		st := storetest.Open(t, cfg)
		before, c := st.Snapshot(), storetest.Record(0)
		if err := st.InsertRecords(t.Context(), []calls.Record{c}); err != nil {
			t.Fatal(err)
		}
		if _, err := raw(t, cfg).Exec("DELETE FROM schema_version WHERE version_id > 0"); err != nil {
			t.Fatal(err)
		}
		st = storetest.Open(t, cfg)
		if diff := cmp.Diff(before, st.Snapshot()); diff != "" {
			t.Errorf("configuration (-before +after):\n%s", diff)
		}
		for user, want := range map[string]store.Direction{c.FromUser: store.CallOut, c.ToUser: store.CallIn} {
			if list, _, err := st.ListPersonCalls(t.Context(), store.PersonFilter{UserID: user}); err != nil || len(list) != 1 || list[0].Direction != want {
				t.Errorf("calls of %s: %+v, %v", user, list, err)
			}
		}
	})
}

// TestSchema holds the schemas against their dumps in testdata. A dump of a released
// version is never changed: a change of the schema is a new migration.
func TestSchema(t *testing.T) {
	engines(t, func(t *testing.T, database string) {
		cfg := storetest.Config(t, database)
		for _, version := range []int64{1, 3, 5, 6, 7, 8, 9, 10} {
			if err := store.MigrateTo(t.Context(), cfg, version); err != nil {
				t.Fatal(err)
			}
			sameSchema(t, cfg, fmt.Sprint("testdata/schema-", version))
		}
		storetest.Open(t, cfg)
		sameSchema(t, cfg, "testdata/schema-11")
	})
}

func sameSchema(t *testing.T, cfg store.Config, file string) {
	t.Helper()
	query := "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY type DESC, name"
	if file += ".sqlite.txt"; cfg.Database != "sqlite" {
		file = strings.Replace(file, "sqlite", "mysql", 1)
		query = `SELECT CONCAT_WS(' ', table_name, column_name, column_type, IF(is_nullable = 'NO', 'not null', 'null'), COALESCE(collation_name, ''), column_key)
			FROM information_schema.columns WHERE table_schema = DATABASE() ORDER BY table_name, ordinal_position`
	}
	rows, err := raw(t, cfg).Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var dump strings.Builder
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&dump, strings.TrimSpace(line))
	}
	if *update {
		if err := os.WriteFile(file, []byte(dump.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), dump.String()); diff != "" {
		t.Errorf("schema (-want +got):\n%s", diff)
	}
}

// TestOldDatabase opens a database of schema 1 that holds a user with a number and calls, and
// on which the migration was cut off in the middle.
func TestOldDatabase(t *testing.T) {
	engines(t, func(t *testing.T, database string) {
		cfg := storetest.Config(t, database)
		if err := store.MigrateTo(t.Context(), cfg, 1); err != nil {
			t.Fatal(err)
		}
		db := raw(t, cfg)
		const id = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
		for _, query := range []string{
			"UPDATE config_state SET revision = 7",
			`INSERT INTO users (id, username, first_name, last_name, email, language, time_zone, dnd, password_hash, must_change_password,
				version, matrix_version, created_at, updated_at) VALUES ('` + id + `', 'anna', '', '', '', 'de', '', 0, '', 0, 1, 1, 1, 1)`,
			`INSERT INTO numbers (number, owner_type, owner_id, position, call_waiting, busy_on_any, max_calls, ring_inside, ring_outside,
				display_name, version) VALUES ('11', 'user', '` + id + `', 0, 1, 0, 0, '', '', '', 3)`,
			`INSERT INTO records (seq, block, id, ended_at, class, result, caller, called, from_user, to_user, doc) VALUES
				(1, 0, 'made', 1, 'inside', 'busy', '11', '12', '` + id + `', 'u2', '{"id":"made"}'),
				(2, 0, 'taken', 1, 'inside', 'answered', '12', '11', 'u2', '` + id + `', '{"id":"taken"}'),
				(3, 0, 'missed', 1, 'inside', 'no_answer', '12', '11', 'u2', '` + id + `', '{"id":"missed"}'),
				(4, 0, 'rejected', 1, 'inside', 'rejected', '12', '11', 'u2', '` + id + `', '{"id":"rejected"}'),
				(5, 0, 'running', 0, 'inside', '', '11', '12', '` + id + `', NULL, '{"id":"running"}')`,
			"ALTER TABLE users ADD COLUMN hide_inside INTEGER NOT NULL DEFAULT 0", // as far as it got
		} {
			if _, err := db.Exec(query); err != nil {
				t.Fatal(err)
			}
		}
		if err := store.Check(t.Context(), cfg); err != nil {
			t.Errorf("check of a database that is to be migrated: %v", err)
		}
		st := storetest.Open(t, cfg)
		snap := st.Snapshot()
		want := &directory.Number{Number: "11", OwnerType: directory.OwnerUser, OwnerID: id, CallWaiting: true, Version: 3, Own: directory.SettingCallWaiting}
		if diff := cmp.Diff(want, snap.Numbers["11"]); diff != "" {
			t.Errorf("number (-want +got):\n%s", diff)
		}
		if u := snap.ByName["anna"]; u == nil || u.HideInside || u.Blocks != nil || snap.ByName[store.Supervisor] != nil {
			t.Errorf("users: got %+v", snap.ByName)
		}
		if len(snap.Codes) != 16 || snap.Revision != 8 {
			t.Errorf("got %d function codes at revision %d, want 16 at 8", len(snap.Codes), snap.Revision)
		}
		list, _, err := st.ListPersonCalls(t.Context(), store.PersonFilter{UserID: id})
		if err != nil {
			t.Error(err)
		}
		var got []string
		for _, c := range list {
			got = append(got, c.Record.ID+" "+string(c.Direction))
		}
		if want := []string{"missed missed", "taken in", "made out"}; !slices.Equal(got, want) {
			t.Errorf("calls of before: got %v, want %v", got, want)
		}
		again := storetest.Open(t, cfg).Snapshot()
		if diff := cmp.Diff(snap, again); diff != "" {
			t.Errorf("opened again (-first +second):\n%s", diff)
		}
	})
}

// TestOldSettings: an old database keeps what was in force for every user and number. What somebody had set stays theirs, the rest follows groups.
func TestOldSettings(t *testing.T) {
	engines(t, func(t *testing.T, database string) {
		cfg := storetest.Config(t, database)
		if err := store.MigrateTo(t.Context(), cfg, 8); err != nil {
			t.Fatal(err)
		}
		db := raw(t, cfg)
		exec := func(query string, args ...any) {
			t.Helper()
			if _, err := db.Exec(query, args...); err != nil {
				t.Fatal(err)
			}
		}
		exec("UPDATE config_state SET revision = 7")
		numbers, users := map[string]directory.Number{}, map[string]directory.User{}
		for i := range 32 { // each combination of what is set
			n := directory.Number{Number: fmt.Sprint(100 + i), CallWaiting: i&1 > 0, BusyOnAny: i&2 > 0, Own: directory.Settings(i)}
			u := directory.User{Username: fmt.Sprint("u", i), Language: "de", HideInside: i&4 > 0, HideOutside: i&8 > 0, Own: directory.Settings(i&15) << 5}
			if i&4 > 0 {
				n.MaxCalls = i
			}
			if i&8 > 0 {
				n.RingInside = "Bellcore-dr1"
			}
			if i&16 > 0 {
				n.RingOutside = "Bellcore-dr8"
			}
			if i&1 > 0 {
				u.Language = "en"
			}
			if i&2 > 0 {
				u.TimeZone = "Europe/Paris"
			}
			u.ID = fmt.Sprintf("%026d", i)
			numbers[n.Number], users[u.ID] = n, u
			exec(`INSERT INTO users (id, username, first_name, last_name, email, language, time_zone, dnd, password_hash, must_change_password, version,
				matrix_version, created_at, updated_at, hide_inside, hide_outside, shown_json, blocks_json, pin_sealed, status_private, url)
				VALUES (?, ?, '', '', '', ?, ?, 0, '', 0, 1, 1, 1, 1, ?, ?, '', '', ?, 0, '')`, u.ID, u.Username, u.Language, u.TimeZone, u.HideInside, u.HideOutside, []byte{})
			exec(`INSERT INTO numbers (number, owner_type, owner_id, position, call_waiting, busy_on_any, max_calls, ring_inside, ring_outside, display_name, version,
				profile_id, profile_chosen, schedule_json) VALUES (?, 'user', ?, 0, ?, ?, ?, ?, ?, '', 1, '', 0, '')`,
				n.Number, u.ID, n.CallWaiting, n.BusyOnAny, n.MaxCalls, n.RingInside, n.RingOutside)
		}
		st := storetest.Open(t, cfg)
		compare := func(what string) {
			t.Helper()
			snap := st.Snapshot()
			for _, want := range numbers {
				n := *snap.Numbers[want.Number]
				n.OwnerType, n.OwnerID, n.Version, n.From = "", "", 0, nil
				if diff := cmp.Diff(want, n); diff != "" {
					t.Errorf("%s: number (-want +got):\n%s", what, diff)
				}
			}
			for id, want := range users {
				u := snap.Users[id]
				got := directory.User{ID: id, Username: u.Username, Language: u.Language, TimeZone: u.TimeZone, HideInside: u.HideInside, HideOutside: u.HideOutside, Own: u.Own}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s: user (-want +got):\n%s", what, diff)
				}
			}
		}
		compare("after the migration")
		_, err := st.Update(t.Context(), store.Change{Actor: "test"}, func(tx *store.Tx) error {
			_, err := tx.UpdateGroup(directory.AllUsers, 0, func(g *directory.Group) {
				g.Parameters = directory.Parameters{MaxCalls: new(77), RingOutside: new("Bellcore-dr5"), Language: new("en"), HideOutside: new(true)}
			})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for i, n := range numbers {
			if n.Own&directory.SettingMaxCalls == 0 {
				n.MaxCalls = 77
			}
			if n.Own&directory.SettingRingOutside == 0 {
				n.RingOutside = "Bellcore-dr5"
			}
			numbers[i] = n
		}
		for id, u := range users {
			if u.Own&directory.SettingLanguage == 0 {
				u.Language = "en"
			}
			if u.Own&directory.SettingHideOutside == 0 {
				u.HideOutside = true
			}
			users[id] = u
		}
		compare("when all users are given something")
		st = storetest.Open(t, cfg)
		compare("opened again")
	})
}

// TestDamagedReferences removes what refers to things that somebody has taken out
// of the database by hand.
func TestDamagedReferences(t *testing.T) {
	engines(t, func(t *testing.T, database string) {
		cfg := storetest.Config(t, database)
		st := storetest.Open(t, cfg)
		hunt := ""
		_, err := st.Update(t.Context(), store.Change{Actor: "test"}, func(tx *store.Tx) error {
			h, err := tx.CreateHuntGroup(directory.HuntGroup{Name: "h", Number: "30", Strategy: directory.RingAll, Seconds: 30})
			if err != nil {
				return err
			}
			hunt = h.ID
			_, err = tx.CreateGroup(directory.Group{Name: "g", Title: "G", Type: directory.GroupUser})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, query := range []string{"DELETE FROM numbers WHERE number = '30'", "INSERT INTO grants VALUES ('none', 'pickup', 'g')", "UPDATE config_state SET revision = 99"} {
			if _, err := raw(t, cfg).Exec(query); err != nil {
				t.Fatal(err)
			}
		}
		_, err = st.Update(t.Context(), store.Change{Actor: "test"}, func(tx *store.Tx) error {
			if _, err := tx.UpdateHuntGroup(hunt, 0, func(h *directory.HuntGroup) { h.Number = "31" }); err != nil {
				return err
			}
			return tx.DeleteGroup("g", 0)
		})
		if snap := st.Snapshot(); err != nil || len(snap.Grants) != 0 || snap.Numbers["31"] == nil {
			t.Errorf("got %v, grants %v, numbers %v", err, snap.Grants, snap.Numbers)
		}
	})
}

// TestDamagedDocuments opens a database in which somebody has edited by hand: every document is spoiled. What cannot be read is made safe
// and named, all else is in force, and saving an object mends it.
func TestDamagedDocuments(t *testing.T) {
	engines(t, func(t *testing.T, database string) {
		cfg := storetest.Config(t, database)
		st := storetest.Open(t, cfg)
		var user, profile, cal, rule, hunt, pickup string
		_, err := st.Update(t.Context(), store.Change{Actor: "test"}, func(tx *store.Tx) error {
			u, err := tx.CreateUser(directory.User{Username: "anna", ShownInside: []string{"98"}, Blocks: []directory.Block{{Match: directory.Match{Kind: directory.MatchExact, Value: "99"}}}})
			if err != nil {
				return err
			}
			spec := calendar.Spec{Zone: "Europe/Berlin", Entries: []calendar.Entry{{}}}
			if _, err = tx.AddNumber(directory.Number{Number: "21", OwnerType: directory.OwnerUser, OwnerID: u.ID, CallWaiting: true, Schedule: &directory.Schedule{Calendar: spec, Profiles: []string{""}}}); err != nil {
				return err
			}
			reject := directory.Action{Kind: directory.Reject}
			p, err := tx.CreateProfile(directory.Profile{
				UserID: u.ID, Name: "p", Table: []directory.CaseRule{{Case: directory.Always, Class: directory.FromInside, Action: reject}},
				Extended: []directory.ExtendedRule{{When: directory.Conditions{Class: directory.FromInside}, Action: reject}},
			})
			if err != nil {
				return err
			}
			c, err := tx.CreateCalendar(directory.Calendar{Name: "c", Spec: spec})
			if err != nil {
				return err
			}
			r, err := tx.CreateRule(directory.SystemRule{Name: "r", Enabled: true, When: directory.Conditions{Class: directory.FromOutside}, Action: reject})
			if err != nil {
				return err
			}
			h, err := tx.CreateHuntGroup(directory.HuntGroup{Name: "h", Number: "30", Strategy: directory.RingAll, Seconds: 30, Members: []string{"21"}})
			if err != nil {
				return err
			}
			g, err := tx.CreatePickupGroup(directory.PickupGroup{Name: "g", Users: []string{u.ID}})
			if err != nil {
				return err
			}
			user, profile, cal, rule, hunt, pickup = u.ID, p.ID, c.ID, r.ID, h.ID, g.ID
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, query := range []string{
			"UPDATE users SET shown_json = '[', blocks_json = '[{\"match\":{\"kind\":\"exact\",\"value\":\"99\"}},' WHERE username = 'anna'", "UPDATE numbers SET schedule_json = 'x' WHERE number = '21'",
			"UPDATE profiles SET table_json = '[{'", "UPDATE calendars SET spec_json = '{\"zone\":1}'",
			"UPDATE forwarding_rules SET when_json = '7'", "UPDATE hunt_groups SET members_json = '{}'", "UPDATE pickup_groups SET users_json = '\"'",
			"UPDATE object_groups SET parameters_json = '{\"call_waiting\":true,\"max_calls\":\"x\"}' WHERE name = 'users'",
		} {
			if _, err := raw(t, cfg).Exec(query); err != nil {
				t.Fatal(err)
			}
		}
		if err := store.Check(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "database is damaged: table of profile "+profile) || strings.Count(err.Error(), "\n") != 8 {
			t.Errorf("check: got %v, want it to name all nine parts", err)
		}
		st = storetest.Open(t, cfg)
		s := st.Snapshot()
		if len(s.Damaged) != 9 {
			t.Errorf("damaged: got %+v", s.Damaged)
		}
		u := s.Users[user]
		if len(u.ShownInside) != 0 || len(u.Blocks) != 1 || u.Blocks[0].Match.Value != `[+0].*` || u.Validate() != nil {
			t.Errorf("user: got %+v", u)
		}
		if n := s.Numbers["21"]; n.Schedule != nil || !n.CallWaiting {
			t.Errorf("number: got %+v", n)
		}
		if p := s.Profiles[profile]; p.Table != nil || p.Extended != nil {
			t.Errorf("profile: got %+v", p)
		}
		if g := s.Groups[directory.AllUsers]; g.Parameters != (directory.Parameters{}) {
			t.Errorf("group: got %+v", g)
		}
		if s.Calendars[cal].Spec.Zone != "" || s.Rules[0].ID != rule || s.Rules[0].Enabled || s.HuntGroups[hunt].Members != nil || s.PickupGroups[pickup].Users != nil {
			t.Errorf("got %+v %+v %+v %+v", s.Calendars[cal], s.Rules[0], s.HuntGroups[hunt], s.PickupGroups[pickup])
		}
		_, err = st.Update(t.Context(), store.Change{Actor: "test"}, func(tx *store.Tx) error {
			if _, err := tx.UpdateUser(user, 0, func(u *directory.User) { u.Blocks, u.ShownInside = nil, []string{"97"} }); err != nil {
				return err
			}
			if _, err := tx.UpdateGroup(directory.AllUsers, 0, func(*directory.Group) {}); err != nil {
				return err
			}
			return tx.DeleteHuntGroup(hunt, 0)
		})
		if err != nil {
			t.Fatal(err)
		}
		if left := st.Snapshot().Damaged; len(left) != 5 || len(s.Damaged) != 9 {
			t.Errorf("after saving: %+v, before %+v", left, s.Damaged)
		}
		if again := storetest.Open(t, cfg).Snapshot(); len(again.Damaged) != 5 || again.Users[user].Blocks != nil {
			t.Errorf("after saving and opening: %+v", again.Damaged)
		}
	})
}

// TestDamageEnds: what is damaged is listed until it has been written anew or is gone, no longer and no shorter.
func TestDamageEnds(t *testing.T) {
	engines(t, func(t *testing.T, database string) {
		cfg := storetest.Config(t, database)
		st := storetest.Open(t, cfg)
		var user, slot, profile, other string
		change := func(fn func(*store.Tx) error) {
			t.Helper()
			if _, err := st.Update(t.Context(), store.Change{Actor: "test"}, fn); err != nil {
				t.Fatal(err)
			}
		}
		change(func(tx *store.Tx) error {
			u, err := tx.CreateUser(directory.User{Username: "anna"})
			if err != nil {
				return err
			}
			s, err := tx.CreateSlot(directory.Slot{UserID: u.ID, Type: directory.Desk})
			if err != nil {
				return err
			}
			p, err := tx.CreateProfile(directory.Profile{UserID: u.ID, Name: "p"})
			if err != nil {
				return err
			}
			o, err := tx.CreateProfile(directory.Profile{UserID: u.ID, Name: "o"})
			if err != nil {
				return err
			}
			user, slot, profile, other = u.ID, s.ID, p.ID, o.ID
			_, err = tx.AddNumber(directory.Number{Number: "21", OwnerType: directory.OwnerUser, OwnerID: u.ID})
			return err
		})
		for _, query := range []string{"UPDATE users SET shown_json = '[' WHERE username = 'anna'", "UPDATE numbers SET schedule_json = 'x'", "UPDATE profiles SET table_json = 'x' WHERE name = 'p'"} {
			if _, err := raw(t, cfg).Exec(query); err != nil {
				t.Fatal(err)
			}
		}
		st = storetest.Open(t, cfg)
		damaged := func(what string, want ...string) {
			t.Helper()
			for where, s := range map[string]*directory.Snapshot{"in force": st.Snapshot(), "opened again": storetest.Open(t, cfg).Snapshot()} {
				var got []string
				for _, d := range s.Damaged {
					got = append(got, d.Type)
				}
				if slices.Sort(got); !slices.Equal(got, want) {
					t.Errorf("after %s, %s: damaged are %v, want %v", what, where, got, want)
				}
			}
		}
		change(func(tx *store.Tx) error {
			_, err := tx.SetMatrix(user, map[string][]string{"21": {slot}}, 0)
			return err
		})
		damaged("setting the matrix", "number", "profile", "user")
		change(func(tx *store.Tx) error { return tx.DeleteProfile(other, 0) })
		damaged("removing another profile", "number", "profile", "user")
		change(func(tx *store.Tx) error {
			_, err := tx.UpdateProfile(profile, 0, func(*directory.Profile) {})
			return err
		})
		damaged("saving the profile as it is", "number", "user")
		change(func(tx *store.Tx) error {
			_, err := tx.DeleteUser(user, 0)
			return err
		})
		damaged("removing the user")
	})
}

func TestCheckChangesNothing(t *testing.T) {
	cfg := storetest.Config(t, "sqlite")
	if err := store.Check(t.Context(), cfg); err != nil {
		t.Errorf("no database yet: %v", err)
	}
	entries, err := os.ReadDir(cfg.DataDir)
	if err != nil || len(entries) != 1 {
		t.Errorf("data directory after a check: %v and %v, want the key only", entries, err)
	}
	boom := errors.New("boom")
	storetest.Open(t, cfg)
	cfg.Validate = func(_, next *directory.Snapshot, changed store.Changed) error {
		if !changed.Full || next.ByName[store.Supervisor] == nil {
			t.Error("check does not compile the whole configuration")
		}
		return boom
	}
	if err := store.Check(t.Context(), cfg); !errors.Is(err, boom) {
		t.Errorf("configuration that does not compile: got %v, want %v", err, boom)
	}
}

func TestSecondDaemonRefused(t *testing.T) {
	cfg := storetest.Config(t, "sqlite")
	cfg.Daemon = true
	first := storetest.Open(t, cfg)
	_, err := store.Open(t.Context(), cfg)
	if !errors.Is(err, store.ErrRunning) || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
		t.Errorf("second daemon: got %v, want ErrRunning that names process %d", err, os.Getpid())
	}
	beside := cfg
	beside.Daemon = false
	storetest.Open(t, beside) // a command beside the daemon
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	storetest.Open(t, cfg)
}

func TestFilesAndSecrets(t *testing.T) {
	cfg := storetest.Config(t, "sqlite")
	st := storetest.Open(t, cfg)
	var secret string
	_, err := st.Update(t.Context(), store.Change{Actor: "test"}, func(tx *store.Tx) error {
		s, err := tx.CreateSlot(directory.Slot{UserID: tx.Snapshot().ByName[store.Supervisor].ID, Type: directory.Desk})
		if err == nil {
			secret = s.SIPSecret
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(cfg.DataDir, "*"))
	if err != nil || len(files) < 3 {
		t.Fatalf("files: %v and %v", files, err)
	}
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, want 0600", filepath.Base(file), info.Mode().Perm())
		}
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(content), secret) {
			t.Errorf("%s holds a SIP secret in the clear", filepath.Base(file))
		}
	}
}
