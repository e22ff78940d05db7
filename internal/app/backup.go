package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/backup"
	"github.com/koppelfeld/koppelfeld/internal/config"
	"github.com/koppelfeld/koppelfeld/internal/store"
	"github.com/koppelfeld/koppelfeld/internal/version"
)

// backupSource is what is backed up: the system of a configuration that was read from file.
func backupSource(cfg config.Config, file string, kind backup.Kind) backup.Source {
	host, _ := os.Hostname() // a help for people
	return backup.Source{
		Database:   store.Config{Database: cfg.Database, DataDir: cfg.DataDir, Log: slog.New(slog.DiscardHandler)},
		ConfigFile: file, Files: cfg.Files(), Program: version.Version, Host: host, Kind: kind,
	}
}

// backupFolder is where backups are kept.
func backupFolder(cfg config.Config) string {
	if cfg.Backup.Folder != "" {
		return cfg.Backup.Folder
	}
	return filepath.Join(cfg.DataDir, backup.Folder)
}

// BackupChoices are those of koppelfeld backup create.
type BackupChoices struct {
	ConfigFile string
	Out        string // file, "" for a name of its own in the folder of backups
	Recipients []string
	Passphrase string
	Unverified bool // no trial restore
}

// BackupCreate makes a backup of a system that may be running.
func BackupCreate(ctx context.Context, cfg config.Config, c BackupChoices, out io.Writer) error {
	if len(c.Recipients) == 0 && c.Passphrase == "" {
		c.Recipients = cfg.Backup.Recipients
	}
	recipients, err := backup.ParseRecipients(c.Recipients)
	if err != nil {
		return fmt.Errorf("--recipient: %w", err)
	}
	dir := backupFolder(cfg)
	if c.Out == "" {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("making the folder of backups: %w", err)
		}
	}
	opt := backup.CreateOptions{Options: backup.Options{Recipients: recipients}, TrialDir: cfg.DataDir, Passphrase: c.Passphrase}
	if !c.Unverified {
		opt.Validate = backup.Validate(Trial(cfg))
	}
	info, err := backup.Create(ctx, dir, c.Out, backupSource(cfg, c.ConfigFile, backup.Manual), opt)
	switch {
	case errors.Is(err, fs.ErrPermission) && c.Out != "":
		return fmt.Errorf("%w (this command acts as the owner of the data directory, who may not write there)", err)
	case err != nil:
		return err
	}
	for _, l := range info.LeftOut {
		fmt.Fprintf(out, "left out: %s: %s\n", l.Path, l.Reason)
	}
	where := c.Out
	if where == "" {
		where = filepath.Join(dir, info.Name)
	}
	fmt.Fprintf(out, "%s: %d users, %d call records, %s, %.1f s\n", where, info.Users, info.Records, megabytes(info.Size), info.Seconds)
	switch {
	case info.Problem != "":
		return fmt.Errorf("the backup is there, but a trial restore of it has failed: %s", info.Problem)
	case info.Good():
		fmt.Fprintln(out, "restored on trial: good")
	}
	return nil
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

// BackupVerify looks at a backup and restores it on trial.
func BackupVerify(ctx context.Context, cfg config.Config, file *os.File, keys backup.Keys, out io.Writer) error {
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("reading the backup: %w", err)
	}
	began := time.Now()
	m, err := backup.Verify(ctx, file, info.Size(), keys, backup.VerifyOptions{Validate: backup.Validate(Trial(cfg))})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "made %s by version %s of %s (%s, schema %d): %d users, %d numbers, %d call records\n", m.Created.Local().Format(time.DateTime), m.Program, m.Host, m.Engine, m.Schema,
		m.Rows("users"), m.Rows("numbers"), m.Rows("records"))
	for _, l := range m.LeftOut {
		fmt.Fprintf(out, "not in it: %s: %s\n", l.Path, l.Reason)
	}
	fmt.Fprintf(out, "checksums are right, and it was restored on trial in %.1f s: good\n", time.Since(began).Seconds())
	return nil
}

// BackupList prints the backups in the folder, the newest first.
func BackupList(cfg config.Config, asJSON bool, out io.Writer) error {
	list, err := backup.List(backupFolder(cfg))
	if err != nil {
		return err
	}
	if asJSON {
		if list == nil {
			list = []backup.Info{}
		}
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		return e.Encode(list)
	}
	if len(list) == 0 {
		fmt.Fprintln(out, "no backups in", backupFolder(cfg))
		return nil
	}
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "MADE\tSIZE\tVERIFIED\tENCRYPTED\tFILE")
	for i := range list {
		b := &list[i]
		state := "no"
		switch {
		case b.Problem != "":
			state = "FAILED: " + b.Problem
		case b.Good():
			state = "yes"
		}
		sealed := "no"
		if b.Encrypted {
			sealed = "yes"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", b.Created.Local().Format(time.DateTime), megabytes(b.Size), state, sealed, b.Name)
	}
	return t.Flush()
}
