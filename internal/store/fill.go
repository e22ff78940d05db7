package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/secret"
)

// ErrNotEmpty says that a database that is to be filled holds something.
var ErrNotEmpty = errors.New("database holds something")

// ErrUnfinished says that filling the database was broken off: what is in it is not whole.
var ErrUnfinished = errors.New("a restore into the database was broken off, and what is in it is not whole: run koppelfeld restore again")

// unfinishedTable is there while a MySQL database is filled. No daemon opens such a database. SQLite needs none, since a file is filled
// under another name.
const unfinishedTable = "unfinished_restore"

// Filling is a database that is filled with the rows of a Dump. It is for one goroutine. Close it.
type Filling struct {
	Tables []Table

	cfg  Config
	eng  *engine
	lock *Lock
}

// Holding says what is in a database.
type Holding struct {
	Schema     int64  // 0: nothing
	Latest     int64  // schema of this program
	Table      string // of a MySQL database, any table: it need not be ours
	Unfinished bool   // filling it was broken off
	Bytes      int64  // about how long it is
}

// Look says what is in the database of cfg, of which Database, DataDir and Log count, and changes nothing.
func Look(ctx context.Context, cfg Config) (Holding, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	var h Holding
	e, err := openEngine(ctx, &cfg, true)
	if errors.Is(err, fs.ErrNotExist) && !cfg.onServer() {
		e = &engine{kind: "sqlite"}
		if e.write, err = sql.Open("sqlite", "file::memory:"); err != nil {
			return h, err
		}
		e.read = e.write
	}
	if err != nil {
		return h, err
	}
	return h, errors.Join(e.look(ctx, &h), e.close())
}

func (e *engine) look(ctx context.Context, h *Holding) error {
	p, err := e.provider(slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	h.Latest = latest(p)
	if h.Schema, err = e.schemaVersion(ctx); err != nil {
		return err
	}
	if e.kind == "sqlite" {
		if e.name != "" {
			return e.read.QueryRowContext(ctx, "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size").Scan(&h.Bytes)
		}
		return nil
	}
	tables, err := e.tables(ctx)
	if err != nil {
		return err
	}
	if len(tables) > 0 {
		h.Table = tables[0]
	}
	h.Unfinished = slices.Contains(tables, unfinishedTable)
	err = e.read.QueryRowContext(ctx, "SELECT COALESCE(CAST(SUM(data_length + index_length) AS SIGNED), 0) FROM information_schema.tables WHERE table_schema = DATABASE()").Scan(&h.Bytes)
	if err != nil {
		return fmt.Errorf("reading database %s: %w", e.name, classify(err))
	}
	return nil
}

// Clear takes all of our tables out of a MySQL database. Until it is filled it stays marked, so that no daemon opens it.
func Clear(ctx context.Context, cfg Config) error {
	cfg.Log = slog.New(slog.DiscardHandler)
	e, err := openMySQL(&cfg)
	if err != nil {
		return err
	}
	clear := func() error {
		lock, err := e.lockAll(ctx)
		if err != nil {
			return err
		}
		defer lock.Release()
		if _, err := e.write.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS "+unfinishedTable+" (id INT NOT NULL PRIMARY KEY)"); err != nil {
			return fmt.Errorf("clearing database %s: %w", e.name, classify(err))
		}
		return e.dropOurs(ctx)
	}
	return errors.Join(clear(), e.close())
}

// OpenFilling makes the schema of a version in an empty database: a new file in cfg.DataDir, or a MySQL database without tables; one whose
// filling was broken off is cleared first. Of cfg, Database, DataDir and Log count. Errors match ErrNotEmpty, ErrRunning (another is filling
// it, or a daemon uses it), ErrNewerSchema, ErrUnavailable, ErrFull.
func OpenFilling(ctx context.Context, cfg Config, schema int64) (*Filling, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if err := KnowsSchema(schema); err != nil {
		return nil, err
	}
	tables, err := tablesOf(ctx, schema)
	if err != nil {
		return nil, err
	}
	f := &Filling{Tables: tables, cfg: cfg}
	if !cfg.onServer() {
		f.eng, err = newSQLite(cfg.DataDir)
	} else {
		f.eng, err = openMySQL(&cfg)
	}
	if err != nil {
		return nil, err
	}
	if err := f.begin(ctx, schema); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// newSQLite makes a database file. It is written without a journal and without waiting for the disk: whoever is disturbed begins anew.
func newSQLite(dataDir string) (*engine, error) {
	path := filepath.Join(dataDir, FileName)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("%w: %s is there", ErrNotEmpty, path)
	}
	if err != nil {
		return nil, fmt.Errorf("making database: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("making database: %w", err)
	}
	q := url.Values{"_txlock": {"immediate"}, "_pragma": {"journal_mode(OFF)", "synchronous(OFF)", "foreign_keys(1)", "cache_size(-16000)"}}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}).String())
	if err != nil {
		return nil, fmt.Errorf("making database %s: %w", path, err)
	}
	db.SetMaxOpenConns(1)
	return &engine{kind: "sqlite", name: path, write: db, read: db}, nil
}

