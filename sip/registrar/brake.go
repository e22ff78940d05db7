package registrar

import (
	"hash/maphash"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/koppelfeld/koppelfeld/sip/auth"
	"github.com/koppelfeld/koppelfeld/sip/message"
)

// BrakeConfig bounds the guessing of passwords. Zero values mean the defaults in brackets.
type BrakeConfig struct {
	// PerSource and PerAccount are how many wrong passwords in a row are free, from one source (IPv4
	// address or IPv6 /64) [20] and for one account [10]. After them credentials are not even looked at for 1 s,
	// twice as long after each further one, at most MaxBlock [15 min].
	PerSource, PerAccount int
	MaxBlock              time.Duration
	// Forgive takes one wrong password off the count [30 s].
	Forgive time.Duration
	// Healthy is how long after a right password a source's credentials for the same account are
	// looked at in any case [1 h]: a wrong password next door must not lock a good phone out.
	Healthy time.Duration
}

func (c BrakeConfig) withDefaults() BrakeConfig {
	if c.PerSource <= 0 {
		c.PerSource = 20
	}
	if c.PerAccount <= 0 {
		c.PerAccount = 10
	}
	if c.MaxBlock <= 0 {
		c.MaxBlock = 15 * time.Minute
	}
	if c.Forgive <= 0 {
		c.Forgive = 30 * time.Second
	}
	if c.Healthy <= 0 {
		c.Healthy = time.Hour
	}
	return c
}

const (
	brakeSets    = 512
	brakeWays    = 4
	healthyWords = 16384
)

// brake counts wrong passwords in tables of fixed size. As long as there are none it costs a
// load, and a right password costs a load or a store.
type brake struct {
	cfg    BrakeConfig
	log    *slog.Logger
	seed   maphash.Seed
	active atomic.Bool // a wrong password has been seen

	healthy [healthyWords]atomic.Uint64 // upper half: hash of source and account, lower half: Unix minutes

	mu      sync.Mutex
	sources failures
	names   failures
	logged  time.Time // when a block was logged last
	silent  int       // blocks since then
}

func newBrake(cfg BrakeConfig, log *slog.Logger) *brake {
	return &brake{cfg: cfg.withDefaults(), log: log, seed: maphash.MakeSeed()}
}

// failures is a table of wrong passwords; a full set loses the entry that failed longest ago.
type failures [brakeSets][brakeWays]failure

type failure struct {
	key   uint64
	count int
	last  time.Time // when count was right
	until time.Time // blocked until

	source netip.Addr // who it is, for people: one of the two
	name   string
}

// get finds an entry, or makes one when add is set.
func (f *failures) get(key uint64, add bool) *failure {
	set := &f[key%brakeSets]
	oldest := &set[0]
	for i := range set {
		if set[i].key == key && !set[i].last.IsZero() {
			return &set[i]
		}
		if set[i].last.Before(oldest.last) {
			oldest = &set[i]
		}
	}
	if !add {
		return nil
	}
	*oldest = failure{key: key}
	return oldest
}

// maxOver bounds the count beyond what is free, so that a flood is forgiven as soon as its block has ended.
const maxOver = 20

// fail counts one and returns for how long that blocks, 0 when it does not or did before.
func (f *failure) fail(now time.Time, free int, cfg *BrakeConfig) time.Duration {
	if !f.last.IsZero() {
		n := int(now.Sub(f.last) / cfg.Forgive)
		if f.count -= n; f.count < 0 || n < 0 {
			f.count = 0
		}
		f.last = f.last.Add(time.Duration(n) * cfg.Forgive)
	}
	if f.count == 0 {
		f.last = now
	}
	if f.count < free+maxOver {
		f.count++
	}
	over := f.count - free
	if over <= 0 {
		return 0
	}
	block := min(time.Second<<min(over-1, 20), cfg.MaxBlock)
	blocked := f.until.After(now)
	f.until = now.Add(block)
	if blocked {
		return 0
	}
	return block
}

// who names the source and the account of a request's credentials.
type who struct{ source, name, both uint64 }

type brakeKey struct {
	source netip.Addr
	name   string
}

