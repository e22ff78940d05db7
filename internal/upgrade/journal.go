package upgrade

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Phase is where an upgrade stands.
type Phase string

// The phases. Nothing is there before the first run.
const (
	Running     Phase = "running"      // a run goes on, or was ended in the middle
	Failed      Phase = "failed"       // 4.5 serves; the next run begins anew
	RollingBack Phase = "rolling_back" // a way back goes on, or was ended in the middle
	RolledBack  Phase = "rolled_back"  // 4.5 serves, since somebody wanted it back
	Done        Phase = "done"         // 5 serves, and there is a way back
	Finished    Phase = "finished"     // 5 serves, and there is none
)

// State is the journal.
type State struct {
	Format int    `json:"format"`
	ID     string `json:"id"` // of the run
	Phase  Phase  `json:"phase"`
	Step   string `json:"step,omitempty"` // the last that was begun
	Steps  []Mark `json:"steps"`          // of this run, in order
	// Reason is why it failed, or why 4.5 was wanted back.
	Reason string    `json:"reason,omitempty"`
	Began  time.Time `json:"began"`
	Ended  time.Time `json:"ended,omitzero"`
	Facts  Facts     `json:"facts"`
}

// Mark says when a step was begun and done.
type Mark struct {
	Name  string    `json:"name"`
	Began time.Time `json:"began"`
	Ended time.Time `json:"ended,omitzero"`
}

// Facts are what later steps, later runs and the way back have to know. No secret is among them.
type Facts struct {
	Source   string `json:"source,omitempty"`   // the database of 4.5, without a password
	Database string `json:"database,omitempty"` // of 5, without a password
	DataDir  string `json:"data_dir,omitempty"`
	Backup   string `json:"backup,omitempty"` // folder
	// OldActive and OldEnabled say how the service of 4.5 was before the first step touched it.
	OldActive  bool `json:"old_active"`
	OldEnabled bool `json:"old_enabled"`
	// Stopped is set when the service of 4.5 is about to be stopped, Placed when the new data stands where 5 reads it, Started when the service of 5
	// is about to be started: from then on there may be data that users of 5 have made.
	Stopped bool `json:"stopped,omitempty"`
	Placed  bool `json:"placed,omitempty"`
	Started bool `json:"started,omitempty"`
	// Print tells one state of the data of 4.5 from another.
	Print string `json:"print,omitempty"`
	// Revision is that of the configuration of 5 when it was written.
	Revision int64 `json:"revision,omitempty"`
	// Filling names the database of 5 on a server that this upgrade has found empty and fills: it may be emptied again.
	Filling string `json:"filling,omitempty"`
	// Aside are the folders to which data of 5 was moved by ways back and by runs that began anew.
	Aside []string `json:"aside,omitempty"`
	// Report is the folder of the reports.
	Report string `json:"report,omitempty"`
}

// Format is the version of the form of a journal.
const format = 1

// Names in the folder of an upgrade.
const (
	stateFile = "state.json"
	lockFile  = "lock"
)

// ErrBusy is returned while another process upgrades or rolls back.
var ErrBusy = errors.New("another upgrade or rollback is running; wait until it has ended: koppelfeld upgrade status")

// Journal is an open journal, which no other process has.
type Journal struct {
	State State

	dir  string
	lock *os.File
	now  func() time.Time
}

// Open opens the journal in a folder, which it makes, and takes the lock. The caller calls Close.
func Open(dir string) (*Journal, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("opening the journal: %w", err)
	}
	info, err := os.Lstat(dir)
	if err != nil || !info.IsDir() {
		return nil, fmt.Errorf("opening the journal: %s is no folder (%v)", dir, err)
	}
	// It lies in the data directory, which belongs to the daemon's user: nobody but who made it may have put it there.
	if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Geteuid() {
		return nil, fmt.Errorf("opening the journal: %s belongs to another user; an upgrade is root's affair", dir)
	}
	lock, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the journal: %w", err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		lock.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, ErrBusy
		}
		return nil, fmt.Errorf("locking the journal: %w", err)
	}
	j := &Journal{dir: dir, lock: lock, now: time.Now}
	if j.State, err = Read(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		lock.Close()
		return nil, err
	}
	return j, nil
}

// Close gives the lock back, which the end of the process does as well.
func (j *Journal) Close() error { return j.lock.Close() }

// Read reads the journal in a folder without a lock. Where there is none it fails with fs.ErrNotExist.
func Read(dir string) (State, error) {
	text, err := os.ReadFile(filepath.Join(dir, stateFile))
	if err != nil {
		return State{}, fmt.Errorf("reading the journal: %w", err)
	}
	var s State
	if err := json.Unmarshal(text, &s); err != nil {
		return State{}, fmt.Errorf("reading the journal %s: %w", filepath.Join(dir, stateFile), err)
	}
	if s.Format > format {
		return State{}, fmt.Errorf("the journal %s was written by a newer version", filepath.Join(dir, stateFile))
	}
	return s, nil
}

// Save writes the journal so that it outlives a loss of power: whole, or as it was before.
func (j *Journal) Save() error {
	j.State.Format = format
	text, err := json.MarshalIndent(j.State, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the journal: %w", err)
	}
	if err := WriteFile(filepath.Join(j.dir, stateFile), append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("writing the journal: %w", err)
	}
	return nil
}

// WriteFile writes a file in one step that outlives a loss of power.
func WriteFile(path string, text []byte, mode os.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // nothing is there after the rename
	_, err = f.Write(text)
	if err := errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(path))
}

// SyncDir writes a folder's entries to the disk.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
