// Package resolve finds where a request to a SIP URI is to be sent (RFC 3263): it asks the DNS for
// NAPTR, SRV, A and AAAA records and answers with a list of targets to be tried in turn.
//
// Nothing here blocks a shard. Lookup answers at once from its cache or calls back from a worker; how many
// workers there are is bounded, and so is everything that an answer can make us keep or do: records,
// chains of aliases, further questions, targets. Targets that turned out dead come last for a while.
//
// Run owns the workers: one goroutine per lookup in flight, and a few below it while a lookup asks for several
// records at once. The package imports of the project message and transport alone.
package resolve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/fault"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// Errors of a Result.
var (
	// ErrNoTarget: the DNS knows no place for the name that we can reach.
	ErrNoTarget = errors.New("resolve: no target")
	// ErrUnreachable: the URI asks for a protocol or an address that we have no listener for.
	ErrUnreachable = errors.New("resolve: no listener for this protocol and address")
	// ErrName: the host is no name that the DNS could know.
	ErrName = errors.New("resolve: malformed host name")
	// ErrURI: the URI is none that SIP requests can be sent to.
	ErrURI = errors.New("resolve: not a SIP URI")
	// ErrServers: no DNS server gave an answer.
	ErrServers = errors.New("resolve: no answer from the DNS servers")
	// ErrBusy: too many lookups are in flight, in all or of this source.
	ErrBusy = errors.New("resolve: too many lookups")
	// ErrStopped: Run has not begun or has ended.
	ErrStopped = errors.New("resolve: stopped")
)

// Way is a protocol by which we can reach others, and over which address families.
type Way struct {
	Proto  transport.Proto
	V4, V6 bool
}

// Config sets up a Resolver. Zero values mean the defaults in brackets.
type Config struct {
	// Ways are what we have listeners for. Their order is our preference where the DNS states none.
	Ways []Way
	// Servers are DNS servers, an address with or without a port [those of ResolvConf].
	Servers []string
	// ResolvConf is read for the servers, again when it has changed [/etc/resolv.conf].
	ResolvConf string
	// Timeout bounds the wait for one server's answer [1 s; doubled in the second round over the servers].
	Timeout time.Duration
	// Deadline bounds a whole lookup [8 s].
	Deadline time.Duration
	// MinTTL and MaxTTL bound how long answers are kept [10 s, 1 h]. Missing records are kept as the SOA
	// says, between MinTTL and a twelfth of MaxTTL.
	MinTTL, MaxTTL time.Duration
	// Stale is for how long an answer that has run out stands in when no server answers [1 h; negative: not at all].
	Stale time.Duration
	// MaxEntries bounds the cache [4096 questions].
	MaxEntries int
	// MaxLookups bounds the lookups in flight [256].
	MaxLookups int
	// Seed of the random choice between SRV records of one priority [random].
	Seed uint64
	Log  *slog.Logger // [discarded]
	// Faults counts faults of the program [a new one].
	Faults *fault.Log
	Now    func() time.Time // [time.Now]
}

// faultPlace names faults in the metrics.
const faultPlace = "dns"

// Validate reports all faults.
func (c Config) Validate() error {
	var errs []error
	if len(c.Ways) == 0 {
		errs = append(errs, errors.New("no Ways"))
	}
	for i, s := range c.Servers {
		if _, err := ServerAddr(s); err != nil {
			errs = append(errs, fmt.Errorf("server %d: %w", i, err))
		}
	}
	return errors.Join(errs...)
}

// ServerAddr reads the address of a DNS server, with port 53 when it names none.
func ServerAddr(s string) (netip.AddrPort, error) {
	if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil && !a.IsUnspecified() && !a.IsMulticast() {
		return netip.AddrPortFrom(a, 53), nil
	}
	if ap, err := netip.ParseAddrPort(s); err == nil && ap.Port() != 0 && !ap.Addr().IsUnspecified() && !ap.Addr().IsMulticast() {
		return ap, nil
	}
	return netip.AddrPort{}, fmt.Errorf("%q is no IP address with or without a port", s)
}

