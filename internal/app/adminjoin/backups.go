package adminjoin

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/koppelfeld/koppelfeld/admin/api"
	"github.com/koppelfeld/koppelfeld/internal/backup"
	"github.com/koppelfeld/koppelfeld/internal/config"
	"github.com/koppelfeld/koppelfeld/internal/machine"
)

// Backups is an api.Backups.
type Backups struct {
	Keeper  *backup.Keeper
	Config  config.Backup
	DataDir string
}

var _ api.Backups = Backups{}

// List implements api.Backups.
func (b Backups) List() ([]api.Backup, error) {
	list, err := b.Keeper.List()
	if err != nil {
		return nil, err
	}
	out := make([]api.Backup, len(list))
	for i := range list {
		x := &list[i]
		out[i] = api.Backup{
			Name: x.Name, Kind: string(x.Kind), Created: x.Created, Size: x.Size, Seconds: x.Seconds, Encrypted: x.Encrypted, Verified: given(x.Verified), Problem: x.Problem,
			Program: x.Program, Users: x.Users, Records: x.Records,
		}
		for _, l := range x.LeftOut {
			out[i].LeftOut = append(out[i].LeftOut, l.Path)
		}
	}
	return out, nil
}

// given is a time, nil for none.
func given(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// State implements api.Backups.
func (b Backups) State() api.BackupState {
	s := b.Keeper.State()
	out := api.BackupState{
		Working: s.Working, Rows: s.Progress.Rows, Folder: b.Keeper.Folder(), SameDisk: sameDisk(b.Keeper.Folder(), b.DataDir), At: b.Config.At, Next: given(s.Next),
		Elsewhere: !s.Leads, Daily: b.Config.KeepDaily, Weekly: b.Config.KeepWeekly, Monthly: b.Config.KeepMonthly,
		Encrypted: len(b.Config.Recipients) > 0, Verify: b.Config.VerifyOn(), Failed: given(s.Failed), Problem: s.Problem,
	}
	if s.Working != "" {
		out.Since = given(s.Since)
	}
	if s.Good != nil {
		out.Good = given(s.Good.Created)
	}
	r, _ := machine.Read(b.Keeper.Folder()) // what cannot be read is zero
	if r.DiskTotal == 0 {
		r, _ = machine.Read(b.DataDir)
	}
	out.Free = int64(r.DiskFree)
	return out
}

// sameDisk reports whether two folders are on one file system. One that is not there yet will be made in the data directory.
func sameDisk(folder, dataDir string) bool {
	var x, y unix.Stat_t
	if unix.Stat(folder, &x) != nil {
		return true
	}
	return unix.Stat(dataDir, &y) == nil && x.Dev == y.Dev
}

// Start implements api.Backups.
func (b Backups) Start() error {
	if err := b.Keeper.Start(); errors.Is(err, backup.ErrWorking) {
		return api.ErrBackupRunning
	} else if err != nil {
		return err
	}
	return nil
}

// Open implements api.Backups.
func (b Backups) Open(name string) (io.ReadCloser, int64, error) {
	f, err := b.Keeper.Open(name)
	if err != nil {
		return nil, 0, missing(err)
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil, 0, errors.Join(err, f.Close(), os.ErrInvalid)
	}
	return f, info.Size(), nil
}

// Remove implements api.Backups.
func (b Backups) Remove(name string) error { return missing(b.Keeper.Remove(name)) }

func missing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("backup: %w", api.ErrNotFound)
	}
	return err
}
