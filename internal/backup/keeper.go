package backup

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"filippo.io/age"
	"golang.org/x/sys/unix"

	"github.com/koppelfeld/koppelfeld/internal/fault"
)

// ErrWorking says that a backup is being made.
var ErrWorking = errors.New("a backup is being made")

// errFault is how a backup ends that a fault of the program has ended.
var errFault = errors.New("fault of the program, see the log")

// KeeperConfig is what a Keeper needs.
type KeeperConfig struct {
	Folder string
	// At is when a backup is made each day, since midnight in Zone; without Scheduled none is made by itself.
	At         time.Duration
	Scheduled  bool
	Zone       *time.Location
	Keep       Keep
	Recipients []age.Recipient
	// Validate judges a trial restore; nil makes none. TrialDir is where it is made.
	Validate Validate
	TrialDir string
	Source   Source
	// Lead reports whether this process is the one that makes scheduled backups.
	Lead   func(context.Context) bool
	Log    *slog.Logger
	Faults *fault.Log
	Now    func() time.Time // nil for time.Now
}

// Keeper makes backups by schedule and by request, one at a time, and prunes them. Use NewKeeper; all methods are safe for concurrent use.
type Keeper struct {
	cfg      KeeperConfig
	requests chan struct{}

	mu    sync.Mutex
	state State
	began time.Time // of this process
	tried time.Time // when the last scheduled one was tried
}

// State is how backups are.
type State struct {
	// Working is what is done now: "" nothing, "writing", "verifying". Since is when it began.
	Working  string
	Since    time.Time
	Progress Progress
	// Good is the last backup that is good, nil for none.
	Good *Info
	// Failed is when the last attempt failed, zero when the last one did not, and Problem why.
	Failed  time.Time
	Problem string
	// Next is when one is made by itself, zero for never. Leads is whether this process makes them.
	Next  time.Time
	Leads bool
	// Made and Broken count the attempts of this process.
	Made, Broken int
}

const (
	// lookEvery is how often the clock is looked at.
	lookEvery = 20 * time.Second
	// settleFirst is how long a process runs before it makes up for a backup that was missed.
	settleFirst = 15 * time.Minute
	// retryAfter is when a scheduled backup that has failed is tried again.
	retryAfter = time.Hour
)

// NewKeeper makes a keeper.
func NewKeeper(cfg KeeperConfig) *Keeper {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	k := &Keeper{cfg: cfg, requests: make(chan struct{}, 1), began: cfg.Now()}
	k.look()
	return k
}

// Run makes backups until ctx ends. One that is being made then is given up, and nothing is left of it.
func (k *Keeper) Run(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	k.lead(ctx)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-k.requests:
			k.work(ctx, Manual)
		case <-tick.C:
			if k.lead(ctx) {
				k.work(ctx, Scheduled)
			}
		}
	}
}

// lead finds out whether this process makes the scheduled backups, and whether one is due.
func (k *Keeper) lead(ctx context.Context) (due bool) {
	k.look() // somebody may have made one on the command line
	leads, now := k.cfg.Lead(ctx), k.cfg.Now()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.state.Leads = leads
	return leads && k.due(now)
}

// Start asks for a backup. ErrWorking says that one is being made, or asked for.
func (k *Keeper) Start() error {
	k.mu.Lock()
	working := k.state.Working != ""
	k.mu.Unlock()
	if working {
		return ErrWorking
	}
	select {
	case k.requests <- struct{}{}:
		return nil
	default:
		return ErrWorking
	}
}

// due reports whether a scheduled backup should be made. The lock is held.
func (k *Keeper) due(now time.Time) bool {
	if !k.cfg.Scheduled || now.Sub(k.tried) < retryAfter {
		return false
	}
	last := k.slot(now)
	if k.state.Good != nil && !k.state.Good.Created.Before(last) {
		return false
	}
	return last.After(k.began) || now.Sub(k.began) > settleFirst
}

// slot is when the last scheduled backup should have been made.
func (k *Keeper) slot(now time.Time) time.Time {
	at := k.on(now)
	if at.After(now) {
		at = k.on(now.AddDate(0, 0, -1))
	}
	return at
}

// on is the time of the backup on a day.
func (k *Keeper) on(day time.Time) time.Time {
	y, m, d := day.In(k.cfg.Zone).Date()
	return time.Date(y, m, d, int(k.cfg.At/time.Hour), int(k.cfg.At%time.Hour/time.Minute), 0, 0, k.cfg.Zone)
}

// State says how backups are.
func (k *Keeper) State() State {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.state
	if k.cfg.Scheduled {
		now := k.cfg.Now()
		if s.Next = k.on(now); !s.Next.After(now) {
			s.Next = k.on(now.AddDate(0, 0, 1))
		}
	}
	return s
}

// Age is how old the last good backup is; without one, how long this process runs.
func (k *Keeper) Age() time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	since := k.began
	if k.state.Good != nil {
		since = k.state.Good.Created
	}
	return k.cfg.Now().Sub(since)
}

// Folder is where backups are kept.
func (k *Keeper) Folder() string { return k.cfg.Folder }

