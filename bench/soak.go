package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/koppelfeld/koppelfeld/sip/auth"
)

// soak is a long run under mixed calls, with a silence after it in which everything has to come back to where it was.
type soak struct {
	*bench
	span    time.Duration
	rate    int
	kill    bool
	server  *server
	silence time.Duration
	free    [behaviours]chan account
	phones  []account // all that can be called
	// Each has an address of its own, so that limits per source count them apart.
	callers, callees, strangers *station

	sent, heard atomic.Uint64 // packets of the callers' audio

	mu      sync.Mutex
	tallies map[string]*tally
	faults  []string // the first ones
	failed  int
	excused int       // failed because the daemon was down
	down    time.Time // when it was killed
	back    time.Time // when it was ready again
	made    int
}

// tally counts the calls of one kind.
type tally struct{ made, failed int }

// crowd is how many phones of each behaviour there are for 50 calls/s: more than are in calls at once.
var crowd = [behaviours]int{answers: 170, speaks: 70, hangsUp: 30, isBusy: 8, ringsOn: 20, declines: 12}

const (
	soakUsers   = 800
	soakCallers = 200
	// faultsKept is how many failures are told in words.
	faultsKept = 20
	// warmUpAtMost is how long load runs before the base line is taken: until tables, pools, the messages kept of ended calls (8 MiB) and
	// the database's page cache (16 MB, after some 30,000 records) have their size. Short soaks warm up for a quarter of their time.
	warmUpAtMost = 12 * time.Minute
	// renewEvery is how often phones register again under load; phones do it at half of what they were granted.
	renewEvery = 25 * time.Minute
	// portsRest is how long ports rest after a call. A silence is longer unless somebody is in a hurry.
	portsRest = 2 * time.Minute
)

// run does it all and returns an error when something was not as it should be.
func (s *soak) run(ctx context.Context) error {
	if err := s.open(ctx); err != nil {
		return err
	}
	defer s.close()
	warm := min(warmUpAtMost, s.span/4)
	s.progress("warming up for %v at %d calls/s, then %v of silence", warm, s.rate, s.silence)
	if err := s.load(ctx, warm, false); err != nil {
		return err
	}
	before, err := s.quiet(ctx)
	if err != nil {
		return err
	}
	before.print("base line")
	s.reset()
	s.progress("%v at %d calls/s", s.span, s.rate)
	if err := s.load(ctx, s.span, s.kill); err != nil {
		return err
	}
	s.progress("%v of silence", s.silence)
	after, err := s.quiet(ctx)
	if err != nil {
		return err
	}
	after.print("afterwards")
	return s.judge(before, after)
}

// open starts the daemon and registers the phones.
func (s *soak) open(ctx context.Context) error {
	var err error
	if s.server, err = s.startKoppelfeld(ctx, true); err != nil {
		return err
	}
	behave := map[string]behaviour{}
	for how, n := range crowd {
		n = (n*s.rate + 49) / 50
		s.free[how] = make(chan account, n)
		for _, acc := range s.bench.callees[len(s.phones) : len(s.phones)+n] {
			behave[acc.user] = behaviour(how)
			s.phones = append(s.phones, acc)
			s.free[how] <- acc
		}
	}
	if s.callees, err = openStation("127.0.0.1", s.server.sip, func(user string) behaviour { return behave[user] }); err != nil {
		return err
	}
	if s.callers, err = openStation("127.0.0.2", s.server.sip, func(string) behaviour { return isBusy }); err != nil {
		return err
	}
	if s.strangers, err = openStation("127.0.0.3", s.server.sip, func(string) behaviour { return isBusy }); err != nil {
		return err
	}
	s.reset()
	return s.registerPhones(ctx, "1")
}

func (s *soak) reset() {
	s.tallies = map[string]*tally{}
	s.made, s.failed, s.excused, s.faults = 0, 0, 0, nil
	for _, k := range kinds() {
		s.tallies[k.name] = &tally{}
	}
	s.sent.Store(0)
	s.heard.Store(0)
}

func (s *soak) close() {
	for _, st := range []*station{s.callers, s.callees, s.strangers} {
		if st != nil {
			st.close()
		}
	}
	s.server.stop()
}

// registerPhones registers every callee for an hour, which is the longest that is granted.
func (s *soak) registerPhones(ctx context.Context, cseq string) error {
	return inParallel(8, len(s.phones), func(i int) error {
		acc := s.phones[i]
		d := auth.NewClient(acc.user, acc.secret)
		uri, who := "sip:"+domain, "<sip:"+acc.user+"@"+domain+">"
		for n := 1; ; n++ {
			b := s.callees.request("REGISTER", uri, who+";tag="+acc.user, who, acc.user+"-"+cseq, n)
			b.Add("Contact", "<sip:"+acc.user+"@"+s.callees.local+">").AddInt("Expires", 3600)
			authorize(b, d, "REGISTER", uri)
			res, err := s.callees.do(ctx, b.Finish("", nil), nil)
			switch {
			case err != nil:
				return fmt.Errorf("registering %s: %w", acc.user, err)
			case res.Status() == 401 && n == 1:
				if err := d.Challenged(res); err != nil {
					return err
				}
			case res.Status() != 200:
				return fmt.Errorf("registering %s: %d", acc.user, res.Status())
			default:
				return nil
			}
		}
	})
}

