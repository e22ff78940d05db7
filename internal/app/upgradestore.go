package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/app/adopt"
	"github.com/koppelfeld/koppelfeld/internal/legacy"
	"github.com/koppelfeld/koppelfeld/internal/secret"
	"github.com/koppelfeld/koppelfeld/internal/store"
	"github.com/koppelfeld/koppelfeld/internal/upgrade"
)

// Folders beside the journal.
const (
	stagedFolder = "staged" // the new database, as long as it is a file that nobody serves
	trialFolder  = "trial"  // of the self-check
)

// onServer reports whether the database of 5 is one on a server.
func (r *run) onServer() bool { return r.cfg.Database != "sqlite" }

// databaseName names the database of 5 without a password.
func (r *run) databaseName() string {
	if !r.onServer() {
		return filepath.Join(r.cfg.DataDir, store.FileName)
	}
	user, rest, ok := strings.Cut(r.cfg.Database, "@")
	if name, _, has := strings.Cut(user, ":"); ok && has {
		return name + "@" + rest
	}
	return r.cfg.Database
}

// storeConfig is how the database of 5 is opened, in the given folder where it is a file.
func (r *run) storeConfig(dir string) (store.Config, error) {
	box, err := secret.OpenBox(r.cfg.DataDir)
	if err != nil {
		return store.Config{}, err
	}
	if err := r.owner.give(filepath.Join(r.cfg.DataDir, secret.KeyFile)); err != nil {
		return store.Config{}, err
	}
	return store.Config{Database: r.cfg.Database, DataDir: dir, Secrets: box, Validate: Trial(r.cfg), Dial: r.owner.dial()}, nil
}

// targetFree looks whether the database of 5 may be filled: there is none, or it holds nothing that anybody has made. One that an earlier run has
// filled is emptied when make is set; what users of 5 may have made since is kept aside.
func (r *run) targetFree(ctx context.Context, make bool) error {
	sc, err := r.storeConfig(r.cfg.DataDir)
	if err != nil {
		return err
	}
	f := &r.j.State.Facts
	snap, err := store.Peek(ctx, sc)
	if !r.onServer() {
		db := filepath.Join(r.cfg.DataDir, store.FileName)
		if owned := r.owner.give(db, db+"-wal", db+"-shm"); owned != nil {
			return owned
		}
		if f.Placed || err == nil && (snap == nil || adopt.Fresh(snap)) {
			return nil // it is moved aside when the new one is put in its place
		}
		return r.inUse(err)
	}
	ours := f.Filling == r.databaseName()
	switch {
	case err == nil && snap == nil:
		return nil
	case !ours:
		return r.inUse(err)
	case !make:
		return nil
	}
	if f.Started || snap != nil && snap.Revision > max(f.Revision, revisionFilled) {
		if err := r.dumpAside(ctx); err != nil {
			return err
		}
	}
	return store.Empty(ctx, sc)
}

// revisionFilled is the revision of a database that was made and filled: one for what a new one has, one for what came from 4.5.
const revisionFilled = 2

func (r *run) inUse(why error) error {
	if why != nil && !errors.Is(why, store.ErrForeign) {
		return why
	}
	if r.onServer() {
		return r.sentence("the database of 5, %s, is not empty: the upgrade fills an empty one only. Name another one in %s (database = …), or empty it",
			"die Datenbank von 5, %s, ist nicht leer: das Update füllt nur eine leere. Bitte in %s eine andere nennen (database = …) oder sie leeren", r.databaseName(), r.opt.Config)
	}
	return r.sentence("5 is in use already: %s holds users or numbers. The upgrade fills an empty 5 only: move the file away if it is not needed",
		"5 wird schon benutzt: %s enthält Benutzer oder Rufnummern. Das Update füllt nur ein leeres 5: bitte die Datei wegbewegen, wenn sie nicht gebraucht wird", r.databaseName())
}

// stage writes the new database where nobody serves it, and compares what is in it with the report.
func (r *run) stage(ctx context.Context) error {
	if err := r.targetFree(ctx, true); err != nil {
		return err
	}
	dir := filepath.Join(r.dir, stagedFolder)
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o700)); err != nil {
		return fmt.Errorf("writing the new database: %w", err)
	}
	f := &r.j.State.Facts
	f.Database = r.databaseName()
	if r.onServer() {
		f.Filling = f.Database
	}
	f.Placed, f.Started, f.Print = false, false, ""
	if !r.onServer() {
		f.Placed = r.exists(filepath.Join(r.cfg.DataDir, store.FileName))
	}
	if err := r.j.Save(); err != nil {
		return err
	}
	sc, err := r.storeConfig(dir)
	if err != nil {
		return err
	}
	revision, err := r.fill(ctx, sc)
	if err != nil {
		return err
	}
	f.Print, f.Revision = r.print, revision
	if r.onServer() {
		return nil
	}
	return syncFile(filepath.Join(dir, store.FileName))
}

// fill opens an empty database, puts 4.5 into it, closes it, and reads it again to count.
func (r *run) fill(ctx context.Context, sc store.Config) (int64, error) {
	st, err := store.Open(ctx, sc)
	if err != nil {
		return 0, err
	}
	revision, err := adopt.Into(ctx, st, r.conversion, store.Change{Actor: "root", Source: "upgrade", Reason: "4.5 at " + r.report.Source})
	if err := errors.Join(err, st.Close()); err != nil {
		return 0, err
	}
	return revision, r.count(ctx, sc)
}

