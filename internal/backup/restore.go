package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/store"
)

// ErrHolds says that there is something where a backup is to be restored.
var ErrHolds = errors.New("there is something already")

// RestoreOptions are how a backup is restored.
type RestoreOptions struct {
	// Database and DataDir of Target are where to; the data directory must exist.
	Target store.Config
	// Validate judges the configuration as a start of the daemon does.
	Validate Validate
	Keys     Keys
	// Replace allows that there is something: files are put aside, and of a MySQL database a backup is made first, from Source.
	Replace bool
	Source  Source
	// Tell says to people what is done; nil is not.
	Tell func(string)
	Now  func() time.Time
}

// Restored says what a restore has done.
type Restored struct {
	Manifest Manifest
	// Aside is the folder in the data directory with what was there before, "" for nothing. Before is the backup of the MySQL database of before.
	Aside, Before string
	// Config is the folder with the configuration of the backup, "" for none.
	Config string
}

// stagePrefix begins the folder in the data directory in which a restore builds what will be there.
const stagePrefix = ".restore-"

// Restore restores a backup of size bytes. Everything is built aside first and judged; until then nothing has changed, and after that a restore that
// dies is completed by Settle. With MySQL the database is filled in place, after a trial: one that dies leaves a database that no daemon opens, and
// that the next restore begins anew. A daemon that uses the data directory or the database is store.ErrRunning, something that is there ErrHolds.
func Restore(ctx context.Context, in io.ReadSeeker, size int64, opt RestoreOptions) (*Restored, error) {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Tell == nil {
		opt.Tell = func(string) {}
	}
	dir := opt.Target.DataDir
	lock, err := store.LockDataDir(dir)
	if err != nil {
		return nil, err
	}
	defer lock.Release()
	if err := Settle(ctx, opt.Target); err != nil {
		return nil, err
	}
	r := &restoring{RestoreOptions: opt, dir: dir, mysql: opt.Target.Database != "" && opt.Target.Database != "sqlite"}
	if err := r.refuseHolding(ctx); err != nil {
		return nil, err
	}
	if r.mysql {
		opt.Tell("looking at the backup, and restoring it on trial")
		if _, err := Verify(ctx, in, size, opt.Keys, VerifyOptions{Dir: dir, Validate: opt.Validate}); err != nil {
			return nil, err
		}
		if _, err := in.Seek(0, io.SeekStart); err != nil {
			return nil, fmt.Errorf("reading the backup: %w", err)
		}
		if err := r.clear(ctx); err != nil {
			return nil, err
		}
	}
	opt.Tell("restoring")
	if err := r.build(ctx, in, size); err != nil {
		return nil, errors.Join(err, r.undo(ctx))
	}
	if err := Settle(ctx, opt.Target); err != nil {
		return nil, err
	}
	return &r.done, nil
}

type restoring struct {
	RestoreOptions
	dir     string
	mysql   bool
	stage   string // folder in which it is built
	broken  bool   // the MySQL database held what a restore has left that was broken off
	cleared bool   // the MySQL database of before is gone, and done.Before is a backup of it
	load    *loading
	done    Restored
}

// refuseHolding refuses to restore over something.
func (r *restoring) refuseHolding(ctx context.Context) error {
	names, err := holds(r.dir)
	if err != nil {
		return err
	}
	if len(names) > 0 && !r.Replace {
		return fmt.Errorf("%w: %s holds %s; with --replace it is put aside", ErrHolds, r.dir, strings.Join(names[:min(len(names), 3)], ", "))
	}
	if !r.mysql {
		return nil
	}
	h, err := store.Look(ctx, r.Target)
	if err != nil {
		return err
	}
	if h.Table != "" && !h.Unfinished && !r.Replace {
		return fmt.Errorf("%w: the database holds the table %s; with --replace a backup of it is made first, and then it is cleared", ErrHolds, h.Table)
	}
	return nil
}

// clear makes a backup of what a MySQL database holds, and clears it.
func (r *restoring) clear(ctx context.Context) error {
	h, err := store.Look(ctx, r.Target)
	if err != nil {
		return err
	}
	if r.broken = h.Unfinished; h.Schema == 0 || h.Unfinished {
		return nil
	}
	r.Tell("making a backup of what is there")
	folder := filepath.Join(r.dir, Folder)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("making the folder of backups: %w", err)
	}
	src := r.Source
	src.Kind = BeforeRestore
	info, err := Create(ctx, folder, "", src, CreateOptions{Options: Options{Now: r.Now}})
	if err != nil {
		return fmt.Errorf("making a backup of what is there: %w", err)
	}
	r.done.Before = filepath.Join(folder, info.Name)
	if err := store.Clear(ctx, r.Target); err != nil {
		return err
	}
	r.cleared = true
	return nil
}

