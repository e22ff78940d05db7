// Command bench measures the daemon against Kamailio and rtpengine, in turns within one
// run, and writes the figures as a table.
//
// It starts everything it needs on free ports of 127.0.0.1 in a temporary folder and
// ends it by its process. Run it on an idle machine through "make bench".
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// bench is one run of the program.
type bench struct {
	bin     string
	against string // another build of the daemon in Kamailio's place, "" for none
	users   int
	reps    int
	seconds int
	rates   struct{ call, register, latency int }
	profile string
	// cpuProfile is where the daemon that is started next writes a profile of itself, "" for nowhere.
	cpuProfile string

	dir              string
	template         string
	callers, callees []account
	report           *report
}

// part is one group of measurements, chosen by -only.
type part struct {
	name string
	run  func(*bench, context.Context) error
}

func parts() []part {
	return []part{
		{"start", (*bench).measureStart},
		{"change", (*bench).measureChange},
		{"call", (*bench).measureCalls},
		{"latency", (*bench).measureLatency},
		{"register", (*bench).measureRegister},
		{"streams", (*bench).measureStreams},
		{"storm", (*bench).measureStorm},
		{"idle", (*bench).measureIdle},
		{"relay", (*bench).measureRelay},
		{"srtp", (*bench).measureSRTP},
		{"memory", (*bench).measureMemory},
		{"backup", (*bench).measureBackups},
	}
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	b := &bench{}
	var names []string
	for _, p := range parts() {
		names = append(names, p.name)
	}
	only := flag.String("only", "", "parts to run, separated by commas: "+strings.Join(names, ","))
	jsonFile := flag.String("json", "", "write the figures to this `file` too")
	flag.StringVar(&b.bin, "bin", "bin/koppelfeld", "the daemon")
	flag.StringVar(&b.against, "against", "", "compare calls and REGISTERs with this other `build` of the daemon instead of Kamailio")
	flag.IntVar(&b.users, "users", 10000, "users in the daemon's database")
	flag.IntVar(&b.reps, "reps", 3, "repetitions of every comparison")
	flag.IntVar(&b.seconds, "seconds", 8, "length of each run under load")
	flag.IntVar(&b.rates.call, "call-rate", 1000, "calls per second")
	flag.IntVar(&b.rates.register, "register-rate", 3000, "REGISTERs with digest per second")
	flag.IntVar(&b.rates.latency, "latency-rate", 1000, "calls per second while the time to ring is measured")
	flag.StringVar(&b.profile, "profile", "", "record the daemon with perf under load, into this `folder`")
	soakFor := flag.Duration("soak", 0, "make mixed calls for so `long` instead, then compare with the silence before")
	soakRate := flag.Int("rate", 50, "calls per second of -soak")
	soakKill := flag.Bool("kill", false, "with -soak: kill the daemon in the middle and start it again")
	soakSilence := flag.Duration("silence", 150*time.Second, "with -soak: how `long` nothing happens before figures are taken")
	pgo := flag.String("pgo", "", "measure nothing: load the daemon and write the CPU profile for its next build to this `file`")
	flag.Parse()

	chosen := parts()
	if *only != "" {
		want := strings.Split(*only, ",")
		for _, w := range want {
			if !slices.Contains(names, w) {
				return fmt.Errorf("-only: there is no %q, only %s", w, strings.Join(names, ", "))
			}
		}
		chosen = slices.DeleteFunc(chosen, func(p part) bool { return !slices.Contains(want, p.name) })
	}
	if *soakFor > 0 {
		b.users = soakUsers
		if *soakRate < 1 || *soakRate > 60 {
			return fmt.Errorf("-rate must be 1 to 60")
		}
	} else if b.users < 2000 || b.reps < 1 || b.seconds < 1 || b.rates.call < 1 || b.rates.register < 1 || b.rates.latency < 1 {
		return fmt.Errorf("-users must be 2000 at least, the others 1 at least")
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	var err error
	if b.bin, err = filepath.Abs(b.bin); err != nil {
		return fmt.Errorf("-bin: %w", err)
	}
	if b.dir, err = os.MkdirTemp("", "koppelfeld-bench"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	b.report = newReport(b.bin)
	if err := b.prepare(ctx); err != nil {
		return err
	}
	if *soakFor > 0 {
		return (&soak{bench: b, span: *soakFor, rate: *soakRate, kill: *soakKill, silence: max(*soakSilence, 35*time.Second)}).run(ctx)
	}
	if *pgo != "" {
		return b.recordPGO(ctx, *pgo)
	}
	begin := time.Now()
	for _, p := range chosen {
		if err := p.run(b, ctx); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	b.progress("done in %v", time.Since(begin).Round(time.Second))
	b.report.writeMarkdown(os.Stdout)
	if *jsonFile != "" {
		return b.report.writeJSON(*jsonFile)
	}
	return nil
}

// progress tells on standard error what goes on.
func (b *bench) progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...)
}

// result adds a row to the report.
func (b *bench) result(r *result) {
	r.finish()
	b.report.Results = append(b.report.Results, r)
}
