package backup

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/koppelfeld/koppelfeld/internal/store"
)

// Folder is the folder in the data directory where backups are kept when the configuration names no other.
const Folder = "backups"

// maxFiles bounds how many files of the data directory are taken, and maxFile how long one may be.
const (
	maxFiles = 100_000
	maxFile  = 16 << 30
)

// dataFiles lists the files of the data directory that are state, with slashes, in order. Left out are
//   - the database, whose rows are taken, and what belongs to its file;
//   - locks, and files in the making (names with a dot in front, or after which a dot and digits follow);
//   - backups themselves, what was put aside, and the configuration that a restore has put down;
//   - the spool of call records, which belongs to the process: records on their way would come twice. What the database has refused stays in refused.log,
//     which is taken;
//   - what an upgrade keeps to go back to the version before, on this machine. Its report is taken.
func dataFiles(dataDir string) (files []string, err error) {
	err = filepath.WalkDir(dataDir, func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dataDir, p)
		if err != nil || name == "." {
			return err
		}
		name = filepath.ToSlash(name)
		if !isState(name, e.IsDir()) {
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if e.Type().IsRegular() && len(files) < maxFiles {
			files = append(files, name)
		}
		return nil
	})
	slices.Sort(files)
	return files, err
}

// isState says whether a path in the data directory, with slashes, belongs into a backup.
func isState(name string, dir bool) bool {
	base := path.Base(name)
	switch {
	case strings.HasPrefix(base, "."), base == "lost+found":
		return false
	case name == store.FileName || strings.HasPrefix(name, store.FileName+"-"), strings.HasSuffix(base, ".lock"):
		return false
	case name == Folder, name == restoredFolder, strings.HasPrefix(name, asidePrefix), name == pendingFile, name == stateFile:
		return false
	case strings.HasPrefix(name, "secret.key."), strings.HasSuffix(base, ".tmp"):
		return false
	case strings.HasPrefix(name, "spool/cdr/"):
		return name == "spool/cdr/refused.log"
	case strings.HasPrefix(name, "upgrade/"):
		return !dir && strings.HasPrefix(base, "report.")
	}
	return true
}

// readable opens a regular file and says how long it is.
func readable(name string) (*os.File, int64, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	case info.Size() > maxFile:
		err = &fs.PathError{Op: "open", Path: name, Err: errTooLong}
	default:
		return f, info.Size(), nil
	}
	f.Close()
	return nil, 0, err
}
