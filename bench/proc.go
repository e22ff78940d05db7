package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is a program under measurement or a load generator, ended by its id.
type process struct {
	name string
	cmd  *exec.Cmd
	out  *lastBytes
	done chan struct{}
	err  error // valid once done is closed
}

// lastBytes keeps the end of a program's output for error messages.
type lastBytes struct {
	mu sync.Mutex
	b  []byte
}

const outputKept = 4096

// Write implements io.Writer.
func (l *lastBytes) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b = append(l.b, p...)
	if n := len(l.b); n > outputKept {
		l.b = append([]byte(nil), l.b[n-outputKept:]...)
	}
	return len(p), nil
}

func (l *lastBytes) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(bytes.TrimSpace(l.b))
}

// startProcess starts a program in a folder of its own choice.
func startProcess(name, dir, program string, args ...string) (*process, error) {
	return startWith(nil, name, dir, program, args...)
}

// startWith is startProcess with more environment, "NAME=value" each.
func startWith(env []string, name, dir, program string, args ...string) (*process, error) {
	p := &process{name: name, out: &lastBytes{}, done: make(chan struct{})}
	p.cmd = exec.Command(program, args...)
	p.cmd.Dir = dir
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	p.cmd.WaitDelay = time.Second
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// stop ends the program and waits until it is gone.
func (p *process) stop() {
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		select {
		case <-p.done:
			return
		default:
		}
		_ = p.cmd.Process.Signal(s)
		select {
		case <-p.done:
			return
		case <-time.After(8 * time.Second):
		}
	}
	<-p.done
}

// wait waits for a program that ends by itself.
func (p *process) wait(ctx context.Context, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	select {
	case <-p.done:
	case <-ctx.Done():
		p.stop()
		return fmt.Errorf("%s did not end within %v: %w", p.name, limit, ctx.Err())
	}
	if p.err != nil {
		return fmt.Errorf("%s: %w: %s", p.name, p.err, p.out)
	}
	return nil
}

// until polls cond every 5 ms until it holds, p has ended or the time is over.
func (p *process) until(ctx context.Context, limit time.Duration, cond func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-p.done:
			return fmt.Errorf("%s ended: %v: %s", p.name, p.err, p.out)
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready within %v: %w: %s", p.name, limit, ctx.Err(), p.out)
		case <-tick.C:
		}
	}
	return nil
}

// pids are the program and all its descendants.
func (p *process) pids() []int {
	pids := []int{p.cmd.Process.Pid}
	for i := 0; i < len(pids); i++ {
		lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pids[i]))
		for _, l := range lists {
			text, err := os.ReadFile(l)
			if err != nil {
				continue // a thread that has just ended
			}
			for f := range strings.FieldsSeq(string(text)) {
				if pid, err := strconv.Atoi(f); err == nil {
					pids = append(pids, pid)
				}
			}
		}
	}
	return pids
}

// cpu is the run time so far of all threads of the program and its descendants.
func (p *process) cpu() (time.Duration, error) {
	var sum time.Duration
	for _, pid := range p.pids() {
		threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
		for _, t := range threads {
			text, err := os.ReadFile(t)
			if err != nil {
				continue
			}
			run, _, _ := strings.Cut(string(text), " ")
			ns, err := strconv.ParseInt(run, 10, 64)
			if err != nil {
				return 0, fmt.Errorf("reading %s: %w", t, err)
			}
			sum += time.Duration(ns)
		}
	}
	if sum == 0 {
		return 0, fmt.Errorf("reading the run time of %s: %w: %s", p.name, errors.ErrUnsupported, p.out)
	}
	return sum, nil
}

// pause waits, or ends early with ctx's error.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
