package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
)

// ErrOlderSchema says that an earlier version of Koppelfeld has written the database.
var ErrOlderSchema = errors.New("database was written by an earlier version")

// Renew brings the schema of cfg to that of this program, and looks whether the configuration loads and passes cfg.Validate. Database, DataDir, Secrets, Log
// and Validate count. Nobody else may have the database open.
//
// An SQLite file is copied into folder, which is on the same file system, and the copy takes its place when all went well: until then the old file is
// not touched. A MySQL database is changed in place; after an error it may be half of the old and half of the new, and is to be filled anew.
func Renew(ctx context.Context, cfg Config, folder string) error {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if !cfg.onServer() {
		return renewFile(ctx, cfg, folder)
	}
	e, err := openEngine(ctx, &cfg, true)
	if err != nil {
		return err
	}
	return errors.Join(e.renew(ctx, cfg), e.close())
}

// renew migrates and looks at the outcome.
func (e *engine) renew(ctx context.Context, cfg Config) error {
	if e.kind == "mysql" {
		lock, err := e.lockAll(ctx)
		if err != nil {
			return err
		}
		defer lock.Release()
	}
	if err := e.migrate(ctx, cfg.Log); err != nil {
		return err
	}
	return e.check(ctx, cfg)
}

func renewFile(ctx context.Context, cfg Config, folder string) error {
	path, aside := filepath.Join(cfg.DataDir, FileName), filepath.Join(folder, FileName)
	old, err := openSQLite(cfg.DataDir, true)
	if err != nil {
		return err
	}
	if _, err := old.write.ExecContext(ctx, "VACUUM INTO ?", aside); err != nil {
		return errors.Join(fmt.Errorf("copying database %s: %w", path, classify(err)), old.close())
	}
	// Without its log the old file is whole by itself, and the log cannot be taken for that of the new one.
	if err := old.fold(ctx); err != nil {
		return err
	}
	if err := os.Chmod(aside, 0o600); err != nil {
		return fmt.Errorf("copying database: %w", err)
	}
	next, err := openSQLite(folder, true)
	if err != nil {
		return err
	}
	if err := next.renew(ctx, cfg); err != nil {
		return errors.Join(err, next.close())
	}
	if err := next.fold(ctx); err != nil {
		return err
	}
	if err := syncFile(aside); err != nil {
		return fmt.Errorf("writing database: %w", err)
	}
	if err := os.Rename(aside, path); err != nil {
		return fmt.Errorf("putting the new database in place: %w", err)
	}
	dir, err := os.Open(cfg.DataDir)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// fold puts everything of an SQLite database into its one file and closes it.
func (e *engine) fold(ctx context.Context) error {
	err := e.read.Close()
	for _, pragma := range []string{"PRAGMA wal_checkpoint(TRUNCATE)", "PRAGMA journal_mode = DELETE"} {
		var mode, a, b any
		row := e.write.QueryRowContext(ctx, pragma)
		if pragma == "PRAGMA journal_mode = DELETE" {
			if err = errors.Join(err, row.Scan(&mode)); err == nil && mode != "delete" {
				err = ErrBusy
			}
		} else {
			err = errors.Join(err, row.Scan(&mode, &a, &b))
		}
	}
	if err = errors.Join(err, e.write.Close()); err != nil {
		return fmt.Errorf("closing database %s: %w", e.name, classify(err))
	}
	return nil
}