// build makes everything in a folder of its own, or in the MySQL database, and leaves the mark with which Settle completes it.
func (r *restoring) build(ctx context.Context, in io.Reader, size int64) (err error) {
	if r.stage, err = os.MkdirTemp(r.dir, stagePrefix); err != nil {
		return fmt.Errorf("making room for the restore: %w", err)
	}
	data := filepath.Join(r.stage, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		return fmt.Errorf("making room for the restore: %w", err)
	}
	database := store.Config{Database: r.Target.Database, DataDir: data, Log: r.Target.Log}
	r.load = &loading{ctx: ctx, database: database, file: r.file}
	defer func() { err = errors.Join(err, r.load.close()) }()
	m, err := walk(ctx, in, size, r.Keys, r.load.visitor())
	if err != nil {
		return err
	}
	r.done.Manifest = *m
	return r.load.finish(r.Validate, func() error {
		p := pending{MySQL: r.mysql, Stage: filepath.Base(r.stage), Aside: r.asideName()}
		if names, err := holds(r.dir); err != nil || len(names) == 0 {
			p.Aside = ""
		}
		if p.Aside != "" {
			r.done.Aside = filepath.Join(r.dir, p.Aside)
		}
		if err := syncTree(r.stage); err != nil {
			return err
		}
		return p.write(r.dir)
	})
}

// asideName is the name of a folder that is not there yet.
func (r *restoring) asideName() string {
	for at := r.Now().UTC(); ; at = at.Add(time.Second) {
		name := asidePrefix + at.Format("20060102T150405Z")
		if _, err := os.Lstat(filepath.Join(r.dir, name)); errors.Is(err, fs.ErrNotExist) {
			return name
		}
	}
}

// file keeps a file of the backup where it will go.
func (r *restoring) file(name string, _ int64, content io.Reader) error {
	to := filepath.Join(r.stage, filepath.FromSlash(name)) // name was checked, and begins with data/ or config/
	if inside, ok := strings.CutPrefix(name, configFolder); ok {
		to = filepath.Join(r.stage, "data", restoredFolder, filepath.FromSlash(inside))
		r.done.Config = filepath.Join(r.dir, restoredFolder)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return fmt.Errorf("restoring %s: %w", name, err)
	}
	if err := writeNew(to, content); err != nil {
		return fmt.Errorf("restoring %s: %w", name, err)
	}
	return nil
}

// undo takes away what a restore that failed has made, and puts back what a MySQL database held before.
func (r *restoring) undo(ctx context.Context) error {
	if err := os.Remove(filepath.Join(r.dir, pendingFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if r.stage != "" {
		if err := os.RemoveAll(r.stage); err != nil {
			return err
		}
	}
	if !r.mysql {
		return nil
	}
	ctx = context.WithoutCancel(ctx)
	if r.load == nil || r.load.filling == nil || r.broken {
		return nil // as it was
	}
	if !r.cleared {
		f, err := store.OpenFilling(ctx, r.Target, r.load.schema)
		if err != nil {
			return nil // not ours, or away: it stays marked
		}
		return errors.Join(f.Clear(ctx), f.Close())
	}
	r.Tell("putting back what was there")
	if err := refill(ctx, r.Target, r.done.Before); err != nil {
		return fmt.Errorf("putting back what was there has failed, the backup of it is %s: %w", r.done.Before, err)
	}
	return nil
}

// refill fills a MySQL database with the rows of an unencrypted backup, and leaves its schema as it is there. Files are left alone.
func refill(ctx context.Context, target store.Config, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	l := &loading{ctx: ctx, database: target}
	if _, err := walk(ctx, f, info.Size(), Keys{}, l.visitor()); err != nil {
		return errors.Join(err, l.close())
	}
	return errors.Join(l.filling.Leave(ctx), l.close())
}

// syncTree makes sure that everything under a folder is on the disk.
func syncTree(root string) error {
	return filepath.WalkDir(root, func(p string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() {
			return err
		}
		return syncDir(p)
	})
}
