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
	}, name)
	if err := os.MkdirAll(b.profile, 0o755); err != nil {
		b.progress("no profile: %v", err)
		return func() {}
	}
	file := filepath.Join(b.profile, clean+".perf")
	cmd := exec.Command("perf", "record", "-q", "-F", "997", "-e", "cpu-clock", "-g", "-p", strconv.Itoa(p.cmd.Process.Pid), "-o", file)
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
