package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// ErrForeign is returned by Peek for a database that holds tables which are not of this program.
var ErrForeign = errors.New("the database holds tables of something else")

// Peek looks at a database without changing anything. It returns nil where there is nothing yet: no file, or a database without tables. A
// schema that is not of this program's version cannot be looked into: it is an error. cfg.Secrets may be nil as long as there is nothing.
// Errors: as Check, and ErrForeign.
func Peek(ctx context.Context, cfg Config) (*directory.Snapshot, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	e, err := openEngine(ctx, &cfg, true)
	if errors.Is(err, fs.ErrNotExist) && !cfg.onServer() {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer e.close()
	return e.peek(ctx, cfg)
}

func (e *engine) peek(ctx context.Context, cfg Config) (*directory.Snapshot, error) {
	query := "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
	if e.kind == "mysql" {
		query = "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY table_name"
	}
	tables, err := e.texts(ctx, query)
	if err != nil {
		return nil, dbError("listing tables", err)
	}
	if len(tables) == 0 {
		return nil, nil
	}
	version, err := e.schemaVersion(ctx)
	if err != nil {
		return nil, err
	}
	p, err := e.provider(cfg.Log)
	if err != nil {
		return nil, fmt.Errorf("reading migrations: %w", err)
	}
	switch {
	case version == 0:
		return nil, fmt.Errorf("%w: %s has the table %s", ErrForeign, e.name, tables[0])
	case version != latest(p):
		return nil, fmt.Errorf("database %s has schema %d, this program makes %d", e.name, version, latest(p))
	case cfg.Secrets == nil:
		return nil, fmt.Errorf("%w: there is no master key file", ErrWrongKey)
	}
	return e.load(ctx, cfg.Secrets)
}

// Empty removes all our tables from a database on a server, so that it is as it was before it was first opened. Nobody may have it open. A file is
// not for Empty: whoever knows where it is moves it away.
func Empty(ctx context.Context, cfg Config) error {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if !cfg.onServer() {
		return errors.New("emptying a database: it is a file")
	}
	e, err := openEngine(ctx, &cfg, true)
	if err != nil {
		return err
	}
	return errors.Join(e.drop(ctx), e.close())
}
