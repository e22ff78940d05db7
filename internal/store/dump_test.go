package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/internal/corpus"
	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/store"
	"github.com/koppelfeld/koppelfeld/internal/store/storetest"
)

// dumped reads all rows of a database, by table.
func dumped(t *testing.T, cfg store.Config) (schema int64, rows map[string]string) {
	t.Helper()
	d, err := store.OpenDump(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	rows = map[string]string{}
	for _, table := range d.Tables {
		var b strings.Builder
		if err := d.Rows(t.Context(), table, func(line []byte) error {
			fmt.Fprintf(&b, "%s\n", line)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		rows[table.Name] = b.String()
	}
	return d.Schema, rows
}

// filled fills the empty database of cfg.
func filled(ctx context.Context, cfg store.Config, schema int64, rows map[string]string) error {
	f, err := store.OpenFilling(ctx, cfg, schema)
	if err != nil {
		return err
	}
	defer f.Close()
	for _, table := range f.Tables {
		n, err := f.Add(ctx, table.Name, []byte(rows[table.Name]))
		if err != nil {
			return err
		}
		if want := int64(strings.Count(rows[table.Name], "\n")); n != want {
			return fmt.Errorf("table %s: %d rows of %d", table.Name, n, want)
		}
	}
	return f.Finish(ctx, cfg.Secrets, cfg.Validate, nil)
}

// populate makes a database with something in most tables.
func populate(t *testing.T, cfg store.Config) *store.Store {
	t.Helper()
	st := storetest.Open(t, cfg)
	_, err := st.Update(t.Context(), store.Change{Actor: "test", Reason: "Grüße \"in\" \\ Anführungszeichen\n☎"}, func(tx *store.Tx) error {
		for i := range 20 {
			u, err := tx.CreateUser(directory.User{Username: fmt.Sprint("user", i), LastName: "Ölmüller 📞 \"\\"})
			if err != nil {
				return err
			}
			n, err := tx.AddNumber(directory.Number{Number: fmt.Sprint(200 + i), OwnerType: directory.OwnerUser, OwnerID: u.ID})
			if err != nil {
				return err
			}
			s, err := tx.CreateSlot(directory.Slot{UserID: u.ID, Type: directory.Desk})
			if err != nil {
				return err
			}
			if _, err := tx.CreateSlot(directory.Slot{UserID: u.ID, Type: directory.Mobile, MobileNumber: "+491701234567"}); err != nil {
				return err
			}
			if _, err := tx.SetMatrix(u.ID, map[string][]string{n.Number: {s.ID}}, 0); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var list []calls.Record
	for i := range 300 {
		list = append(list, storetest.Record(i))
	}
	if err := st.InsertRecords(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	return st
}

// TestDumpFillsTheOtherEngine goes from each engine to each, and the rows are the same.
func TestDumpFillsTheOtherEngine(t *testing.T) {
	engines(t, func(t *testing.T, from string) {
		cfg := storetest.Config(t, from)
		st := populate(t, cfg)
		schema, rows := dumped(t, cfg)
		if len(rows["records"]) == 0 || len(rows["audit"]) == 0 || len(rows["person_calls"]) == 0 {
			t.Fatal("nothing is in the dump")
		}
		engines(t, func(t *testing.T, to string) {
			into := storetest.Config(t, to)
			into.Secrets = cfg.Secrets
			if err := filled(t.Context(), into, schema, rows); err != nil {
				t.Fatal(err)
			}
			again, got := dumped(t, into)
			if diff := cmp.Diff(rows, got); diff != "" || again != schema {
				t.Errorf("schema %d, rows (-dump +dump of what was filled):\n%s", again, diff)
			}
			if diff := cmp.Diff(st.Snapshot(), storetest.Open(t, into).Snapshot()); diff != "" {
				t.Errorf("configuration:\n%s", diff)
			}
			if err := filled(t.Context(), into, schema, rows); !errors.Is(err, store.ErrNotEmpty) {
				t.Errorf("filled twice: %v", err)
			}
		})
	})
}

// TestDumpOfOlderSchemas makes each older schema, and fills another database of each engine with it.
func TestDumpOfOlderSchemas(t *testing.T) {
	engines(t, func(t *testing.T, from string) {
		cfg := storetest.Config(t, from)
		for _, version := range []int64{1, 3, 5, 7, 9} {
			if err := store.MigrateTo(t.Context(), cfg, version); err != nil {
				t.Fatal(err)
			}
			schema, rows := dumped(t, cfg)
			into := storetest.Config(t, "sqlite")
			into.Secrets = cfg.Secrets
			if err := filled(t.Context(), into, schema, rows); err != nil || schema != version {
				t.Errorf("schema %d as %d: %v", version, schema, err)
			}
			storetest.Open(t, into)
		}
	})
}

// TestUnfinishedFillingIsRefused: whoever dies in the middle leaves a database that no daemon opens, and that can be filled again.
func TestUnfinishedFillingIsRefused(t *testing.T) {
	cfg := storetest.Config(t, newMariaDB(t))
	f, err := store.OpenFilling(t.Context(), cfg, 9)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.OpenFilling(t.Context(), cfg, 9); !errors.Is(err, store.ErrRunning) {
		t.Errorf("two at once: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = store.Open(t.Context(), cfg)
	_, dump := store.OpenDump(t.Context(), cfg)
	for what, err := range map[string]error{"open": err, "check": store.Check(t.Context(), cfg), "dump": dump} {
		if !errors.Is(err, store.ErrUnfinished) {
			t.Errorf("%s: %v", what, err)
		}
	}
	from := storetest.Config(t, "sqlite")
	populate(t, from)
	schema, rows := dumped(t, from)
	cfg.Secrets = from.Secrets
	if err := filled(t.Context(), cfg, schema, rows); err != nil {
		t.Error(err)
	}
	storetest.Open(t, cfg)
}

// TestOneLeads: of two processes on one database one leads, until it ends; and nobody clears or fills a database that is in use.
func TestOneLeads(t *testing.T) {
	cfg := storetest.Config(t, newMariaDB(t))
	first, second := storetest.Open(t, cfg), storetest.Open(t, cfg)
	lead, err := first.Lead(t.Context())
	if err != nil || !lead.Held(t.Context()) {
		t.Fatalf("the first: %v", err)
	}
	if other, err := second.Lead(t.Context()); other != nil || err != nil {
		t.Errorf("the second leads too: %v", err)
	}
	if err := store.Clear(t.Context(), cfg); !errors.Is(err, store.ErrRunning) {
		t.Errorf("cleared while in use: %v", err)
	}
	if err := lead.Release(); err != nil {
		t.Fatal(err)
	}
	if lead.Held(t.Context()) {
		t.Error("still held")
	}
	next, err := second.Lead(t.Context())
	if err != nil || !next.Held(t.Context()) {
		t.Errorf("the next: %v", err)
	}
	if err := next.Release(); err != nil {
		t.Error(err)
	}
	alone := storetest.New(t)
	if l, err := alone.Lead(t.Context()); err != nil || !l.Held(t.Context()) {
		t.Errorf("SQLite: %v", err)
	}
}

func TestDumpWithBytesThatAreNoText(t *testing.T) {
	cfg := storetest.Config(t, "sqlite")
	populate(t, cfg)
	if _, err := raw(t, cfg).Exec("UPDATE users SET last_name = CAST(x'ff41' AS TEXT) WHERE username = 'user1'"); err != nil {
		t.Fatal(err)
	}
	schema, rows := dumped(t, cfg)
	if !strings.Contains(rows["users"], `{"bytes":"/0E="}`) {
		t.Error("bytes are lost")
	}
	engines(t, func(t *testing.T, to string) {
		into := storetest.Config(t, to)
		into.Secrets = cfg.Secrets
		if err := filled(t.Context(), into, schema, rows); err != nil {
			t.Fatal(err)
		}
		_, got := dumped(t, into)
		if same := got["users"] == rows["users"]; same != (to == "sqlite") {
			t.Errorf("same: %v", same)
		}
	})
}

func FuzzRow(f *testing.F) {
	for _, s := range []string{`[null,1,"YQ=="]`, `["a\u0001\"\\",-5,""]`, `[{"bytes":"/w=="},0,null]`, `[]`, `["a",1]`, `["a",1,"a",2]`} {
		f.Add([]byte(s))
	}
	corpus.Add(f)
	columns := []store.Column{{Name: "a", Kind: store.Text}, {Name: "b", Kind: store.Integer}, {Name: "c", Kind: store.Bytes}}
	f.Fuzz(func(t *testing.T, line []byte) {
		values, err := store.ParseRow(line, columns)
		if err != nil {
			return
		}
		out, err := store.AppendRow(columns, values)
		if err != nil {
			t.Fatal(err)
		}
		again, err := store.ParseRow(out, columns)
		if err != nil || cmp.Diff(values, again) != "" {
			t.Errorf("%q became %q: %v", line, out, err)
		}
		if bytes.ContainsAny(out, "\n") {
			t.Errorf("%q has a line's end", out)
		}
	})
}