func (f *Filling) begin(ctx context.Context, schema int64) error {
	if f.eng.kind == "mysql" {
		if err := f.claim(ctx); err != nil {
			return err
		}
	}
	if err := f.eng.migrateTo(ctx, schema); err != nil {
		return err
	}
	for _, t := range slices.Backward(f.Tables) { // what migrations have put there
		if _, err := f.eng.write.ExecContext(ctx, "DELETE FROM "+quoted(t.Name)); err != nil {
			return fmt.Errorf("making database %s: %w", f.eng.name, classify(err))
		}
	}
	return nil
}

// claim makes sure that nobody else uses a MySQL database and that it is empty, and marks it.
func (f *Filling) claim(ctx context.Context) error {
	var err error
	if f.lock, err = f.eng.lockAll(ctx); err != nil {
		return err
	}
	tables, err := f.eng.tables(ctx)
	if err != nil {
		return err
	}
	if len(tables) > 0 && !slices.Contains(tables, unfinishedTable) {
		return fmt.Errorf("%w: %s has the table %s", ErrNotEmpty, f.eng.name, tables[0])
	}
	// The mark stays while a broken filling is cleared: at no moment does the database look like a new one.
	if _, err := f.eng.write.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS "+unfinishedTable+" (id INT NOT NULL PRIMARY KEY)"); err != nil {
		return fmt.Errorf("making database %s: %w", f.eng.name, classify(err))
	}
	if err := f.eng.dropOurs(ctx); err != nil {
		return err
	}
	return nil
}

// tables lists all tables of a MySQL database.
func (e *engine) tables(ctx context.Context) ([]string, error) {
	names, err := e.texts(ctx, "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY table_name")
	if err != nil {
		return nil, fmt.Errorf("reading database %s: %w", e.name, classify(err))
	}
	return names, nil
}

// drop removes our tables from a MySQL database, and the mark last.
func (e *engine) drop(ctx context.Context) error {
	if err := e.dropOurs(ctx); err != nil {
		return err
	}
	if _, err := e.write.ExecContext(ctx, "DROP TABLE IF EXISTS "+unfinishedTable); err != nil {
		return fmt.Errorf("clearing database %s: %w", e.name, classify(err))
	}
	return nil
}