// load makes calls at the rate for so long and waits for their ends. In the middle the daemon may be killed.
func (s *soak) load(ctx context.Context, length time.Duration, kill bool) error {
	table := make([]kind, 0, 100)
	for _, k := range kinds() {
		for range k.share {
			table = append(table, k)
		}
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	begin := time.Now()
	minute, renewal := begin.Add(time.Minute), begin.Add(renewEvery)
	tick := time.NewTicker(time.Second / time.Duration(s.rate))
	defer tick.Stop()
	killed := make(chan error, 1)
	for i := 0; time.Since(begin) < length; i++ {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		case err := <-killed:
			if err != nil {
				return err
			}
		}
		if kill && time.Since(begin) > length/2 {
			kill = false
			wg.Go(func() { killed <- s.restart(ctx) })
		}
		if time.Now().After(minute) {
			minute = minute.Add(time.Minute)
			s.report(ctx, time.Since(begin))
		}
		if time.Now().After(renewal) {
			n := strconv.Itoa(i) // names the round
			renewal = renewal.Add(renewEvery)
			wg.Go(func() { s.renew(ctx, n) })
		}
		k := table[(i*37)%len(table)] // 37 and 100 share no divisor: all kinds in turn
		wg.Go(func() { s.one(ctx, k, i) })
	}
	return nil
}

// renew registers the phones again. A failure counts like that of a call.
func (s *soak) renew(ctx context.Context, round string) {
	err := s.registerPhones(ctx, "renewal-"+round)
	if err == nil || ctx.Err() != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed++
	if len(s.faults) < faultsKept {
		s.faults = append(s.faults, err.Error())
	}
}

// one makes a call and counts it.
func (s *soak) one(ctx context.Context, k kind, i int) {
	caller := s.bench.callers[i%soakCallers]
	callee := <-s.free[k.callee]
	defer func() { s.free[k.callee] <- callee }()
	begin := time.Now()
	err := k.run(s, ctx, caller, callee.number)
	if ctx.Err() != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.made++
	s.tallies[k.name].made++
	if err == nil {
		return
	}
	// What was under way when the daemon was killed, or begun before it was back, is lost.
	if !s.down.IsZero() && time.Now().After(s.down) && (s.back.IsZero() || begin.Before(s.back.Add(time.Second))) {
		s.excused++
		return
	}
	s.failed++
	s.tallies[k.name].failed++
	if len(s.faults) < faultsKept {
		s.faults = append(s.faults, fmt.Sprintf("%s, %s calling %s: %v", k.name, caller.number, callee.number, err))
	}
}

// restart kills the daemon under load and starts it again: registrations have to be there at once.
func (s *soak) restart(ctx context.Context) error {
	now, err := s.measure(ctx)
	if err != nil {
		return err
	}
	contacts := now["koppelfeld_registered_contacts"]
	s.mu.Lock()
	s.down = time.Now()
	s.mu.Unlock()
	s.progress("killing the daemon with %.0f contacts and %.0f calls", contacts, now["koppelfeld_active_calls"])
	_ = s.server.cmd.Process.Kill()
	<-s.server.done
	cmd := s.server.cmd
	if s.server.process, err = startWith(nil, "koppelfeld", cmd.Dir, cmd.Args[0], cmd.Args[1:]...); err != nil {
		return err
	}
	if err := s.server.until(ctx, 30*time.Second, func() bool { return s.server.up(ctx) }); err != nil {
		return err
	}
	s.mu.Lock()
	s.back = time.Now()
	away := s.back.Sub(s.down)
	s.mu.Unlock()
	if now, err = s.measure(ctx); err != nil {
		return err
	}
	if got := now["koppelfeld_registered_contacts"]; got != contacts {
		return fmt.Errorf("%.0f contacts are registered after the restart, before it were %.0f", got, contacts)
	}
	s.progress("ready again after %v with all contacts", away.Round(time.Millisecond))
	return nil
}

