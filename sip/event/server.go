package event

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/koppelfeld/koppelfeld/sip"
	"github.com/koppelfeld/koppelfeld/sip/auth"
	"github.com/koppelfeld/koppelfeld/sip/message"
)

// Authenticator says who sent a request; *auth.Digest is one. Its methods are called from readers and
// shards and must not block.
type Authenticator interface {
	Check(req *message.Message) (*auth.Account, auth.Verdict)
	Challenge(b *message.Builder, proxy, stale bool)
}

// Brake bounds the guessing of passwords; *registrar.Registrar is one, so that all methods share a budget.
type Brake interface {
	// Admit is false when the credentials of a request are not to be looked at.
	Admit(req *message.Message, from netip.Addr) bool
	// Judge counts a verdict.
	Judge(req *message.Message, from netip.Addr, v auth.Verdict)
}

// Config is what a Server needs. Auth must be set.
type Config struct {
	Auth  Authenticator
	Brake Brake // nil: none
	// PerAccount and Total bound the subscriptions [128, 20000].
	PerAccount, Total int
	Software          string // User-Agent
	Log               *slog.Logger
}

// Server is the notifier. Its methods may be called from any goroutine.
type Server struct {
	cfg      Config
	seed     maphash.Seed
	packages []*registered
	allow    string // of Allow-Events
	stack    *sip.Stack
	watchers watchers
	stopping atomic.Bool
	count    counters
}

// registered is a package with its figures.
type registered struct {
	Package
	Traits

	active   atomic.Int64
	notifies atomic.Uint64
}

// New makes a Server for the packages.
func New(cfg Config, packages ...Package) (*Server, error) {
	s := &Server{cfg: cfg, seed: maphash.MakeSeed()}
	if cfg.Auth == nil {
		return nil, errors.New("events: Auth: missing")
	}
	var names []string
	for _, p := range packages {
		r := &registered{Package: p, Traits: p.Traits().withDefaults()}
		if r.Name == "" || len(r.Accept) == 0 || slices.Contains(names, r.Name) {
			return nil, fmt.Errorf("events: package %q: no name, no body type, or registered twice", r.Name)
		}
		names = append(names, r.Name)
		s.packages = append(s.packages, r)
	}
	s.allow = strings.Join(names, ", ")
	if s.cfg.PerAccount <= 0 {
		s.cfg.PerAccount = 128
	}
	if s.cfg.Total <= 0 {
		s.cfg.Total = 20000
	}
	if s.cfg.Log == nil {
		s.cfg.Log = slog.New(slog.DiscardHandler)
	}
	s.watchers.init()
	return s, nil
}

// Register makes the stack hand over SUBSCRIBE; to be called once, before the stack runs.
func (s *Server) Register(st *sip.Stack) {
	s.stack = st
	st.HandleStateless(message.SUBSCRIBE, s.screen)
	st.HandleInbound(message.SUBSCRIBE, s.subscribe)
	st.OnFlowClosed(s.watchers.flowClosed)
}

// AllowEvents is the value of the Allow-Events header.
func (s *Server) AllowEvents() string { return s.allow }

func (s *Server) find(name string) *registered {
	for _, p := range s.packages {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// Changed tells that the state of a resource has changed. It costs little when nobody watches, and never blocks.
func (s *Server) Changed(pkg, resource string) { s.watchers.changed(pkg, resource) }

// Recheck asks every package again whether what is watched may be watched, and ends the subscriptions for which
// it may not; known says whether an account still exists as it was. To be called after the configuration has changed.
func (s *Server) Recheck(known func(*auth.Account) bool) {
	for _, sub := range s.watchers.all() {
		if !known(sub.watch.Account) {
			sub.post(func() { sub.end(Rejected) })
			continue
		}
		sub.post(sub.recheck)
	}
}

// Stop refuses new subscriptions, ends all others with a NOTIFY that asks to come back later, and waits until
// every subscriber has answered or ctx has ended; then it returns ctx's error.
func (s *Server) Stop(ctx context.Context) error {
	s.stopping.Store(true)
	for _, sub := range s.watchers.all() {
		sub.post(func() { sub.end(Probation) })
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for s.watchers.total.Load() > 0 {
		select {
		case <-ctx.Done():
			return fmt.Errorf("ending all subscriptions: %w", ctx.Err())
		case <-tick.C:
		}
	}
	return nil
}

// counters are the figures of a Server.
type counters struct {
	challenged, refused               atomic.Uint64
	timeouts, notifyRefused, flowLost atomic.Uint64
	faults                            atomic.Uint64
}

// Stats are figures of a Server.
type Stats struct {
	// Active and Notifies count subscriptions and NOTIFYs sent, by package.
	Active   map[string]int
	Notifies map[string]uint64
	// Failed counts the subscriptions that ended with their subscriber, by cause: timeout, refused, connection.
	Failed map[string]uint64
	// Refused counts SUBSCRIBEs that were refused, Challenged those that were asked for a password.
	Refused, Challenged uint64
	Faults              uint64 // of ours, each of which ended a subscription
}

// Stats reads the figures.
func (s *Server) Stats() Stats {
	st := Stats{
		Active: map[string]int{}, Notifies: map[string]uint64{},
		Failed: map[string]uint64{
			"timeout": s.count.timeouts.Load(), "refused": s.count.notifyRefused.Load(), "connection": s.count.flowLost.Load(),
		},
		Refused: s.count.refused.Load(), Challenged: s.count.challenged.Load(), Faults: s.count.faults.Load(),
	}
	for _, p := range s.packages {
		st.Active[p.Name] = int(p.active.Load())
		st.Notifies[p.Name] = p.notifies.Load()
	}
	return st
}
