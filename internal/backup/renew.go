package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/koppelfeld/koppelfeld/internal/store"
)

// keepBefore is how many backups before updates, and before restores, are kept.
const keepBefore = 5

// Version says which version of the program has last used the data.
type Version struct {
	Version string `json:"version"`
	Schema  int64  `json:"schema"`
}

// Used reads which version has last used a data directory; one that nobody has noted is empty.
func Used(dataDir string) Version {
	var v Version
	if text, err := os.ReadFile(filepath.Join(dataDir, stateFile)); err == nil {
		_ = json.Unmarshal(text, &v) // a help for people
	}
	return v
}

// Use notes that a version uses a data directory now.
func (v Version) Use(dataDir string) error {
	if Used(dataDir) == v {
		return nil
	}
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if err := writeWhole(filepath.Join(dataDir, stateFile), append(text, '\n')); err != nil {
		return fmt.Errorf("noting the version: %w", err)
	}
	return nil
}

// RenewOptions are how a database is brought to the schema of this program.
type RenewOptions struct {
	// Database is what is renewed, Secrets and Validate included.
	Database store.Config
	Source   Source // of the backup before
	// WithoutBackup leaves the backup out. Then a MySQL database whose migration fails is not put back.
	WithoutBackup bool
	Log           *slog.Logger
}

// RenewError is an update that has failed, in words that say what to do.
type RenewError struct {
	From, To int64
	Before   Version // the version that the database works with
	Backup   string  // file, "" for none
	Back     error   // why the database of before could not be put back; nil: it is there
	Err      error
}

// Error says what has happened and what to do.
func (e *RenewError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "the database could not be brought from schema %d to %d: %v. ", e.From, e.To, e.Err)
	if e.Back == nil {
		b.WriteString("It is as it was before. ")
	} else {
		fmt.Fprintf(&b, "It could not be put back either (%v): restore the backup with koppelfeld restore --replace %s. ", e.Back, e.Backup)
	}
	if e.Before.Version != "" {
		fmt.Fprintf(&b, "Go back to version %s (apt install koppelfeld=%s), which works with it", e.Before.Version, e.Before.Version)
	} else {
		b.WriteString("Go back to the version that was installed before, which works with it")
	}
	if e.Backup != "" {
		fmt.Fprintf(&b, "; a backup is %s", e.Backup)
	}
	return b.String()
}

// Unwrap is what has failed.
func (e *RenewError) Unwrap() []error { return []error{e.Err, e.Back} }

// Renew brings a database that an earlier version has written to the schema of this program: a backup first, then the migration, then a look whether the
// daemon can start with it. When anything fails, the database is as it was. A database that is empty or of this version is left alone. The lock of the data
// directory is held by the caller.
func Renew(ctx context.Context, opt RenewOptions) error {
	h, err := store.Look(ctx, opt.Database)
	if err != nil {
		return err
	}
	dir := opt.Database.DataDir
	fail := &RenewError{From: h.Schema, To: h.Latest, Before: Used(dir)}
	switch {
	case h.Unfinished, h.Schema == 0, h.Schema == h.Latest:
		return nil // said by whoever opens it
	case h.Schema > h.Latest:
		return newer(dir, h)
	}
	mysql := opt.Database.Database != "" && opt.Database.Database != "sqlite"
	opt.Log.Info("the database was written by an earlier version and is brought up to date", "schema", h.Schema, "to", h.Latest, "version", fail.Before.Version)
	if !opt.WithoutBackup {
		if fail.Backup, err = backupBefore(ctx, opt, mysql, fail.Before); err != nil {
			fail.Err = fmt.Errorf("the backup before it could not be made (mend that, or set before_update = false in [backup]): %w", err)
			return fail
		}
		opt.Log.Info("a backup of it was made", "file", fail.Backup)
	}
	aside, err := os.MkdirTemp(dir, stagePrefix)
	if err != nil {
		fail.Err = err
		return fail
	}
	defer os.RemoveAll(aside)
	if fail.Err = store.Renew(ctx, opt.Database, aside); fail.Err == nil {
		opt.Log.Info("the database is up to date", "schema", h.Latest)
		return nil
	}
	if mysql {
		opt.Log.Error("the database could not be brought up to date, what was there is put back", "err", fail.Err)
		fail.Back = putBack(context.WithoutCancel(ctx), opt.Database, fail.Backup)
	}
	return fail
}

// backupBefore makes the backup before an update. MySQL databases are changed in place, so theirs is tried first, with all that the update will do.
func backupBefore(ctx context.Context, opt RenewOptions, mysql bool, before Version) (string, error) {
	folder := filepath.Join(opt.Database.DataDir, Folder)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", err
	}
	src := opt.Source
	src.Kind, src.Data = BeforeUpdate, before.Version
	co := CreateOptions{TrialDir: opt.Database.DataDir}
	if mysql {
		co.Validate = Validate(opt.Database.Validate)
	}
	info, err := Create(ctx, folder, "", src, co)
	if err != nil {
		return "", err
	}
	file := filepath.Join(folder, info.Name)
	if info.Problem != "" {
		return "", fmt.Errorf("%s was made, and updating a copy of it on trial has failed: %s", file, info.Problem)
	}
	return file, keepFew(folder, BeforeUpdate, keepBefore)
}

// putBack fills a MySQL database with what it held before.
func putBack(ctx context.Context, db store.Config, file string) error {
	if file == "" {
		return errors.New("there is no backup of it")
	}
	if err := store.Clear(ctx, db); err != nil {
		return err
	}
	return refill(ctx, db, file)
}

// keepFew removes all but the newest backups of a kind.
func keepFew(folder string, kind Kind, keep int) error {
	list, err := List(folder)
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(i Info) bool { return i.Kind != kind })
	for _, i := range list[min(len(list), keep):] {
		if err := Remove(folder, i.Name); err != nil {
			return err
		}
	}
	return nil
}

// newer refuses a database of a later version, and says what fits this one.
func newer(dir string, h store.Holding) error {
	err := fmt.Errorf("%w: it has schema %d, this program knows %d", store.ErrNewerSchema, h.Schema, h.Latest)
	used := Used(dir).Version
	if used == "" {
		used = "the version that wrote it"
	}
	list, _ := List(filepath.Join(dir, Folder)) // a help for people
	for i := range list {
		if list[i].Schema > 0 && list[i].Schema <= h.Latest && list[i].Kind == BeforeUpdate {
			return fmt.Errorf("%w; install %s, or go back to what was there before the update (what has changed since is lost): koppelfeld restore --replace %s", err, used, filepath.Join(dir, Folder, list[i].Name))
		}
	}
	return fmt.Errorf("%w; install %s, or restore a backup that this program has made", err, used)
}