// List lists the backups, the newest first.
func (k *Keeper) List() ([]Info, error) {
	k.look()
	return List(k.cfg.Folder)
}

// Remove removes a backup by its name. Errors match fs.ErrNotExist.
func (k *Keeper) Remove(name string) error {
	err := Remove(k.cfg.Folder, name)
	k.look()
	return err
}

// Open opens a backup by its name. Errors match fs.ErrNotExist.
func (k *Keeper) Open(name string) (*os.File, error) { return Open(k.cfg.Folder, name) }

// look finds the last good backup.
func (k *Keeper) look() {
	list, err := List(k.cfg.Folder)
	if err != nil {
		return // the next attempt says why
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.state.Good = nil
	for i := range list {
		if b := &list[i]; (b.Kind == Manual || b.Kind == Scheduled) && b.Problem == "" && (b.Good() || k.cfg.Validate == nil) {
			k.state.Good = b
			return
		}
	}
}

// work makes one backup, on a thread of its own that the system prefers less than all others.
func (k *Keeper) work(ctx context.Context, kind Kind) {
	now := k.cfg.Now()
	k.mu.Lock()
	k.state.Working, k.state.Since, k.state.Progress = "writing", now, Progress{}
	if kind == Scheduled {
		k.tried = now
	}
	k.mu.Unlock()
	done := make(chan struct{})
	err := errFault
	var info Info
	go k.cfg.Faults.Guard("backup", func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine, since it cannot become quick again
		yieldToOthers()
		info, err = k.make(ctx, kind)
	})()
	<-done
	k.finished(ctx, kind, &info, err)
}

// Niceness of the thread that makes a backup, and its class for the disk: best effort, the last of it.
const (
	nice         = 15
	ioClassLast  = 2<<13 | 7
	ioWhoProcess = 1
)

// yieldToOthers makes this thread give way. Where the system forbids it, the pauses between bursts have to do.
func yieldToOthers() {
	_ = unix.Setpriority(unix.PRIO_PROCESS, 0, nice)
	_, _, _ = unix.Syscall(unix.SYS_IOPRIO_SET, ioWhoProcess, 0, ioClassLast)
}

func (k *Keeper) make(ctx context.Context, kind Kind) (Info, error) {
	if err := os.MkdirAll(k.cfg.Folder, 0o700); err != nil {
		return Info{}, fmt.Errorf("making the folder of backups: %w", err)
	}
	p := &pacer{}
	src := k.cfg.Source
	src.Kind = kind
	return Create(ctx, k.cfg.Folder, "", src, CreateOptions{
		Options: Options{Recipients: k.cfg.Recipients, Pace: p.pace, Progress: k.progress}, Validate: k.cfg.Validate, TrialDir: k.cfg.TrialDir,
		Verifying: func() { k.working("verifying") },
	})
}

func (k *Keeper) progress(p Progress) {
	k.mu.Lock()
	k.state.Progress = p
	k.mu.Unlock()
}

func (k *Keeper) working(what string) {
	k.mu.Lock()
	k.state.Working = what
	k.mu.Unlock()
}

// finished notes the outcome and prunes.
func (k *Keeper) finished(ctx context.Context, kind Kind, info *Info, err error) {
	if err == nil && info.Problem != "" {
		err = fmt.Errorf("a trial restore of it has failed: %s", info.Problem)
	}
	k.mu.Lock()
	k.state.Working, k.state.Failed, k.state.Problem = "", time.Time{}, ""
	switch {
	case ctx.Err() != nil:
	case err != nil:
		k.state.Failed, k.state.Problem = k.cfg.Now(), err.Error()
		k.state.Broken++
	default:
		k.state.Made++
	}
	k.mu.Unlock()
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		k.cfg.Log.Error("no good backup was made", "kind", kind, "err", err)
	} else {
		k.cfg.Log.Info("a backup was made", "kind", kind, "file", info.Name, "bytes", info.Size, "seconds", info.Seconds, "verified", info.Good())
	}
	if err := k.prune(); err != nil {
		k.cfg.Log.Warn("old backups are not removed", "err", err)
	}
	k.look()
}

// leftFor is how old a file in the making must be to be what a process has left that died: another node may be writing one.
const leftFor = 24 * time.Hour

// sweep removes what processes have left in the folder that died while they wrote.
func (k *Keeper) sweep() {
	left, _ := filepath.Glob(filepath.Join(k.cfg.Folder, ".backup-*")) // the pattern is a good one
	for _, f := range left {
		if info, err := os.Lstat(f); err == nil && info.Mode().IsRegular() && time.Since(info.ModTime()) > leftFor {
			if err := os.Remove(f); err != nil {
				k.cfg.Log.Warn("a file that was left is not removed", "file", f, "err", err)
			}
		}
	}
}

func (k *Keeper) prune() error {
	list, err := List(k.cfg.Folder)
	if err != nil {
		return err
	}
	k.sweep()
	for _, i := range k.cfg.Keep.Surplus(list, k.cfg.Zone) {
		if err := Remove(k.cfg.Folder, i.Name); err != nil {
			return err
		}
		k.cfg.Log.Info("an old backup was removed", "file", i.Name)
	}
	return nil
}
