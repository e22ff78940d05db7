// Package machine reads how the machine is doing: memory, disk, load, and what it is. It starts no goroutine, keeps nothing and imports
// nothing of the project.
package machine

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Reading is how the machine is at one moment. What cannot be read is zero.
type Reading struct {
	Load            [3]float64 // of the last 1, 5 and 15 minutes
	CPUs            int
	MemoryTotal     uint64 // bytes
	MemoryAvailable uint64 // bytes that programs can have without swapping
	MemoryOwn       uint64 // bytes of this process that are in memory
	DiskTotal       uint64 // bytes of the file system of the directory asked for
	DiskFree        uint64 // bytes that this user may still write there
	Uptime          time.Duration
}

// Identity is what the machine is.
type Identity struct {
	Host   string
	System string // as it names itself, such as "Debian GNU/Linux 13 (trixie)"
	Kernel string
}

// Read takes a reading. dir lies on the file system that counts. An error names what could not be read; the rest is there all the same.
func Read(dir string) (Reading, error) {
	r := Reading{CPUs: runtime.NumCPU()}
	err := errors.Join(
		fromFile("/proc/loadavg", r.load), fromFile("/proc/meminfo", r.memory), fromFile("/proc/self/statm", r.own),
		fromFile("/proc/uptime", r.uptime), r.disk(dir))
	return r, err
}

func fromFile(path string, parse func(text []byte)) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("reading the state of the machine: %w", err)
	}
	parse(text)
	return nil
}

func (r *Reading) load(text []byte) {
	for i, f := range bytes.Fields(text) {
		if i == len(r.Load) {
			return
		}
		r.Load[i], _ = strconv.ParseFloat(string(f), 64)
	}
}

func (r *Reading) memory(text []byte) {
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ":")
		kb, err := strconv.ParseUint(strings.TrimSpace(strings.TrimSuffix(value, "kB")), 10, 54)
		if err != nil {
			continue
		}
		switch name {
		case "MemTotal":
			r.MemoryTotal = kb << 10
		case "MemAvailable":
			r.MemoryAvailable = kb << 10
		}
	}
}

func (r *Reading) own(text []byte) {
	if f := bytes.Fields(text); len(f) > 1 {
		pages, _ := strconv.ParseUint(string(f[1]), 10, 48)
		r.MemoryOwn = pages * uint64(os.Getpagesize())
	}
}

func (r *Reading) uptime(text []byte) {
	if f := bytes.Fields(text); len(f) > 0 {
		s, _ := strconv.ParseFloat(string(f[0]), 64)
		r.Uptime = time.Duration(s * float64(time.Second)).Truncate(time.Second)
	}
}

func (r *Reading) disk(dir string) error {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return fmt.Errorf("reading the state of the disk: %w", err)
	}
	r.DiskTotal, r.DiskFree = s.Blocks*uint64(s.Bsize), s.Bavail*uint64(s.Bsize)
	return nil
}

// Identify says what the machine is. What cannot be read is empty.
func Identify() Identity {
	var id Identity
	id.Host, _ = os.Hostname()
	if text, err := os.ReadFile("/etc/os-release"); err == nil {
		id.System = systemName(text)
	}
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		id.Kernel = unix.ByteSliceToString(u.Release[:])
	}
	return id
}

// systemName reads PRETTY_NAME of os-release(5).
func systemName(text []byte) string {
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		if value, ok := strings.CutPrefix(lines.Text(), "PRETTY_NAME="); ok {
			return strings.Trim(value, `"'`)
		}
	}
	return ""
}
