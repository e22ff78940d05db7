package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/koppelfeld/koppelfeld/internal/upgrade"
)

// backup writes the database and the configuration of 4.5 to a folder of its own, with checksums. It takes the place of those of earlier runs: the
// data of 4.5 is never written to, so the newest is as good as any.
func (r *run) backup(ctx context.Context) error {
	dir := filepath.Join(r.dir, "backup-"+r.j.State.ID)
	if err := errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o700)); err != nil {
		return fmt.Errorf("making the backup: %w", err)
	}
	const dumped = "database.sql.gz"
	if err := r.dump(ctx, r.opt.Source, filepath.Join(dir, dumped), nil); err != nil {
		return err
	}
	if err := copyTree(r.opt.Old, filepath.Join(dir, "koppelfeld45")); err != nil {
		return fmt.Errorf("making the backup: %w", err)
	}
	if err := writeSums(dir); err != nil {
		return fmt.Errorf("making the backup: %w", err)
	}
	note := fmt.Sprintf("4.5 as it was before the upgrade to 5: its database (%s) and its configuration (%s).\n\n"+
		"Verify:   cd %s && sha256sum -c SHA256SUMS\nRestore:  zcat %s | mariadb DATABASE\n", r.j.State.Facts.Source, r.opt.Old, dir, dumped)
	if err := upgrade.WriteFile(filepath.Join(dir, "README"), []byte(note), 0o600); err != nil {
		return fmt.Errorf("making the backup: %w", err)
	}
	r.j.State.Facts.Backup = dir
	if err := r.j.Save(); err != nil {
		return err
	}
	return r.dropBackups(dir)
}

// dropBackups removes the backups of earlier runs.
func (r *run) dropBackups(keep string) error {
	older, err := filepath.Glob(filepath.Join(r.dir, "backup-*"))
	if err != nil {
		return fmt.Errorf("removing an older backup: %w", err)
	}
	for _, dir := range older {
		if dir == keep {
			continue
		}
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("removing an older backup: %w", err)
		}
	}
	return nil
}

// copyTree copies the regular files of a folder and of those in it. A folder that is not there has none.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && path == from {
			return nil
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		switch {
		case d.IsDir():
			return os.MkdirAll(target, 0o700)
		case d.Type().IsRegular():
			return copyFile(path, target)
		}
		return nil // links and sockets hold no settings
	})
}

// copyFile copies a file to a new one that only its owner may read, and writes it to the disk.
func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}

// writeSums writes the checksums of all files of a folder as sha256sum reads them, and makes sure that all are on the disk.
func writeSums(dir string) error {
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return upgrade.SyncDir(path)
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		sum := sha256.New()
		if _, err := io.Copy(sum, f); err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		fmt.Fprintf(&b, "%s  %s\n", hex.EncodeToString(sum.Sum(nil)), rel)
		return err
	})
	if err != nil {
		return err
	}
	return upgrade.WriteFile(filepath.Join(dir, "SHA256SUMS"), []byte(b.String()), 0o600)
}
