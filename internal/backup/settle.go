package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/koppelfeld/koppelfeld/internal/store"
)

const (
	// asidePrefix begins the folder with what was there before a restore.
	asidePrefix = "before-restore-"
	// pendingFile is there while a restore puts its files in place.
	pendingFile = "restore.pending"
	// stateFile says which version has last used the data.
	stateFile = "version.json"
	// restoredFolder is where a restore puts the configuration of the backup.
	restoredFolder = "restored"
)

// pending is what is left to do of a restore. It is written when all is built and judged, and removed when all is in place.
type pending struct {
	Stage  string `json:"stage"`  // folder in the data directory, with the new in its folder data
	Aside  string `json:"aside"`  // folder for what was there, "" when nothing was
	Placed bool   `json:"placed"` // what was there is aside, and the new is put in its place
	MySQL  bool   `json:"mysql"`  // the database is one: the files belong to it only when it was finished
}

func (p *pending) write(dir string) error {
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	if err := writeWhole(filepath.Join(dir, pendingFile), text); err != nil {
		return fmt.Errorf("noting the restore: %w", err)
	}
	return nil
}

// Pending reports whether a restore waits to be completed.
func Pending(dataDir string) bool {
	_, err := os.Lstat(filepath.Join(dataDir, pendingFile))
	return err == nil
}

// Settle completes a restore that was broken off after all was built, and removes what one left that was not. It is called with the lock of the
// data directory held, before anything in it is opened. It may be broken off itself at any point and called again. Database, DataDir and Log of cfg
// count.
func Settle(ctx context.Context, cfg store.Config) error {
	dataDir := cfg.DataDir
	var p pending
	text, err := os.ReadFile(filepath.Join(dataDir, pendingFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return sweep(dataDir)
	case err != nil:
		return fmt.Errorf("completing a restore: %w", err)
	}
	if err := json.Unmarshal(text, &p); err != nil || !strings.HasPrefix(p.Stage, stagePrefix) || filepath.Base(p.Stage) != p.Stage || filepath.Base(p.Aside) != p.Aside && p.Aside != "" {
		return fmt.Errorf("completing a restore: %s is damaged; remove it and restore again", filepath.Join(dataDir, pendingFile))
	}
	if p.MySQL && !p.Placed {
		h, err := store.Look(ctx, cfg)
		if err != nil {
			return fmt.Errorf("completing a restore: %w", err)
		}
		if h.Unfinished {
			if err := os.Remove(filepath.Join(dataDir, pendingFile)); err != nil {
				return fmt.Errorf("completing a restore: %w", err)
			}
			return sweep(dataDir)
		}
	}
	if err := p.complete(dataDir); err != nil {
		return fmt.Errorf("completing a restore: %w", err)
	}
	return sweep(dataDir)
}

func (p *pending) complete(dir string) error {
	if !p.Placed {
		if p.Aside != "" {
			if err := putAside(dir, filepath.Join(dir, p.Aside)); err != nil {
				return err
			}
		}
		p.Placed = true
		if err := p.write(dir); err != nil {
			return err
		}
	}
	if err := place(filepath.Join(dir, p.Stage, "data"), dir); err != nil {
		return err
	}
	if err := errors.Join(syncTree(dir), os.Remove(filepath.Join(dir, pendingFile))); err != nil {
		return err
	}
	return syncDir(dir)
}

// stays says what of a data directory a restore leaves alone: backups, what was put aside, what belongs to this machine.
func stays(name string) bool {
	return slices.Contains([]string{Folder, "upgrade", "lost+found", pendingFile, "daemon.lock"}, name) || strings.HasPrefix(name, ".") || strings.HasPrefix(name, asidePrefix)
}

// holds lists what of a data directory a restore would put aside.
func holds(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("reading the data directory: %w", err)
	}
	var out []string
	for _, e := range entries {
		if !stays(e.Name()) {
			out = append(out, e.Name())
		}
	}
	return out, nil
}

func putAside(dir, aside string) error {
	names, err := holds(dir)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(aside, 0o700); err != nil {
		return err
	}
	for _, name := range names {
		if err := os.Rename(filepath.Join(dir, name), filepath.Join(aside, name)); err != nil {
			return err
		}
	}
	return errors.Join(syncDir(aside), syncDir(dir))
}

// place moves what is in from to the same places in to.
func place(from, to string) error {
	entries, err := os.ReadDir(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // all of it is there
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		source, target := filepath.Join(from, e.Name()), filepath.Join(to, e.Name())
		if there, err := os.Lstat(target); err == nil && there.IsDir() && e.IsDir() {
			if err := place(source, target); err != nil {
				return err
			}
			continue
		}
		if err := os.Rename(source, target); err != nil {
			return err
		}
	}
	return nil
}

// sweep removes what was in the making when a process died.
func sweep(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("reading the data directory: %w", err)
	}
	for _, e := range entries {
		for _, prefix := range []string{stagePrefix, ".trial-", ".backup-"} {
			if strings.HasPrefix(e.Name(), prefix) {
				if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
					return fmt.Errorf("removing what a restore has left: %w", err)
				}
			}
		}
	}
	return nil
}
