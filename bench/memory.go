package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// memory is what the program and its descendants hold for themselves or share with one
// another, in bytes: the proportional set size without the pages of files. What the kernel
// holds for their sockets is not in it.
func (p *process) memory() (float64, error) {
	var sum float64
	for _, pid := range p.pids() {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			return 0, fmt.Errorf("reading the memory of %s: %w", p.name, err)
		}
		for line := range strings.Lines(string(text)) {
			name, rest, _ := strings.Cut(line, ":")
			if name != "Pss_Anon" && name != "Pss_Shmem" {
				continue
			}
			kb, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 64)
			if err != nil {
				return 0, fmt.Errorf("reading the memory of %s: %w", p.name, err)
			}
			sum += kb * 1024
		}
	}
	return sum, nil
}

// settled is the memory once a garbage collected program has given back what it does not
// need: the lowest of a few seconds.
func (p *process) settled(ctx context.Context) (float64, error) {
	lowest, err := p.memory()
	for range 5 {
		if err := pause(ctx, time.Second); err != nil {
			return 0, err
		}
		now, err := p.memory()
		if err != nil {
			return 0, err
		}
		lowest = min(lowest, now)
	}
	return lowest, err
}

// tightMemory makes Go's garbage collector run at every tenth of growth and give memory
// back at once: else free memory left from the start hides what is taken later.
var tightMemory = []string{"GOGC=10", "GOMEMLIMIT=1MiB"}

// measureMemory measures what bindings take, and what a call that is up takes: in
// koppelfeld with relayed audio, in Kamailio, which forgets it once its transactions are
// over, for signalling.
func (b *bench) measureMemory(ctx context.Context) error {
	const calls = 1000
	bindings := append(b.callees[calls:len(b.callees):len(b.callees)], b.callers...) // the first callees register before
	r := [...]*result{
		{Name: fmt.Sprintf("memory of 10000 bindings (of %d made)", len(bindings)), Unit: "MB", Peer: "Kamailio"},
		{Name: fmt.Sprintf("memory per call, %d relayed calls just set up", calls), Unit: "KB", Peer: "Kamailio (signalling)", Aim: "at most 20"},
		{Name: fmt.Sprintf("memory per call, %d relayed calls up for 40 s", calls), Unit: "KB", Peer: "Kamailio (signalling)", Aim: "at most 20"},
	}
	var stops []func()
	defer func() {
		for _, stop := range stops {
			stop()
		}
	}()
	var servers [2]*server
	var err error
	if servers[0], err = b.startKoppelfeld(ctx, true, tightMemory...); err != nil {
		return err
	}
	stops = append(stops, servers[0].stop)
	if servers[1], err = b.startKamailio(ctx, false); err != nil {
		return err
	}
	stops = append(stops, servers[1].stop)
	var at [2][4]float64 // before, with bindings, with calls, later
	for i, s := range servers {
		p, err := b.openPhones(ctx, s, b.callees[:calls], silence)
		if err != nil {
			return err
		}
		stops = append(stops, p.close)
		if err := b.warmUp(ctx, s, p); err != nil {
			return err
		}
		steps := []func() error{
			func() error { return nil },
			func() error { return p.callee.registerAll(ctx, bindings) },
			func() error { _, err := b.setUp(ctx, s, p, calls, silence); return err },
		}
		for j, step := range steps {
			if err := step(); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			if at[i][j], err = s.settled(ctx); err != nil {
				return err
			}
		}
	}
	if err := pause(ctx, 40*time.Second); err != nil {
		return err
	}
	for i, s := range servers {
		if at[i][3], err = s.settled(ctx); err != nil {
			return err
		}
		b.progress("memory of %s: %.1f MB at first, %.1f with bindings, %.1f with calls, %.1f later", s.name, at[i][0]/1e6, at[i][1]/1e6, at[i][2]/1e6, at[i][3]/1e6)
		r[0].add(i, (at[i][1]-at[i][0])/1e6*10000/float64(len(bindings)))
		r[1].add(i, (at[i][2]-at[i][1])/1024/calls)
		r[2].add(i, (at[i][3]-at[i][1])/1024/calls)
	}
	for _, x := range r {
		b.result(x)
	}
	return nil
}

// warmUp makes a few calls, so that what is made once is not counted.
func (b *bench) warmUp(ctx context.Context, s *server, p *phones) error {
	return inParallel(4, 100, func(i int) error {
		t, err := p.caller.call(ctx, b.callers[i], s.target(b.callees[i]), silence())
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		return p.caller.hangUp(ctx, t)
	})
}
