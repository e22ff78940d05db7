package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/testnet"
	"github.com/koppelfeld/koppelfeld/sip/auth"
)

// pair starts koppelfeld without relaying audio, and Kamailio, or the build to compare with.
func (b *bench) pair(ctx context.Context) ([2]*server, func(), error) {
	var s [2]*server
	var err error
	if s[0], err = b.startKoppelfeld(ctx, false); err != nil {
		return s, nil, err
	}
	if b.against != "" {
		other := *b
		other.bin = b.against
		s[1], err = other.startKoppelfeld(ctx, false)
	} else {
		s[1], err = b.startKamailio(ctx, false)
	}
	if err != nil {
		s[0].stop()
		return s, nil, err
	}
	if b.against != "" {
		s[1].name = "the other build"
	}
	return s, func() { s[0].stop(); s[1].stop() }, nil
}

// measureCalls compares the CPU per signalled call: INVITE with digest, 180, 200, ACK,
// 20 ms, BYE.
func (b *bench) measureCalls(ctx context.Context) error {
	servers, stop, err := b.pair(ctx)
	if err != nil {
		return err
	}
	defer stop()
	const parties = 1000
	port, err := testnet.Port()
	if err != nil {
		return err
	}
	var files [2]string
	var scenarios [2]string
	for i, s := range servers {
		if err := b.registerFrom(ctx, s, port, b.callees[:parties]); err != nil {
			return err
		}
		files[i] = filepath.Join(b.dir, s.name+"-calls.csv")
		if err := writeAccounts(files[i], b.callers[:parties], func(j int) string { return s.target(b.callees[j]) }); err != nil {
			return err
		}
		if scenarios[i], err = writeScenario(b.dir, "uac.xml", "@CHALLENGE@", s.challenge); err != nil {
			return err
		}
	}
	callee, err := startCallee(b.dir, port)
	if err != nil {
		return err
	}
	defer callee.stop()
	r := &result{
		Name: fmt.Sprintf("CPU per signalled call (INVITE with digest to BYE, %d calls/s)", b.rates.call),
		Unit: "µs", Peer: servers[1].name, Aim: "ratio at most 0.8",
	}
	allocated := []string{"go_memstats_mallocs_total", "go_memstats_alloc_bytes_total"}
	before, err := servers[0].counters(ctx, allocated...)
	if err != nil {
		return err
	}
	made := 0
	err = b.cpuInTurns(ctx, warmUpCallsSeconds, servers[:], r, func(i, seconds int) (int, error) {
		if i == 0 {
			made += b.rates.call * seconds
		}
		run := sippRun{scenario: scenarios[i], target: servers[i].sip, accounts: files[i], count: b.rates.call * seconds, rate: b.rates.call}
		c, err := run.run(ctx, b.dir)
		return c.success, undisturbed(servers[i], c, err)
	})
	b.result(r)
	if err != nil {
		return err
	}
	after, err := servers[0].counters(ctx, allocated...)
	if err != nil {
		return err
	}
	b.result(&result{Name: "heap allocations per signalled call", Unit: "number", Koppelfeld: []float64{(after[0] - before[0]) / float64(made)}})
	b.result(&result{Name: "heap allocated per signalled call", Unit: "KB", Koppelfeld: []float64{(after[1] - before[1]) / 1024 / float64(made)}})
	return nil
}

// errDisturbed is a run whose figures mean nothing: something was sent again or lost,
// because the machine had other things to do or the rate is too high.
var errDisturbed = errors.New("disturbed run")

// undisturbed names the server and turns retransmissions and failed calls into errDisturbed.
func undisturbed(s *server, c sippCounts, err error) error {
	switch {
	case err != nil && c.success > c.failed:
		return fmt.Errorf("%w: %s: %w", errDisturbed, s.name, err)
	case err != nil:
		return fmt.Errorf("%s: %w", s.name, err)
	case c.retransmissions > 0:
		return fmt.Errorf("%w: %s: %d retransmissions", errDisturbed, s.name, c.retransmissions)
	}
	return nil
}

// again repeats a disturbed run, twice at most.
func (b *bench) again(ctx context.Context, run func() error) error {
	for try := 0; ; try++ {
		err := run()
		if !errors.Is(err, errDisturbed) || try == 2 || ctx.Err() != nil {
			return err
		}
		b.progress("once more: %v", err)
		if err := pause(ctx, 5*time.Second); err != nil {
			return err
		}
	}
}

// registerFrom registers accounts from the port on which the callee will listen.
func (b *bench) registerFrom(ctx context.Context, s *server, port int, accounts []account) error {
	scenario, err := writeScenario(b.dir, "register.xml")
	if err != nil {
		return err
	}
	file := filepath.Join(b.dir, s.name+"-register.csv")
	if err := writeAccounts(file, accounts, nil); err != nil {
		return err
	}
	run := sippRun{scenario: scenario, target: s.sip, port: port, accounts: file, count: len(accounts), rate: 1000}
	c, err := run.run(ctx, b.dir)
	return undisturbed(s, c, err)
}

