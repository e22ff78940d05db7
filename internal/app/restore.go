package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/backup"
	"github.com/koppelfeld/koppelfeld/internal/config"
	"github.com/koppelfeld/koppelfeld/internal/store"
)

// settle completes a restore that was broken off.
func (a *App) settle(ctx context.Context) error {
	lock, err := store.LockDataDir(a.cfg.DataDir)
	if err != nil {
		return err
	}
	pending := backup.Pending(a.cfg.DataDir)
	err = backup.Settle(ctx, store.Config{Database: a.cfg.Database, DataDir: a.cfg.DataDir, Log: a.log.With("part", "store")})
	if err == nil && pending {
		a.log.Info("a restore that was broken off is complete")
	}
	return errors.Join(err, lock.Release())
}

// Restore restores the backup in file to where cfg says, and says to out what it does.
func Restore(ctx context.Context, cfg config.Config, configFile string, file *os.File, keys backup.Keys, replace bool, out io.Writer) error {
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("reading the backup: %w", err)
	}
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return fmt.Errorf("making the data directory: %w", err)
	}
	if err := store.CheckDataDir(cfg.DataDir); err != nil {
		return err
	}
	began := time.Now()
	done, err := backup.Restore(ctx, file, info.Size(), backup.RestoreOptions{
		Target:   store.Config{Database: cfg.Database, DataDir: cfg.DataDir, Log: slog.New(slog.DiscardHandler)},
		Validate: backup.Validate(Trial(cfg)), Keys: keys, Replace: replace, Source: backupSource(cfg, configFile, backup.BeforeRestore),
		Tell: func(s string) { fmt.Fprintln(out, s) },
	})
	switch {
	case errors.Is(err, store.ErrRunning):
		return fmt.Errorf("%w: stop it first (systemctl stop koppelfeld); nothing was changed", err)
	case errors.Is(err, store.ErrUnfinished):
		return err
	case err != nil:
		return fmt.Errorf("nothing was restored: %w", err)
	}
	m := &done.Manifest
	fmt.Fprintf(out, "restored in %.1f s: %d users, %d numbers, %d call records, as of %s (version %s, %s)\n", time.Since(began).Seconds(), m.Rows("users"), m.Rows("numbers"), m.Rows("records"),
		m.Created.Local().Format(time.DateTime), m.Program, m.Host)
	if done.Aside != "" {
		fmt.Fprintln(out, "what was there before is in", done.Aside)
	}
	if done.Before != "" {
		fmt.Fprintln(out, "a backup of the database of before is", done.Before)
	}
	if done.Config != "" {
		fmt.Fprintln(out, "the configuration file of the backup, which is not in force, is in", done.Config)
	}
	fmt.Fprintln(out, "start the daemon: systemctl start koppelfeld")
	return nil
}
