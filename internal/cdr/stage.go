package cdr

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// stage is a file in memory (tmpfs) that holds the lines which are not yet in the
// journal. It outlives the process, though not the machine, and to add a line
// takes no system call and never waits: so the writer need not be woken for every
// single one.
//
// It has two areas. One takes new lines while what is in the other is written to
// the journal. A line that is in both comes to the same as one.
type stage struct {
	name string // file in the spool that holds path
	path string
	mem  []byte
	area int // takes new lines
	size int // bytes in it
}

// stageArea is the size of an area in bytes.
const stageArea = 1 << 20

// stageName is the file in the spool that says where the stage is.
const stageName = "stage"

// newStage makes a stage in dir, which must be in memory, and notes in the spool
// where it is. What the spool had named before is removed.
func newStage(spool, dir string) (*stage, error) {
	var info unix.Statfs_t
	if err := unix.Statfs(dir, &info); err != nil {
		return nil, fmt.Errorf("making record stage in %s: %w", dir, err)
	}
	if info.Type != unix.TMPFS_MAGIC {
		return nil, fmt.Errorf("making record stage: %s is not in memory", dir)
	}
	s := &stage{name: filepath.Join(spool, stageName), path: filepath.Join(dir, "koppelfeld-"+rand.Text())}
	f, err := os.OpenFile(s.path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("making record stage: %w", err)
	}
	defer f.Close()
	// Memory is taken now: there is no error to return later, only SIGBUS.
	err = unix.Fallocate(int(f.Fd()), 0, 0, 2*stageArea)
	if err == nil {
		s.mem, err = unix.Mmap(int(f.Fd()), 0, 2*stageArea, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	}
	if err == nil {
		err = s.announce()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("making record stage: %w", err), s.close())
	}
	return s, nil
}

// announce notes the stage in the spool and removes the one before.
func (s *stage) announce() error {
	before, _ := os.ReadFile(s.name) // not there on a first start
	if err := os.WriteFile(s.name+".new", []byte(s.path), 0o600); err != nil {
		return err
	}
	if err := os.Rename(s.name+".new", s.name); err != nil {
		return err
	}
	if path := string(before); ours(path) {
		return os.Remove(path)
	}
	return nil
}

// ours reports whether a file can be a stage that this user has made.
func ours(path string) bool {
	var info unix.Stat_t
	return strings.HasPrefix(filepath.Base(path), "koppelfeld-") && unix.Lstat(path, &info) == nil &&
		info.Mode&unix.S_IFMT == unix.S_IFREG && int(info.Uid) == os.Geteuid()
}

// readStage returns the lines in the stage of an earlier run, nothing if there is none.
func readStage(spool string) ([]byte, error) {
	path, err := os.ReadFile(filepath.Join(spool, stageName))
	if errors.Is(err, fs.ErrNotExist) || err == nil && !ours(string(path)) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading record stage: %w", err)
	}
	mem, err := os.ReadFile(string(path))
	if err != nil {
		return nil, fmt.Errorf("reading record stage: %w", err)
	}
	var lines []byte
	for len(mem) > 0 {
		area := mem[:min(stageArea, len(mem))]
		mem = mem[len(area):]
		used, _, _ := bytes.Cut(area, []byte{0})
		whole := bytes.LastIndexByte(used, '\n') + 1 // the rest is torn
		lines = append(lines, used[:whole]...)
	}
	return lines, nil
}

// put adds the line of an entry and returns it. It fails when there is no room or
// no stage. The line is valid until its area is cleared.
func (s *stage) put(e entry) (line []byte, ok bool) {
	if s == nil {
		return nil, false
	}
	begin := s.area*stageArea + s.size
	end := (s.area+1)*stageArea - 1 // the last byte stays 0
	line, err := e.encode(s.mem[begin:begin:end])
	if err != nil || len(line) > end-begin { // it has grown out of the area
		clear(s.mem[begin:end])
		return nil, false
	}
	s.size += len(line)
	return line, true
}

// swap turns to the other area and returns how to clear this one.
func (s *stage) swap() (empty func()) {
	if s == nil || s.size == 0 {
		return func() {}
	}
	used := s.mem[s.area*stageArea:][:s.size]
	s.area, s.size = 1-s.area, 0
	return func() { clear(used) }
}

// close removes the stage. Nothing may use it or a line of it any more.
func (s *stage) close() error {
	if s == nil {
		return nil
	}
	var errs []error
	if s.mem != nil {
		errs = append(errs, unix.Munmap(s.mem))
		s.mem = nil
	}
	if path, err := os.ReadFile(s.name); err == nil && string(path) == s.path {
		errs = append(errs, os.Remove(s.name))
	}
	return errors.Join(append(errs, os.Remove(s.path))...)
}