// who is asked with the very name that the digest is checked for: one that is read in another way would let a guesser hide
// whose password it is after.
func (b *brake) who(name string, from netip.Addr) who {
	from = source(from)
	return who{
		source: maphash.Comparable(b.seed, brakeKey{source: from}),
		name:   maphash.Comparable(b.seed, brakeKey{name: name}),
		both:   maphash.Comparable(b.seed, brakeKey{from, name}),
	}
}

// source is the unit that counts: an IPv4 address or an IPv6 /64.
func source(a netip.Addr) netip.Addr {
	a = a.Unmap()
	if a.Is6() {
		if p, err := a.WithZone("").Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return a
}

func (b *brake) isHealthy(key uint64, now time.Time) bool {
	w := b.healthy[key%healthyWords].Load()
	age := now.Unix()/60 - int64(uint32(w))
	return w>>32 == key>>32 && age >= 0 && time.Duration(age)*time.Minute <= b.cfg.Healthy
}

func (b *brake) right(key uint64, now time.Time) {
	word := &b.healthy[key%healthyWords]
	if w := key>>32<<32 | uint64(uint32(now.Unix()/60)); word.Load() != w {
		word.Store(w)
	}
}

// blocked reports whether credentials are not to be looked at.
func (b *brake) blocked(w who, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, f := range [...]*failure{b.sources.get(w.source, false), b.names.get(w.name, false)} {
		if f != nil && f.until.After(now) {
			return true
		}
	}
	return false
}

// Admit reports whether the credentials of a request may be checked at all. A request without
// credentials may always be challenged. Other parts that check digests use the same budgets.
func (r *Registrar) Admit(req *message.Message, from netip.Addr) bool {
	b := r.brake
	if !b.active.Load() || !req.Has(message.HAuthorization) && !req.Has(message.HProxyAuthorization) {
		return true
	}
	name := r.cfg.Auth.Claimed(req)
	w, now := b.who(name, from), r.cfg.Now()
	if b.isHealthy(w.both, now) || !b.blocked(w, now) || r.reaches(name, from) {
		return true
	}
	r.count.braked.Add(1)
	return false
}

// reaches reports whether an account has a contact that was registered from the source. It outlives a
// restart, which the memory for right passwords does not.
func (r *Registrar) reaches(username string, from netip.Addr) bool {
	acc := r.cfg.Auth.Account(username)
	if acc == nil {
		return false
	}
	for _, b := range r.Bindings(acc.SlotID) {
		if source(b.Received.Addr()) == source(from) {
			return true
		}
	}
	return false
}

// Judge counts the verdict on a request's credentials. Only wrong passwords and unknown names
// count; missing and stale credentials do not. OK may be told as well.
func (r *Registrar) Judge(req *message.Message, from netip.Addr, v auth.Verdict) {
	b := r.brake
	switch v {
	case auth.OK, auth.Wrong, auth.Unknown:
	default:
		return
	}
	w, now := b.who(r.cfg.Auth.Claimed(req), from), r.cfg.Now()
	if v == auth.OK {
		b.right(w.both, now)
		return
	}
	if v == auth.Wrong {
		r.count.wrong.Add(1)
	} else {
		r.count.unknown.Add(1)
	}
	b.active.Store(true)
	b.mu.Lock()
	f := b.sources.get(w.source, true)
	f.source = source(from)
	block := f.fail(now, b.cfg.PerSource, &b.cfg)
	if v == auth.Wrong {
		if f = b.names.get(w.name, true); f.name == "" {
			f.name = cutName(r.cfg.Auth.Claimed(req))
		}
		block = max(block, f.fail(now, b.cfg.PerAccount, &b.cfg))
	}
	since := -1
	if block > 0 {
		b.silent++
		if now.Sub(b.logged) >= logEvery {
			since, b.logged, b.silent = b.silent, now, 0
		}
	}
	b.mu.Unlock()
	if since > 0 {
		b.log.Warn("too many wrong passwords", "source", from, "verdict", v.String(), "blocked", block, "blocks", since)
	}
}

// logEvery is how often blocks are logged at most: an attacker with many addresses must not fill the log.
const logEvery = time.Second
