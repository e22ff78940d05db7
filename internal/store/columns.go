package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/pressly/goose/v3"
)

// column is one that a migration adds to a table that an earlier one made.
// MariaDB alone can say ADD COLUMN IF NOT EXISTS; MySQL and SQLite cannot, so
// such migrations look first. That makes them as repeatable as all others, which
// matters on MySQL, where a statement cannot be taken back.
type column struct {
	version                    int64 // of the migration
	table, name, sqlite, mysql string
}

// columns are all such columns. A MEDIUMTEXT has no default on MySQL; rows that
// exist get the empty text.
var columns = []column{
	{3, "users", "hide_inside", "INTEGER NOT NULL DEFAULT 0 CHECK (hide_inside IN (0, 1))", "BOOLEAN NOT NULL DEFAULT 0"},
	{3, "users", "hide_outside", "INTEGER NOT NULL DEFAULT 0 CHECK (hide_outside IN (0, 1))", "BOOLEAN NOT NULL DEFAULT 0"},
	{3, "users", "shown_json", "TEXT NOT NULL DEFAULT '' CHECK (length(shown_json) <= 1048576)", "MEDIUMTEXT NOT NULL"},
	{3, "users", "blocks_json", "TEXT NOT NULL DEFAULT '' CHECK (length(blocks_json) <= 1048576)", "MEDIUMTEXT NOT NULL"},
	{3, "numbers", "profile_id", "TEXT NOT NULL DEFAULT '' CHECK (length(profile_id) <= 26)", "VARCHAR(26) NOT NULL DEFAULT ''"},
	{3, "numbers", "profile_chosen", "INTEGER NOT NULL DEFAULT 0", "BIGINT NOT NULL DEFAULT 0"},
	{3, "numbers", "schedule_json", "TEXT NOT NULL DEFAULT '' CHECK (length(schedule_json) <= 1048576)", "MEDIUMTEXT NOT NULL"},
	{4, "users", "pin_sealed", "BLOB NOT NULL DEFAULT x'' CHECK (length(pin_sealed) <= 512)", "VARBINARY(512) NOT NULL DEFAULT ''"},
	{4, "users", "status_private", "INTEGER NOT NULL DEFAULT 0 CHECK (status_private IN (0, 1))", "BOOLEAN NOT NULL DEFAULT 0"},
	{4, "users", "url", "TEXT NOT NULL DEFAULT '' CHECK (length(url) <= 500)", "VARCHAR(500) NOT NULL DEFAULT ''"},
	{7, "sessions", "impersonator", "TEXT NOT NULL DEFAULT '' CHECK (length(impersonator) <= 26)", "VARCHAR(26) NOT NULL DEFAULT ''"},
	{8, "profiles", "by_code", "INTEGER NOT NULL DEFAULT 0 CHECK (by_code IN (0, 1))", "BOOLEAN NOT NULL DEFAULT 0"},
	{9, "object_groups", "parameters_json", "TEXT NOT NULL DEFAULT '' CHECK (length(parameters_json) <= 1048576)", "MEDIUMTEXT NOT NULL"},
	{9, "users", "own_settings", "INTEGER NOT NULL DEFAULT 0 CHECK (own_settings BETWEEN 0 AND 65535)", "INT NOT NULL DEFAULT 0"},
	{9, "numbers", "own_settings", "INTEGER NOT NULL DEFAULT 0 CHECK (own_settings BETWEEN 0 AND 65535)", "INT NOT NULL DEFAULT 0"},
}

// filled are the statements that fill columns of a migration. They can be run again.
var filled = map[int64][]string{
	// What differs from the system's setting has been set by somebody; the rest follows groups from now on, none of which gives anything yet. The
	// bits are those of directory.Settings.
	9: {
		`UPDATE numbers SET own_settings = own_settings | CASE WHEN call_waiting <> 0 THEN 1 ELSE 0 END | CASE WHEN busy_on_any <> 0 THEN 2 ELSE 0 END
			| CASE WHEN max_calls <> 0 THEN 4 ELSE 0 END | CASE WHEN ring_inside <> '' THEN 8 ELSE 0 END | CASE WHEN ring_outside <> '' THEN 16 ELSE 0 END`,
		`UPDATE users SET own_settings = own_settings | CASE WHEN language <> 'de' THEN 32 ELSE 0 END | CASE WHEN time_zone <> '' THEN 64 ELSE 0 END
			| CASE WHEN hide_inside <> 0 THEN 128 ELSE 0 END | CASE WHEN hide_outside <> 0 THEN 256 ELSE 0 END`,
	},
}

// columnMigrations are the migrations that add columns.
func (e *engine) columnMigrations() []*goose.Migration {
	versions := map[int64][]column{}
	for _, c := range columns {
		versions[c.version] = append(versions[c.version], c)
	}
	var out []*goose.Migration
	for version, list := range versions {
		up := func(ctx context.Context, tx *sql.Tx) error {
			for _, c := range list {
				if err := e.addColumn(ctx, tx, c); err != nil {
					return fmt.Errorf("adding column %s to %s: %w", c.name, c.table, err)
				}
			}
			for _, query := range filled[version] {
				if _, err := tx.ExecContext(ctx, query); err != nil {
					return fmt.Errorf("filling columns: %w", err)
				}
			}
			return nil
		}
		out = append(out, goose.NewGoMigration(version, &goose.GoFunc{RunTx: up}, nil))
	}
	return out
}

// addColumn adds a column unless it is there.
func (e *engine) addColumn(ctx context.Context, tx *sql.Tx, c column) error {
	query, kind := "SELECT COUNT(*) FROM pragma_table_info(?) WHERE name = ?", c.sqlite
	if e.kind == "mysql" {
		query, kind = "SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = ? AND column_name = ?", c.mysql
	}
	var count int
	if err := tx.QueryRowContext(ctx, query, c.table, c.name).Scan(&count); err != nil || count > 0 {
		return err
	}
	_, err := tx.ExecContext(ctx, "ALTER TABLE "+c.table+" ADD COLUMN "+c.name+" "+kind)
	return err
}