// report tells how it goes.
func (s *soak) report(ctx context.Context, at time.Duration) {
	f, err := s.measure(ctx)
	if err != nil {
		s.progress("%v: %v", at.Round(time.Second), err) // it is being restarted
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.progress("%v: %d calls, %d failed, %d lost with the daemon; %.0f up, %.1f MB, %.0f goroutines, %.0f transactions, lag at most %.1f ms",
		at.Round(time.Second), s.made, s.failed, s.excused, f["koppelfeld_active_calls"], f[memoryFigure]/1e6, f["go_goroutines"],
		f["koppelfeld_sip_transactions"], f["koppelfeld_sip_shard_lag_seconds"]*1000)
}

const memoryFigure = "memory"

// readings are metrics by name, summed over their labels, and the memory.
type readings map[string]float64

// measure reads them.
func (s *soak) measure(ctx context.Context) (readings, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.server.metrics+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("reading metrics: %w", err)
	}
	defer res.Body.Close()
	f := readings{}
	lines := bufio.NewScanner(io.LimitReader(res.Body, 4<<20))
	for lines.Scan() {
		line := lines.Text()
		cut := strings.LastIndexByte(line, ' ')
		if strings.HasPrefix(line, "#") || cut < 0 {
			continue
		}
		v, err := strconv.ParseFloat(line[cut+1:], 64)
		if err != nil {
			continue
		}
		name, labels, _ := strings.Cut(line[:cut], "{")
		f[name] += v
		if labels != "" {
			f[line[:cut]] = v
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading metrics: %w", err)
	}
	// Free pages of the heap are given back by and by, the slower the busier the machine: they are not in use.
	f[memoryFigure], err = s.server.memory()
	f[memoryFigure] -= f["go_memstats_heap_idle_bytes"] - f["go_memstats_heap_released_bytes"]
	return f, err
}

// quiet waits and measures; the memory is the least of the last 30 s, so that garbage not yet collected does not count.
func (s *soak) quiet(ctx context.Context) (readings, error) {
	if err := pause(ctx, s.silence-30*time.Second); err != nil {
		return nil, err
	}
	least := math.Inf(1)
	for range 30 {
		if err := pause(ctx, time.Second); err != nil {
			return nil, err
		}
		now, err := s.measure(ctx)
		if err != nil {
			return nil, err
		}
		least = min(least, now[memoryFigure])
	}
	f, err := s.measure(ctx)
	if err != nil {
		return nil, err
	}
	f[memoryFigure] = least
	descriptors, err := os.ReadDir(filepath.Join("/proc", strconv.Itoa(s.server.cmd.Process.Pid), "fd"))
	f["descriptors"] = float64(len(descriptors))
	return f, err
}

// bound is a figure that must be back, with what it may differ.
type bound struct {
	name  string
	more  float64 // than before, at most
	share float64 // of the value before, at most
	zero  bool    // it has to be 0 whatever it was
}

// bounds are the tolerances. Memory may have grown by a tenth or 8 MB: what is garbage and not yet collected differs from time to time.
func bounds() []bound {
	return []bound{
		{name: memoryFigure, more: 8e6, share: 0.1},
		{name: "go_goroutines", more: 10},
		{name: "descriptors", more: 10},
		{name: "koppelfeld_active_calls", zero: true},
		{name: "koppelfeld_sip_dialogs", zero: true},
		{name: "koppelfeld_sip_transactions", more: 5},
		{name: "koppelfeld_sip_timers", more: 10},
		{name: "koppelfeld_sip_shard_queue_length", more: 1},
		{name: `koppelfeld_media_ports{state="used"}`, zero: true},
		{name: `koppelfeld_media_ports{state="quarantined"}`, zero: true},
		{name: "koppelfeld_records_queue_length", more: 1},
		{name: "koppelfeld_records_spooled", zero: true},
		{name: "koppelfeld_records_lost_total", zero: true},
		{name: "koppelfeld_call_faults_total", zero: true},
		{name: "koppelfeld_sip_panics_total", zero: true},
	}
}

func (f readings) print(when string) {
	fmt.Fprintf(os.Stderr, "bench: %s:", when)
	for _, b := range bounds() {
		v := strconv.FormatFloat(f[b.name], 'f', -1, 64)
		if b.name == memoryFigure {
			v = fmt.Sprintf("%.1f MB", f[b.name]/1e6)
		}
		fmt.Fprintf(os.Stderr, " %s=%s", strings.TrimPrefix(b.name, "koppelfeld_"), v)
	}
	fmt.Fprintln(os.Stderr)
}

// judge compares and tells; it fails when a figure is not back or a call has failed.
func (s *soak) judge(before, after readings) error {
	var errs []error
	fmt.Printf("| figure | before | after | allowed |\n| --- | --- | --- | --- |\n")
	for _, b := range bounds() {
		if s.silence < portsRest && strings.Contains(b.name, "quarantined") {
			continue
		}
		most := before[b.name] + max(b.more, b.share*before[b.name])
		if b.zero {
			most = 0
		}
		fmt.Printf("| %s | %.0f | %.0f | %.0f |\n", b.name, before[b.name], after[b.name], most)
		if after[b.name] > most {
			errs = append(errs, fmt.Errorf("%s is %.0f, %.0f before, allowed %.0f", b.name, after[b.name], before[b.name], most))
		}
	}
	fmt.Printf("\n| calls | made | failed |\n| --- | --- | --- |\n")
	for _, k := range kinds() {
		fmt.Printf("| %s | %d | %d |\n", k.name, s.tallies[k.name].made, s.tallies[k.name].failed)
	}
	fmt.Printf("\n%d calls, %d failed, %d lost with the killed daemon; audio: %d packets sent, %d heard\n", s.made, s.failed, s.excused, s.sent.Load(), s.heard.Load())
	for _, f := range s.faults {
		fmt.Println(f)
	}
	if s.failed > 0 {
		errs = append(errs, fmt.Errorf("%d of %d calls failed", s.failed, s.made))
	}
	return errors.Join(errs...)
}
