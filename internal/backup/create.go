package backup

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"filippo.io/age"

	"github.com/koppelfeld/koppelfeld/internal/machine"
	"github.com/koppelfeld/koppelfeld/internal/store"
)

// Info is what is known of a backup. It is kept beside it, in a file with .json after its name.
type Info struct {
	Name      string    `json:"name"` // of the file
	Kind      Kind      `json:"kind"`
	Created   time.Time `json:"created"`
	Size      int64     `json:"size"`
	SHA256    string    `json:"sha256,omitempty"`
	Seconds   float64   `json:"seconds,omitempty"`
	Encrypted bool      `json:"encrypted"`
	Program   string    `json:"program,omitempty"`
	Schema    int64     `json:"schema,omitempty"`
	Users     int64     `json:"users"`
	Records   int64     `json:"records"`
	LeftOut   []LeftOut `json:"left_out,omitempty"`
	// Verified is when a trial restore has succeeded, zero for none. Problem is why it has not.
	Verified time.Time `json:"verified,omitzero"`
	Problem  string    `json:"problem,omitempty"`
}

// Good says whether the backup was restored on trial.
func (i *Info) Good() bool { return !i.Verified.IsZero() && i.Problem == "" }

// CreateOptions are how a backup is made.
type CreateOptions struct {
	Options
	// Validate makes a trial restore after the writing and judges its configuration; nil leaves it out.
	Validate Validate
	// TrialDir is where the trial restore puts its database.
	TrialDir string
	// Passphrase encrypts in place of recipients.
	Passphrase string
	// Verifying is called when the trial begins; nil is not.
	Verifying func()
}

// FileName is the name of a backup.
func FileName(created time.Time, kind Kind, encrypted bool) string {
	name := "koppelfeld-" + created.UTC().Format("20060102T150405Z") + "-" + string(kind) + ".tar.zst"
	if encrypted {
		name += ".age"
	}
	return name
}

// Create writes a backup into dir, under its own name, or to the file path when it is not empty, whole or not at all, for its owner alone. A
// backup that was written and whose trial restore has failed is there, and the Info says so; every other error means that there is none.
func Create(ctx context.Context, dir, path string, src Source, opt CreateOptions) (Info, error) {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	began := opt.Now()
	trial, err := opt.seal()
	if err != nil {
		return Info{}, err
	}
	if path == "" {
		for at := began; path == "" || exists(path); at = at.Add(time.Second) {
			path = filepath.Join(dir, FileName(at, src.Kind, len(opt.Recipients) > 0))
		}
	}
	dir = filepath.Dir(path)
	if exists(path) {
		return Info{}, fmt.Errorf("writing the backup: %s is there already", path)
	}
	if err := room(ctx, dir, src.Database, opt.Validate != nil); err != nil {
		return Info{}, err
	}
	f, err := os.CreateTemp(dir, ".backup-*") // mode 0600
	if err != nil {
		return Info{}, fmt.Errorf("writing the backup: %w", err)
	}
	defer os.Remove(f.Name()) // nothing is there after the rename
	defer f.Close()
	info, err := write(ctx, f, src, opt.Options)
	if err != nil {
		return Info{}, err
	}
	info.Name, info.Encrypted = filepath.Base(path), len(opt.Recipients) > 0
	if opt.Validate != nil {
		if opt.Verifying != nil {
			opt.Verifying()
		}
		if err := recheck(ctx, f, &info, trial, opt); err != nil {
			return Info{}, err
		}
	}
	info.Seconds = opt.Now().Sub(began).Round(time.Millisecond).Seconds()
	if err := os.Rename(f.Name(), path); err != nil {
		return Info{}, fmt.Errorf("writing the backup: %w", err)
	}
	if err := syncDir(dir); err != nil {
		return Info{}, fmt.Errorf("writing the backup: %w", err)
	}
	return info, writeInfo(dir, &info)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// seal completes the recipients, and returns what opens the backup for its trial: with recipients a key that is forgotten afterwards.
func (o *CreateOptions) seal() (Keys, error) {
	var trial Keys
	if o.Passphrase != "" {
		r, err := age.NewScryptRecipient(o.Passphrase)
		if err != nil {
			return trial, fmt.Errorf("encrypting the backup: %w", err)
		}
		id, err := age.NewScryptIdentity(o.Passphrase)
		if err != nil {
			return trial, fmt.Errorf("encrypting the backup: %w", err)
		}
		o.Recipients, trial.Identities = []age.Recipient{r}, []age.Identity{id}
		return trial, nil
	}
	if len(o.Recipients) == 0 || o.Validate == nil {
		return trial, nil
	}
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return trial, fmt.Errorf("encrypting the backup: %w", err)
	}
	o.Recipients, trial.Identities = append(slices.Clone(o.Recipients), id.Recipient()), []age.Identity{id}
	return trial, nil
}

