package app

import (
	"context"
	"errors"

	"github.com/koppelfeld/koppelfeld/internal/backup"
	"github.com/koppelfeld/koppelfeld/internal/secret"
	"github.com/koppelfeld/koppelfeld/internal/store"
	"github.com/koppelfeld/koppelfeld/internal/version"
)

// renew brings a database of an earlier version up to date, with a backup before, and everything as it was when that fails.
func (a *App) renew(ctx context.Context, box *secret.Box) error {
	lock, err := store.LockDataDir(a.cfg.DataDir)
	if err != nil {
		return err
	}
	err = backup.Renew(ctx, backup.RenewOptions{
		Database: store.Config{Database: a.cfg.Database, DataDir: a.cfg.DataDir, Secrets: box, Log: a.log.With("part", "store"), Validate: Trial(a.cfg)},
		Source:   backupSource(a.cfg, a.opts.ConfigFile, backup.BeforeUpdate), WithoutBackup: !a.cfg.Backup.BeforeUpdateOn(), Log: a.log.With("part", "backup"),
	})
	return errors.Join(err, lock.Release())
}

// noteVersion keeps which version the data has last worked with, for whoever has to go back to it.
func (a *App) noteVersion(ctx context.Context) {
	h, err := store.Look(ctx, store.Config{Database: a.cfg.Database, DataDir: a.cfg.DataDir})
	if err == nil {
		err = backup.Version{Version: version.Version, Schema: h.Schema}.Use(a.cfg.DataDir)
	}
	if err != nil {
		a.log.Warn("the version is not noted", "err", err)
	}
}