func (c Config) withDefaults() Config {
	for _, d := range []struct {
		v *time.Duration
		d time.Duration
	}{
		{&c.Timeout, time.Second},
		{&c.Deadline, 8 * time.Second},
		{&c.MinTTL, 10 * time.Second},
		{&c.MaxTTL, time.Hour},
		{&c.Stale, time.Hour},
	} {
		if *d.v == 0 {
			*d.v = d.d
		}
	}
	if c.MaxEntries <= 0 {
		c.MaxEntries = 4096
	}
	if c.MaxLookups <= 0 {
		c.MaxLookups = 256
	}
	if c.ResolvConf == "" {
		c.ResolvConf = "/etc/resolv.conf"
	}
	if c.Seed == 0 {
		c.Seed = rand.Uint64()
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Faults == nil {
		c.Faults = fault.New(c.Log)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// Result is the outcome of a lookup: targets to be tried in turn, or why there are none.
type Result struct {
	Targets []transport.Target
	Err     error
}

// Resolver finds targets. It is safe for use by several goroutines.
type Resolver struct {
	cfg     Config
	cache   cache
	dead    dead
	servers servers
	count   counters

	randMu sync.Mutex
	rand   *rand.Rand

	mu      sync.Mutex
	ctx     context.Context // of Run; nil before and after
	wg      *sync.WaitGroup
	flights map[Query]*flight
	waiting int             // callbacks of all flights
	loads   map[string]load // by source
}

// flight is a lookup under way, shared by all who ask for the same.
type flight struct {
	query  Query
	source string // that has begun it
	done   []waiter
}

// waiter is who is to be told.
type waiter struct {
	source string
	done   func(Result)
}

// New checks the configuration and makes a Resolver.
func New(cfg Config) (*Resolver, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("resolve: %w", err)
	}
	cfg = cfg.withDefaults()
	r := &Resolver{cfg: cfg, flights: map[Query]*flight{}, loads: map[string]load{}, rand: rand.New(rand.NewPCG(cfg.Seed, 0x7369700a))}
	r.cache.init(cfg)
	r.dead.init()
	r.servers.init(cfg)
	return r, nil
}

// Run lets lookups ask the DNS until ctx ends, and returns after all workers have ended.
func (r *Resolver) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	r.mu.Lock()
	r.ctx, r.wg = ctx, &wg
	r.mu.Unlock()
	<-ctx.Done()
	r.mu.Lock()
	r.ctx = nil
	r.mu.Unlock()
	return nil
}

// maxWaiting bounds the callbacks that wait, as a multiple of the lookups in flight.
const maxWaiting = 64

// Lookup finds the targets of a query. What needs no question to the DNS is returned at once, and
// true; done is not called then. Else it returns false, and done is called once, later, on another goroutine; it
// must not block. source is in whose name it is done, an account for example: each has its share of what may be under way.
func (r *Resolver) Lookup(q Query, source string, done func(Result)) (Result, bool) {
	r.count.lookups.Add(1)
	if res, ok := r.known(q); ok {
		return res, true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	f, own := r.flights[q], r.loads[source]
	switch {
	case r.ctx == nil:
		return Result{Err: ErrStopped}, true
	case f == nil && full(own.flights, len(r.flights), r.cfg.MaxLookups), full(own.waiting, r.waiting, r.cfg.MaxLookups*maxWaiting):
		r.count.refused.Add(1)
		return Result{Err: ErrBusy}, true
	}
	r.waiting++
	source = strings.Clone(source)
	if f != nil {
		r.charge(source, 0, 1)
		f.done = append(f.done, waiter{source, done})
		return Result{}, false
	}
	r.charge(source, 1, 1)
	f = &flight{query: q, source: source, done: []waiter{{source, done}}}
	r.flights[q] = f
	ctx := r.ctx
	r.wg.Go(r.cfg.Faults.Guard(faultPlace, func() { r.fly(ctx, f) }))
	return Result{}, false
}

// known answers from what is in memory; false when that is not enough.
func (r *Resolver) known(q Query) (Result, bool) {
	w := walk{r: r, query: q, ask: r.remembered}
	targets, err := w.run()
	if errors.Is(err, errUnknown) {
		return Result{}, false
	}
	return r.result(targets, err), true
}

// fly asks the DNS and tells all who wait.
func (r *Resolver) fly(ctx context.Context, f *flight) {
	ctx, cancel := context.WithTimeout(ctx, r.cfg.Deadline)
	defer cancel()
	res := Result{Err: ErrServers}
	defer func() {
		if v := recover(); v != nil { // an answer from outside must not end the daemon
			r.count.faults.Add(1)
			r.cfg.Faults.Note(faultPlace, v, "host", f.query.Host)
		}
		r.land(f, res)
	}()
	w := walk{r: r, query: f.query, ask: func(name string, kind uint16) (answer, error) { return r.fetch(ctx, name, kind) }, parallel: true}
	res = r.result(w.run())
	if res.Err != nil {
		r.count.failed.Add(1)
		r.cfg.Log.Debug("no way to a SIP host", "host", f.query.Host, "err", res.Err)
	}
}

// land tells all who wait for a flight. Each gets its own choice among equal SRV records.
func (r *Resolver) land(f *flight, res Result) {
	r.mu.Lock()
	delete(r.flights, f.query)
	r.waiting -= len(f.done)
	r.charge(f.source, -1, 0)
	for _, w := range f.done {
		r.charge(w.source, 0, -1)
	}
	r.mu.Unlock()
	for i, w := range f.done {
		if i > 0 && res.Err == nil {
			if own, ok := r.known(f.query); ok {
				res = own
			}
		}
		r.cfg.Faults.Guard(faultPlace, func() { w.done(res) })()
	}
}

// result puts dead targets last.
func (r *Resolver) result(targets []transport.Target, err error) Result {
	if err != nil {
		return Result{Err: err}
	}
	return Result{Targets: r.dead.last(targets, r.cfg.Now())}
}

// Failed tells that a target did not answer, refused the connection or answered 503. It comes last in the results of the
// next half minute, longer when it fails again and again.
func (r *Resolver) Failed(t transport.Target) { r.dead.mark(t, r.cfg.Now()) }

// Answered tells that a target is there. It costs a load as long as none has failed.
func (r *Resolver) Answered(t transport.Target) { r.dead.clear(t) }

type counters struct {
	lookups, refused, failed, faults           atomic.Uint64
	hits, questions, timeouts, malformed, tcps atomic.Uint64
}

// Stats are counters since New, and the sizes of the moment.
type Stats struct {
	Lookups   uint64 // calls of Lookup
	Refused   uint64 // with ErrBusy
	Failed    uint64 // lookups that asked the DNS and found nothing
	Hits      uint64 // questions answered from the cache
	Questions uint64 // sent to servers
	Timeouts  uint64 // of those without answer
	Malformed uint64 // answers that were not to be understood or did not belong to the question
	TCP       uint64 // questions repeated over TCP
	Faults    uint64 // of ours
	Entries   int    // in the cache
	Flights   int    // lookups in flight
	Dead      int    // targets that come last
}

// Stats returns the counters.
func (r *Resolver) Stats() Stats {
	r.mu.Lock()
	flights := len(r.flights)
	r.mu.Unlock()
	c := &r.count
	return Stats{
		Lookups: c.lookups.Load(), Refused: c.refused.Load(), Failed: c.failed.Load(), Hits: c.hits.Load(), Questions: c.questions.Load(),
		Timeouts: c.timeouts.Load(), Malformed: c.malformed.Load(), TCP: c.tcps.Load(), Faults: c.faults.Load(),
		Entries: r.cache.len(), Flights: flights, Dead: r.dead.len(r.cfg.Now()),
	}
}
