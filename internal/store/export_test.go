package store

import (
	"context"
	"fmt"
	"log/slog"
)

// MigrateTo brings the schema of cfg to a version, as an older program would have.
func MigrateTo(ctx context.Context, cfg Config, version int64) error {
	cfg.Log = slog.New(slog.DiscardHandler)
	e, err := openEngine(ctx, &cfg, false)
	if err != nil {
		return err
	}
	defer e.close()
	p, err := e.provider(slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	if _, err := p.UpTo(ctx, version); err != nil {
		return fmt.Errorf("migrating to %d: %w", version, err)
	}
	return e.checkKey(ctx, cfg.Secrets)
}

// ParseRow and AppendRow read and write a row of a dump.
func ParseRow(line []byte, columns []Column) ([]any, error) { return parseRow(line, columns, nil) }

// AppendRow is the counterpart of ParseRow.
func AppendRow(columns []Column, values []any) ([]byte, error) {
	return appendRow(nil, columns, values)
}