func (e *engine) dropOurs(ctx context.Context) error {
	have, err := e.tables(ctx)
	if err != nil {
		return err
	}
	p, err := e.provider(slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	ours, err := tablesOf(ctx, latest(p))
	if err != nil {
		return err
	}
	names := []string{schemaTable}
	for _, t := range slices.Backward(ours) {
		names = append(names, t.Name)
	}
	for _, name := range names {
		if !slices.Contains(have, name) {
			continue
		}
		if _, err := e.write.ExecContext(ctx, "DROP TABLE "+quoted(name)); err != nil {
			return fmt.Errorf("clearing database %s: %w", e.name, classify(err))
		}
	}
	return nil
}

// Bounds of one statement.
const (
	fillRows  = 200
	fillBytes = 1 << 20
)

// Add puts rows into a table, each a line as Dump.Rows gives it, in one transaction.
func (f *Filling) Add(ctx context.Context, table string, lines []byte) (rows int64, err error) {
	i := slices.IndexFunc(f.Tables, func(t Table) bool { return t.Name == table })
	if i < 0 {
		return 0, fmt.Errorf("table %q is not in this schema", table)
	}
	t := f.Tables[i]
	tx, err := f.eng.write.BeginTx(ctx, nil)
	if err != nil {
		return 0, fmt.Errorf("filling table %s: %w", table, classify(err))
	}
	defer tx.Rollback() // no effect after Commit
	var values []any
	waiting, size := 0, 0
	flush := func() error {
		if waiting == 0 {
			return nil
		}
		if _, err := tx.ExecContext(ctx, insert(t, waiting), values...); err != nil {
			return fmt.Errorf("filling table %s: %w", table, classify(err))
		}
		rows += int64(waiting)
		values, waiting, size = values[:0], 0, 0
		return nil
	}
	for line := range bytes.Lines(lines) {
		if values, err = parseRow(bytes.TrimSuffix(line, []byte("\n")), t.Columns, values); err != nil {
			return 0, fmt.Errorf("filling table %s, row %d of the part: %w", table, rows+int64(waiting)+1, err)
		}
		if f.eng.kind == "mysql" {
			validTexts(values[waiting*len(t.Columns):])
		}
		waiting, size = waiting+1, size+len(line)
		if waiting == fillRows || size > fillBytes {
			if err := flush(); err != nil {
				return 0, err
			}
		}
	}
	if err := flush(); err != nil {
		return 0, err
	}
	if err := tx.Commit(); err != nil {
		return 0, fmt.Errorf("filling table %s: %w", table, classify(err))
	}
	return rows, nil
}

// validTexts replaces what MySQL does not take for text.
func validTexts(values []any) {
	for i, v := range values {
		if s, ok := v.(string); ok {
			values[i] = strings.ToValidUTF8(s, "\uFFFD")
		}
	}
}

func insert(t Table, rows int) string {
	var b strings.Builder
	b.WriteString("INSERT INTO " + quoted(t.Name) + " (")
	for i, c := range t.Columns {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(quoted(c.Name))
	}
	row := "(" + strings.Repeat("?, ", len(t.Columns)-1) + "?)"
	b.WriteString(") VALUES " + strings.Repeat(row+", ", rows-1) + row)
	return b.String()
}

// Finish brings the schema to the version of this program, looks whether the configuration loads and passes validate, as a start of the
// daemon does, calls whole, which may be nil, and makes the database one that is opened. Where whole fails nothing is made of it.
func (f *Filling) Finish(ctx context.Context, box *secret.Box, validate func(prev, next *directory.Snapshot, changed Changed) error, whole func() error) error {
	p, err := f.eng.provider(f.cfg.Log)
	if err != nil {
		return err
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrating database %s: %w", f.eng.name, classify(err))
	}
	cfg := f.cfg
	cfg.Secrets, cfg.Validate = box, validate
	if err := f.eng.check(ctx, cfg); err != nil {
		return err
	}
	if f.eng.kind == "sqlite" {
		if err := syncFile(f.eng.name); err != nil {
			return fmt.Errorf("finishing database %s: %w", f.eng.name, err)
		}
	}
	if whole != nil {
		if err := whole(); err != nil {
			return err
		}
	}
	if f.eng.kind == "mysql" {
		if _, err := f.eng.write.ExecContext(ctx, "DROP TABLE "+unfinishedTable); err != nil {
			return fmt.Errorf("finishing database %s: %w", f.eng.name, classify(err))
		}
	}
	return nil
}

// Leave makes the database one that is opened, with the schema that it was filled in.
func (f *Filling) Leave(ctx context.Context) error {
	if f.eng.kind != "mysql" {
		return syncFile(f.eng.name)
	}
	if _, err := f.eng.write.ExecContext(ctx, "DROP TABLE "+unfinishedTable); err != nil {
		return fmt.Errorf("finishing database %s: %w", f.eng.name, classify(err))
	}
	return nil
}

// Clear takes everything out again that was filled in so far.
func (f *Filling) Clear(ctx context.Context) error {
	if f.eng.kind == "mysql" {
		return f.eng.drop(ctx)
	}
	return errors.Join(f.eng.close(), os.Remove(f.eng.name))
}

func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Close ends the work; a database that was not finished stays marked as such.
func (f *Filling) Close() error {
	var err error
	if f.lock != nil {
		err = f.lock.Release()
	}
	return errors.Join(err, f.eng.close())
}

// KnowsSchema refuses a version of the schema that this program cannot make, with ErrNewerSchema where it is too new.
func KnowsSchema(schema int64) error {
	e := &engine{kind: "sqlite"}
	var err error
	if e.write, err = sql.Open("sqlite", "file::memory:"); err != nil {
		return err
	}
	defer e.write.Close()
	p, err := e.provider(slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	if schema > latest(p) {
		return fmt.Errorf("%w: its schema is %d, and this program knows %d", ErrNewerSchema, schema, latest(p))
	}
	for _, source := range p.ListSources() {
		if source.Version == schema {
			return nil
		}
	}
	return fmt.Errorf("there is no schema %d", schema)
}