// warmUpSeconds is how long a server is loaded before figures are taken; with calls until those of the first seconds have
// left both servers' transactions behind (64*T1), so that memory is used again and not taken from the system.
const (
	warmUpSeconds      = 3
	warmUpCallsSeconds = 40
)

// cpuInTurns runs load for one server after the other, first once to warm up for so many seconds, and notes
// the run time per unit in µs. load runs for so many seconds and returns how many units
// there were.
func (b *bench) cpuInTurns(ctx context.Context, warmUp int, servers []*server, r *result, load func(i, seconds int) (int, error)) error {
	for rep := -1; rep < b.rounds(); rep++ {
		seconds := b.seconds
		if rep < 0 {
			seconds = warmUp
		}
		for i, s := range servers {
			var each float64
			err := b.again(ctx, func() error {
				endProfile := func() {}
				if rep == b.reps {
					endProfile = b.perf(s.process, r.Name)
				}
				before, err := s.cpu()
				if err != nil {
					return err
				}
				begin := time.Now()
				n, err := load(i, seconds)
				endProfile()
				if err != nil {
					return err
				}
				after, err := s.cpu()
				each = float64((after - before).Nanoseconds()) / 1000 / float64(n)
				b.progress("%s: %s: %.1f µs of CPU each, %.0f %% of a core", r.Name, s.name, each, 100*(after-before).Seconds()/time.Since(begin).Seconds())
				return err
			})
			if err != nil {
				return err
			}
			if rep >= 0 && rep < b.reps {
				r.add(i, each)
			}
		}
	}
	return nil
}

// measureRegister compares the CPU of a REGISTER with digest: challenge and refresh, and
// with a nonce used again.
func (b *bench) measureRegister(ctx context.Context) error {
	servers, stop, err := b.pair(ctx)
	if err != nil {
		return err
	}
	defer stop()
	accounts := b.accounts()
	if len(accounts) > 10000 {
		accounts = accounts[:10000]
	}
	port, err := testnet.Port()
	if err != nil {
		return err
	}
	scenario, err := writeScenario(b.dir, "register.xml")
	if err != nil {
		return err
	}
	file := filepath.Join(b.dir, "register.csv")
	if err := writeAccounts(file, accounts, nil); err != nil {
		return err
	}
	r := &result{
		Name: fmt.Sprintf("CPU per REGISTER refresh with digest (401 and 200, %d accounts, %d/s)", len(accounts), b.rates.register),
		Unit: "µs", Peer: servers[1].name, Aim: "ratio at most 1.0",
	}
	if err := b.cpuInTurns(ctx, warmUpSeconds, servers[:], r, func(i, seconds int) (int, error) {
		run := sippRun{scenario: scenario, target: servers[i].sip, port: port, accounts: file, count: b.rates.register * seconds, rate: b.rates.register}
		c, err := run.run(ctx, b.dir)
		return c.success, undisturbed(servers[i], c, err)
	}); err != nil {
		return err
	}
	b.result(r)
	return b.measureReuse(ctx, servers, accounts)
}

// measureReuse is the refresh of a phone that uses its nonce again: one request.
func (b *bench) measureReuse(ctx context.Context, servers [2]*server, accounts []account) error {
	const phones = 1000
	var agents [2]*agent
	var digests [2][]*auth.Client
	for i, s := range servers {
		var err error
		if agents[i], err = newAgent("127.0.0.1", s.sip, silence, nil); err != nil {
			return err
		}
		defer agents[i].close()
		for _, acc := range accounts[:phones] {
			digests[i] = append(digests[i], auth.NewClient(acc.user, acc.secret))
		}
	}
	r := &result{
		Name: fmt.Sprintf("CPU per REGISTER refresh with a known nonce (one request, %d/s)", b.rates.register),
		Unit: "µs", Peer: servers[1].name, Note: "Kamailio keeps no nonce counts",
	}
	err := b.cpuInTurns(ctx, warmUpSeconds, servers[:], r, func(i, seconds int) (int, error) {
		n := b.rates.register * seconds
		return n, atRate(ctx, b.rates.register, n, func(j int) error {
			if err := agents[i].register(ctx, accounts[j%phones], digests[i][j%phones]); err != nil {
				return fmt.Errorf("%s: %w", servers[i].name, err)
			}
			return nil
		})
	})
	b.result(r)
	return err
}

// atRate begins f for 0 to n-1, so many per second however long each takes, waits for
// all and returns the first error.
func atRate(ctx context.Context, rate, n int, f func(int) error) error {
	var wg sync.WaitGroup
	var first error
	var once sync.Once
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	begin := time.Now()
	for i := 0; i < n; {
		select {
		case <-ctx.Done():
			wg.Wait()
			return ctx.Err()
		case <-tick.C:
		}
		for due := int(time.Since(begin).Seconds() * float64(rate)); i < min(due, n); i++ {
			this := i
			wg.Go(func() {
				if err := f(this); err != nil {
					once.Do(func() { first = err })
				}
			})
		}
	}
	wg.Wait()
	return first
}