// count counts what is in the new database, and compares it with the report as long as nobody can have changed it.
func (r *run) count(ctx context.Context, sc store.Config) error {
	snap, err := store.Peek(ctx, sc)
	if err != nil {
		return err
	}
	if snap == nil {
		return errors.New("the new database is gone")
	}
	r.report.Stored = adopt.Counted(snap, r.conversion)
	if r.j.State.Facts.Started {
		return nil
	}
	if d := adopt.Differences(r.report.Migrated, r.report.Stored); d != "" {
		return r.sentence("the new database differs from what was read: %s. This is a fault of the program: please report it", "die neue Datenbank weicht ab von dem, was gelesen wurde: %s. Das ist ein Fehler des Programms: bitte melden", d)
	}
	return nil
}

func (r *run) exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// written reports whether the new database is where the next steps look for it.
func (r *run) written() bool {
	return r.onServer() || r.exists(filepath.Join(r.dir, stagedFolder, store.FileName)) ||
		r.j.State.Facts.Placed && r.exists(filepath.Join(r.cfg.DataDir, store.FileName))
}

// syncFile writes a file and its folder to the disk.
func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close(), upgrade.SyncDir(filepath.Dir(path)))
}

// place puts the new database where 5 reads it, and counts what is in it.
func (r *run) place(ctx context.Context) error {
	if err := r.putInPlace(); err != nil {
		return err
	}
	sc, err := r.storeConfig(r.cfg.DataDir)
	if err != nil {
		return err
	}
	if err := r.count(ctx, sc); err != nil {
		return err
	}
	db := filepath.Join(r.cfg.DataDir, store.FileName)
	return r.owner.give(db, db+"-wal", db+"-shm")
}

// putInPlace renames a database that is a file. What is there is moved aside.
func (r *run) putInPlace() error {
	f := &r.j.State.Facts
	f.Placed = true
	if r.onServer() {
		return r.j.Save()
	}
	staged, target := filepath.Join(r.dir, stagedFolder, store.FileName), filepath.Join(r.cfg.DataDir, store.FileName)
	if !r.exists(staged) {
		if !r.exists(target) {
			return fmt.Errorf("the new database is neither at %s nor at %s", staged, target)
		}
		return r.j.Save() // it was put there before the run was ended
	}
	if r.exists(target) {
		if err := r.moveAside(true); err != nil {
			return err
		}
	}
	if err := r.j.Save(); err != nil {
		return err
	}
	if err := r.owner.give(staged); err != nil {
		return err
	}
	if err := os.Rename(staged, target); err != nil {
		return fmt.Errorf("putting the new database in its place: %w", err)
	}
	return upgrade.SyncDir(r.cfg.DataDir)
}

// newAside makes a folder for data of 5 that is to be kept, and notes it.
func (r *run) newAside() (string, error) {
	dir := filepath.Join(r.dir, "aside-"+time.Now().UTC().Format("20060102T150405.000Z"))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", fmt.Errorf("moving data of 5 aside: %w", err)
	}
	r.j.State.Facts.Aside = append(r.j.State.Facts.Aside, dir)
	return dir, r.j.Save()
}

// moveAside moves all of the data directory but the journal into a folder of its own. With keepKey the master key and what was carried over stay
// as well: the new database needs them.
func (r *run) moveAside(keepKey bool) error {
	entries, err := os.ReadDir(r.cfg.DataDir)
	if err != nil {
		return fmt.Errorf("moving data of 5 aside: %w", err)
	}
	dir := ""
	for _, e := range entries {
		name := e.Name()
		if name == upgradeFolder {
			continue
		}
		if dir == "" {
			if dir, err = r.newAside(); err != nil {
				return err
			}
		}
		from, to := filepath.Join(r.cfg.DataDir, name), filepath.Join(dir, name)
		if keepKey && (name == secret.KeyFile || name == carriedFile) {
			if err := copyFile(from, to); err != nil {
				return fmt.Errorf("moving data of 5 aside: %w", err)
			}
			continue
		}
		if err := os.Rename(from, to); err != nil {
			return fmt.Errorf("moving data of 5 aside: %w", err)
		}
	}
	if dir == "" {
		return nil
	}
	return errors.Join(upgrade.SyncDir(dir), upgrade.SyncDir(r.cfg.DataDir))
}

// dumpAside writes what is in the database of 5 on a server into a file, with the key that belongs to it.
func (r *run) dumpAside(ctx context.Context) error {
	dir, err := r.newAside()
	if err != nil {
		return err
	}
	if err := r.dump(ctx, r.cfg.Database, filepath.Join(dir, "koppelfeld.sql.gz"), r.owner); err != nil {
		return err
	}
	return copyFile(filepath.Join(r.cfg.DataDir, secret.KeyFile), filepath.Join(dir, secret.KeyFile))
}

// dump writes a database into a new file.
func (r *run) dump(ctx context.Context, dsn, path string, as *owner) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("dumping a database: %w", err)
	}
	scratch := os.TempDir() // where another user can reach its own file
	if as == nil {
		scratch = r.dir
	}
	err = legacy.Dump(ctx, dsn, scratch, as.credential(), f)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return upgrade.SyncDir(filepath.Dir(path))
}
