package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"
)

// Column is a column of a table, described alike for every engine.
type Column struct {
	Name string `json:"name"`
	Kind Kind   `json:"kind"`
}

// Table is a table of the schema.
type Table struct {
	Name    string   `json:"name"`
	Columns []Column `json:"columns"`
	key     []string // primary key
}

// Dump is one consistent reading of all rows of a database, whatever is written meanwhile. It holds a connection of its own and is for
// one goroutine. Close it.
type Dump struct {
	// Engine is "sqlite" or "mysql", Schema the version of the schema, Tables are all tables but the one with the schema's version. A table
	// comes after those that it refers to.
	Engine string
	Schema int64
	Tables []Table

	eng  *engine
	conn *sql.Conn
}

// OpenDump begins to read the database of cfg, of which Database, DataDir and Log count. It changes nothing, and the schema may be older
// than the program's. Errors match fs.ErrNotExist (no SQLite file), ErrNewerSchema, ErrUnavailable.
func OpenDump(ctx context.Context, cfg Config) (*Dump, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	e, err := openEngine(ctx, &cfg, true)
	if err != nil {
		return nil, err
	}
	d := &Dump{Engine: e.kind, eng: e}
	if err := d.begin(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("reading database %s: %w", e.name, err), d.Close())
	}
	return d, nil
}

// begin opens the transaction in which everything is read.
func (d *Dump) begin(ctx context.Context) error {
	p, err := d.eng.provider(slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	if d.conn, err = d.eng.read.Conn(ctx); err != nil {
		return classify(err)
	}
	statements := []string{"BEGIN"}
	if d.Engine == "mysql" {
		// A connection that is slow to take rows, since the reading gives way to calls, is not to be cut.
		statements = []string{"SET SESSION net_write_timeout = 3600", "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ", "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"}
	}
	for _, s := range statements {
		if _, err := d.conn.ExecContext(ctx, s); err != nil {
			return classify(err)
		}
	}
	// SQLite's picture is that of the first statement.
	if d.Schema, err = schemaVersionOf(ctx, d.conn, d.Engine); err != nil {
		return err
	}
	if err := d.eng.refuseNewer(d.Schema, p); err != nil {
		return err
	}
	if err := d.eng.refuseUnfinished(ctx); err != nil {
		return err
	}
	if d.Schema == 0 {
		return errors.New("it is empty")
	}
	d.Tables, err = tablesOf(ctx, d.Schema)
	return err
}

// Rows calls yield with each row of a table as a line of JSON, without the line's end, in the order of the primary key. The line is valid
// until yield returns.
func (d *Dump) Rows(ctx context.Context, table Table, yield func(line []byte) error) error {
	names := make([]string, len(table.Columns))
	for i, c := range table.Columns {
		names[i] = quoted(c.Name)
	}
	query := "SELECT " + strings.Join(names, ", ") + " FROM " + quoted(table.Name)
	if len(table.key) > 0 {
		query += " ORDER BY " + strings.Join(table.key, ", ")
	}
	rows, err := d.conn.QueryContext(ctx, query)
	if err != nil {
		return fmt.Errorf("reading table %s: %w", table.Name, classify(err))
	}
	defer rows.Close()
	values, into := make([]any, len(names)), make([]any, len(names))
	for i := range into {
		into[i] = &values[i] // not RawBytes, which does not tell an empty value from none
	}
	var line []byte
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return fmt.Errorf("reading table %s: %w", table.Name, classify(err))
		}
		if line, err = appendRow(line[:0], table.Columns, values); err != nil {
			return fmt.Errorf("reading table %s: %w", table.Name, err)
		}
		if err := yield(line); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("reading table %s: %w", table.Name, classify(err))
	}
	return nil
}

// Close ends the reading.
func (d *Dump) Close() error {
	var err error
	if d.conn != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_, _ = d.conn.ExecContext(ctx, "ROLLBACK") // nothing was written
		err = d.conn.Close()
	}
	return errors.Join(err, d.eng.close())
}

// quoted is a name that may be a word of SQL. Both engines take backticks.
func quoted(name string) string { return "`" + name + "`" }

// tablesOf says which tables the schema of a version has, each after those it refers to. It is read from the migrations themselves, run on
// an SQLite database in memory, so that it cannot differ from them.
func tablesOf(ctx context.Context, version int64) ([]Table, error) {
	db, err := sql.Open("sqlite", "file::memory:?_pragma=foreign_keys(1)")
	if err != nil {
		return nil, err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	e := &engine{kind: "sqlite", name: "in memory", write: db, read: db}
	if err := e.migrateTo(ctx, version); err != nil {
		return nil, err
	}
	names, err := e.texts(ctx, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name <> ? ORDER BY name", schemaTable)
	if err != nil {
		return nil, err
	}
	var out []Table
	for len(names) > 0 {
		before := len(names)
		for _, name := range slices.Clone(names) {
			parents, err := e.texts(ctx, "SELECT \"table\" FROM pragma_foreign_key_list(?)", name)
			if err != nil {
				return nil, err
			}
			if slices.ContainsFunc(parents, func(p string) bool { return p != name && slices.Contains(names, p) }) {
				continue
			}
			t, err := e.describe(ctx, name)
			if err != nil {
				return nil, err
			}
			out, names = append(out, t), slices.DeleteFunc(names, func(n string) bool { return n == name })
		}
		if len(names) == before {
			return nil, fmt.Errorf("tables %v refer to one another", names)
		}
	}
	return out, nil
}

// describe reads the columns of an SQLite table.
func (e *engine) describe(ctx context.Context, name string) (Table, error) {
	t := Table{Name: name}
	rows, err := e.read.QueryContext(ctx, "SELECT name, type, pk FROM pragma_table_info(?) ORDER BY cid", name)
	if err != nil {
		return t, err
	}
	defer rows.Close()
	kinds := map[string]Kind{"INTEGER": Integer, "TEXT": Text, "BLOB": Bytes}
	keys := map[int]string{}
	for rows.Next() {
		var c Column
		var declared string
		var key int
		if err := rows.Scan(&c.Name, &declared, &key); err != nil {
			return t, err
		}
		if c.Kind = kinds[declared]; c.Kind == "" {
			return t, fmt.Errorf("column %s of %s has type %s, which a dump cannot hold", c.Name, name, declared)
		}
		if key > 0 {
			keys[key] = quoted(c.Name)
		}
		t.Columns = append(t.Columns, c)
	}
	for i := 1; i <= len(keys); i++ {
		t.key = append(t.key, keys[i])
	}
	return t, rows.Err()
}

// texts reads one column.
func (e *engine) texts(ctx context.Context, query string, args ...any) ([]string, error) {
	rows, err := e.read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, rows.Err()
}
