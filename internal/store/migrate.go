package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/pressly/goose/v3"
)

//go:embed migrations
var migrations embed.FS

// schemaTable is the table in which goose notes the migrations that ran.
const schemaTable = "schema_version"

func (e *engine) provider(log *slog.Logger) (*goose.Provider, error) {
	folder, err := fs.Sub(migrations, "migrations/"+e.kind)
	if err != nil {
		return nil, err
	}
	options := []goose.ProviderOption{
		goose.WithDisableGlobalRegistry(true), goose.WithTableName(schemaTable), goose.WithSlog(log),
		goose.WithGoMigrations(e.columnMigrations()...),
	}
	dialect := goose.DialectSQLite3
	if e.kind == "mysql" {
		dialect = goose.DialectMySQL
		options = append(options, goose.WithSessionLocker(migrationLock{}))
	}
	return goose.NewProvider(dialect, e.write, folder, options...)
}

// migrate brings the schema to the version of this program. A schema that is
// newer is left alone and refused with ErrNewerSchema.
func (e *engine) migrate(ctx context.Context, log *slog.Logger) error {
	p, err := e.provider(log)
	if err != nil {
		return fmt.Errorf("reading migrations: %w", err)
	}
	current, err := e.schemaVersion(ctx)
	if err != nil {
		return err
	}
	if err := e.refuseNewer(current, p); err != nil {
		return err
	}
	if err := e.refuseUnfinished(ctx); err != nil {
		return err
	}
	if current == latest(p) {
		return nil // asks for no lock and no right to create tables
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrating database %s: %w", e.name, classify(err))
	}
	return nil
}

// migrateTo brings an older schema to a version, as the program of that time would have.
func (e *engine) migrateTo(ctx context.Context, version int64) error {
	p, err := e.provider(slog.New(slog.DiscardHandler))
	if err != nil {
		return fmt.Errorf("reading migrations: %w", err)
	}
	if _, err := p.UpTo(ctx, version); err != nil {
		return fmt.Errorf("migrating database %s to schema %d: %w", e.name, version, classify(err))
	}
	return nil
}

// schemaVersion reads the version of the schema, 0 for an empty database,
// without changing anything.
func (e *engine) schemaVersion(ctx context.Context) (int64, error) {
	version, err := schemaVersionOf(ctx, e.read, e.kind)
	if err != nil {
		return 0, fmt.Errorf("reading schema version of database %s: %w", e.name, err)
	}
	return version, nil
}

// querier is a pool, a connection or a transaction.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func schemaVersionOf(ctx context.Context, q querier, kind string) (int64, error) {
	query := "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = ?"
	if kind == "mysql" {
		query = "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ?"
	}
	var count int
	var version sql.NullInt64
	err := q.QueryRowContext(ctx, query, schemaTable).Scan(&count)
	if err == nil && count > 0 {
		err = q.QueryRowContext(ctx, "SELECT MAX(version_id) FROM "+schemaTable).Scan(&version)
	}
	return version.Int64, classify(err)
}

func (e *engine) refuseOlder(ctx context.Context) error {
	p, err := e.provider(slog.New(slog.DiscardHandler))
	if err != nil {
		return fmt.Errorf("reading migrations: %w", err)
	}
	current, err := e.schemaVersion(ctx)
	if err == nil && current > 0 && current < latest(p) {
		err = fmt.Errorf("%w: database %s has schema %d, this program needs %d", ErrOlderSchema, e.name, current, latest(p))
	}
	return err
}

// refuseUnfinished refuses a database that was being filled.
func (e *engine) refuseUnfinished(ctx context.Context) error {
	if e.kind != "mysql" {
		return nil
	}
	var count int
	err := e.read.QueryRowContext(ctx, "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ?", unfinishedTable).Scan(&count)
	switch {
	case err != nil:
		return fmt.Errorf("reading database %s: %w", e.name, classify(err))
	case count > 0:
		return fmt.Errorf("database %s: %w", e.name, ErrUnfinished)
	}
	return nil
}

// latest returns the schema version of this program.
func latest(p *goose.Provider) int64 {
	var version int64
	for _, source := range p.ListSources() {
		version = max(version, source.Version)
	}
	return version
}

func (e *engine) refuseNewer(current int64, p *goose.Provider) error {
	if want := latest(p); current > want {
		return fmt.Errorf("%w: database %s has schema %d, this program knows %d; install the version that wrote it or restore a backup", ErrNewerSchema, e.name, current, want)
	}
	return nil
}

// migrationLock keeps two nodes from migrating one MySQL database at once.
type migrationLock struct{}

func (migrationLock) SessionLock(ctx context.Context, conn *sql.Conn) error {
	var got sql.NullInt64
	if err := conn.QueryRowContext(ctx, "SELECT GET_LOCK('koppelfeld_migration', 60)").Scan(&got); err != nil {
		return fmt.Errorf("locking for migration: %w", err)
	}
	if got.Int64 != 1 {
		return errors.New("locking for migration: another node has been migrating for a minute")
	}
	return nil
}

func (migrationLock) SessionUnlock(ctx context.Context, conn *sql.Conn) error {
	var released sql.NullInt64
	return conn.QueryRowContext(ctx, "SELECT RELEASE_LOCK('koppelfeld_migration')").Scan(&released)
}
