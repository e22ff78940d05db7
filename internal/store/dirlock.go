package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// lockName is the file in the data directory that a daemon holds locked. It
// contains the daemon's process ID for people.
const lockName = "daemon.lock"

// dirLock is an flock(2) on a data directory. The kernel drops it when the
// process ends, however it ends.
type dirLock struct{ file *os.File }

func lockDir(dataDir string) (*dirLock, error) {
	path := filepath.Join(dataDir, lockName)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking data_dir: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer f.Close()
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("locking %s: %w", path, err)
		}
		pid := make([]byte, 20)
		n, _ := f.Read(pid) // the name of the holder is a help, not needed
		return nil, fmt.Errorf("%w %s (process %s)", ErrRunning, dataDir, strings.TrimSpace(string(pid[:n])))
	}
	if err := f.Truncate(0); err != nil {
		return nil, errors.Join(fmt.Errorf("locking %s: %w", path, err), f.Close())
	}
	if _, err := fmt.Fprintln(f, os.Getpid()); err != nil {
		return nil, errors.Join(fmt.Errorf("locking %s: %w", path, err), f.Close())
	}
	return &dirLock{file: f}, nil
}

// DirLock is the lock of a data directory, for those who need it without a daemon.
type DirLock struct{ lock *dirLock }

// LockDataDir keeps daemons away from a data directory, or says with ErrRunning that one uses it.
func LockDataDir(dataDir string) (*DirLock, error) {
	l, err := lockDir(dataDir)
	if err != nil {
		return nil, err
	}
	return &DirLock{l}, nil
}

// Release lets daemons in again. It may be called more than once.
func (l *DirLock) Release() error { return l.lock.release() }

// release may be called more than once.
func (l *dirLock) release() error {
	if err := l.file.Close(); !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}
