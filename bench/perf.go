package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// rounds is how often load is run: one more than there are repetitions when there is a
// profile to take, which disturbs the figures.
func (b *bench) rounds() int {
	if b.profile == "" {
		return b.reps
	}
	return b.reps + 1
}

// perf records where the process spends its time, when -profile asks for it, until the
// function it returns is called. Read the file with "perf report".
func (b *bench) perf(p *process, name string) func() {
	if b.profile == "" {
		return func() {}
	}
	clean := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '-'
	}, p.name+" "+name)
	if err := os.MkdirAll(b.profile, 0o755); err != nil {
		b.progress("no profile: %v", err)
		return func() {}
	}
	file := filepath.Join(b.profile, clean+".perf")
	var pids []string
	for _, pid := range p.pids() {
		pids = append(pids, strconv.Itoa(pid))
	}
	cmd := exec.Command("perf", "record", "-q", "-F", "997", "-e", "cpu-clock", "-g", "-p", strings.Join(pids, ","), "-o", file)
	if err := cmd.Start(); err != nil {
		b.progress("no profile: %v", err)
		return func() {}
	}
	time.Sleep(300 * time.Millisecond) // perf attaches
	return func() {
		_ = cmd.Process.Signal(syscall.SIGINT)
		_ = cmd.Wait()
		b.progress("profile: %s", file)
	}
}
