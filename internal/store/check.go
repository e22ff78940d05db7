package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// checkDatabase is the part of Check that needs the database.
func checkDatabase(ctx context.Context, cfg Config) error {
	eng, err := openEngine(ctx, &cfg, true)
	if errors.Is(err, fs.ErrNotExist) && !cfg.onServer() {
		return nil // will be made
	}
	if err != nil {
		return err
	}
	err = eng.refuseUnfinished(ctx)
	if err == nil {
		err = eng.check(ctx, cfg)
	}
	return errors.Join(err, eng.close())
}

func (e *engine) check(ctx context.Context, cfg Config) error {
	p, err := e.provider(cfg.Log)
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
	if current < latest(p) {
		return nil // empty, or to be migrated
	}
	var sealed []byte
	err = e.read.QueryRowContext(ctx, "SELECT key_check FROM config_state WHERE id = 1").Scan(&sealed)
	if err != nil {
		return fmt.Errorf("checking master key: %w", classify(err))
	}
	if cfg.Secrets == nil {
		return fmt.Errorf("%w: there is no master key file", ErrWrongKey)
	}
	if err := e.openKeyCheck(sealed, cfg.Secrets); err != nil {
		return err
	}
	snap, err := e.load(ctx, cfg.Secrets)
	if err != nil {
		return err
	}
	var damaged []error
	for _, d := range snap.Damaged {
		damaged = append(damaged, fmt.Errorf("database is damaged: %s of %s %s (%s): %s", d.Field, d.Type, d.ID, d.Name, d.Problem))
	}
	if len(damaged) > 0 {
		return errors.Join(damaged...)
	}
	if cfg.Validate != nil {
		return cfg.Validate(directory.NewSnapshot(), snap, Changed{Full: true})
	}
	return nil
}