// write writes the backup to the disk.
func write(ctx context.Context, f *os.File, src Source, opt Options) (Info, error) {
	sum := sha256.New()
	out := bufio.NewWriterSize(f, 256<<10)
	m, err := Write(ctx, io.MultiWriter(out, sum), src, opt)
	if err != nil {
		return Info{}, err
	}
	if err := errors.Join(out.Flush(), f.Sync()); err != nil {
		return Info{}, fmt.Errorf("writing the backup: %w", err)
	}
	stat, err := f.Stat()
	if err != nil {
		return Info{}, fmt.Errorf("writing the backup: %w", err)
	}
	return Info{
		Kind: src.Kind, Created: m.Created, Size: stat.Size(), SHA256: hex.EncodeToString(sum.Sum(nil)), Program: m.Program, Schema: m.Schema,
		Users: m.Rows("users"), Records: m.Rows("records"), LeftOut: m.LeftOut,
	}, nil
}

// recheck reads what is on the disk and restores it on trial. What it finds goes into info; an error is one of the trial itself, such as a
// full disk.
func recheck(ctx context.Context, f *os.File, info *Info, keys Keys, opt CreateOptions) error {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("reading the backup: %w", err)
	}
	sum := sha256.New()
	_, err := Verify(ctx, io.TeeReader(f, sum), info.Size, keys, VerifyOptions{Dir: opt.TrialDir, Validate: opt.Validate, Pace: opt.Pace})
	switch {
	case err != nil && ctx.Err() != nil:
		return ctx.Err()
	case err == nil && hex.EncodeToString(sum.Sum(nil)) != info.SHA256:
		info.Problem = "the disk does not hold what was written"
	case err != nil:
		info.Problem = err.Error()
	default:
		info.Verified = opt.Now().UTC().Truncate(time.Second)
	}
	return nil
}

// reserve is what a backup leaves free on the disk.
const reserve = 256 << 20

// room looks whether the disk has room for a backup, and for its trial.
func room(ctx context.Context, dir string, db store.Config, trial bool) error {
	h, err := store.Look(ctx, db)
	if err != nil {
		return err
	}
	need := h.Bytes/2 + reserve
	if trial {
		need += h.Bytes + h.Bytes/2
	}
	r, _ := machine.Read(dir) // what cannot be read is zero
	if r.DiskTotal > 0 && int64(r.DiskFree) < need {
		return fmt.Errorf("there is too little room for a backup in %s: %d MB are free, %d MB are needed", dir, r.DiskFree>>20, need>>20)
	}
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// writeInfo keeps what is known beside the backup.
func writeInfo(dir string, info *Info) error {
	text, err := json.MarshalIndent(info, "", "  ")
	if err != nil {
		return err
	}
	if err := writeWhole(filepath.Join(dir, info.Name+".json"), append(text, '\n')); err != nil {
		return fmt.Errorf("keeping what is known of the backup: %w", err)
	}
	return nil
}

// writeWhole writes a file for its owner alone, whole or not at all.
func writeWhole(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".backup-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

var fileName = regexp.MustCompile(`^koppelfeld-([0-9]{8}T[0-9]{6}Z)-(manual|scheduled|before-update|before-restore)\.tar\.zst(\.age)?$`)

// List lists the backups in a folder, the newest first. A folder that does not exist has none.
func List(dir string) ([]Info, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("listing backups: %w", err)
	}
	var out []Info
	for _, e := range entries {
		m := fileName.FindStringSubmatch(e.Name())
		stat, err := e.Info()
		if m == nil || err != nil || !e.Type().IsRegular() {
			continue
		}
		created, err := time.Parse("20060102T150405Z", m[1])
		if err != nil {
			continue
		}
		out = append(out, known(dir, e.Name(), Info{Name: e.Name(), Kind: Kind(m[2]), Created: created, Size: stat.Size(), Encrypted: m[3] != ""}))
	}
	slices.SortFunc(out, func(a, b Info) int {
		if c := b.Created.Compare(a.Created); c != 0 {
			return c
		}
		return strings.Compare(a.Name, b.Name)
	})
	return out, nil
}

// known is what is kept beside a backup, or what its name says when that is missing or speaks of another file.
func known(dir, name string, bare Info) Info {
	text, err := os.ReadFile(filepath.Join(dir, name+".json"))
	if err != nil {
		return bare
	}
	var info Info
	if json.Unmarshal(text, &info) != nil || info.Name != name || info.Size != bare.Size {
		bare.Problem = "the file is not as long as it was written"
		return bare
	}
	return info
}

// Remove removes a backup of a folder, by its name. Errors match fs.ErrNotExist.
func Remove(dir, name string) error {
	if !fileName.MatchString(name) {
		return fmt.Errorf("backup %q: %w", name, fs.ErrNotExist)
	}
	if err := os.Remove(filepath.Join(dir, name)); err != nil {
		return fmt.Errorf("removing the backup: %w", err)
	}
	if err := os.Remove(filepath.Join(dir, name+".json")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the backup: %w", err)
	}
	return syncDir(dir)
}

// Open opens a backup of a folder, by its name. Errors match fs.ErrNotExist.
func Open(dir, name string) (*os.File, error) {
	if !fileName.MatchString(name) {
		return nil, fmt.Errorf("backup %q: %w", name, fs.ErrNotExist)
	}
	return os.OpenFile(filepath.Join(dir, name), os.O_RDONLY, 0)
}
