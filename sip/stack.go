// Package sip assembles the SIP stack: transports, shards and their dispatch, and
// limits.
//
// A Shard is an executor that owns its transactions, timers, dialogs and calls:
// everything that happens to them runs in it, one at a time and in order of arrival.
// Messages find their shard by Call-ID; Call-IDs that the stack mints carry the
// number of the shard that minted them, so both legs of a call land in one shard.
//
// Stack.Run owns all goroutines: those of the transport and one per shard. The
// package imports message, transport and transaction alone; it knows no features.
package sip

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/fault"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/trace"
	"github.com/koppelfeld/koppelfeld/sip/transaction"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// Handler takes a request outside of any dialog. It runs in the shard and must not block.
// It must answer tx now or later.
type Handler func(sh *Shard, tx *transaction.Server)

// InboundHandler takes a request outside of any dialog before there is a transaction for it, in the shard; it must
// not block. It answers statelessly, or takes the request with Shard.Accept. Repeated requests of known transactions do
// not reach it.
type InboundHandler func(sh *Shard, in transport.Inbound)

// StatelessHandler sees an acceptable request outside of any dialog before there is a shard or a transaction for it, in the
// transport's reader; it must not block and is called by several readers at once. It answers by itself (Reply) and
// returns true, or returns false to let the request go its usual way. Repeated requests come again. A request that was answered is
// gone: its memory is used again, so nothing of it may be kept but copies.
type StatelessHandler func(in transport.Inbound) bool

// DialogUser takes requests inside a dialog.
type DialogUser interface {
	// Request takes an in-dialog request other than ACK; it must answer tx now or later.
	Request(tx *transaction.Server)
	// Ack takes the ACK for a 2xx.
	Ack(ack *message.Message)
}

// Config sets up a Stack. Zero values mean the defaults in brackets.
type Config struct {
	Transport transport.Config
	Log       *slog.Logger // [discarded]
	Faults    *fault.Log   // where faults of the program are counted [a new one]
	// Shards is how many shards there are, at most 4096 [GOMAXPROCS].
	Shards int
	// Now is the clock [time.Now].
	Now func() time.Time
	// Supported are the option tags that Require may name, and that OPTIONS lists.
	Supported []string
	// Accept are the body types that OPTIONS lists [application/sdp].
	Accept []string
	// InDialog are the methods that dialogs take besides those with a handler; they stand
	// in Allow [INVITE ACK CANCEL BYE OPTIONS].
	InDialog []message.Method
	// Urgent says by its Request-URI whether an INVITE is an emergency call, which is served before all that is new, within
	// budgets of its own [none is]. It is called by several readers at once and must not block.
	Urgent func(uri string) bool
	// MaxLag is how long events may wait, in a shard or in a UDP socket, before new requests outside of dialogs are answered 503 or
	// dropped: those of strangers beyond their budgets first, all at four times as much in a shard [50 ms].
	MaxLag time.Duration
	// SoftQueue is how many events may wait in a shard before the same happens to all of them [4096].
	SoftQueue int
	// HardQueue is how many may wait before everything from the network is dropped [65536].
	HardQueue int
	// MaxTransactions is how many transactions may exist over all shards before new requests are answered 503 [400000].
	MaxTransactions int
	// Recent keeps requests that are refused statelessly [none].
	Recent *trace.Recent
	// Trace keeps the messages of calls, to be looked at.
	Trace bool
	// TraceLimits bound them, over all shards.
	TraceLimits trace.Limits
}

// Validate reports all faults of a configuration.
func (c Config) Validate() error {
	var errs []error
	if c.Shards < 0 || c.Shards > 4096 {
		errs = append(errs, fmt.Errorf("Shards: %d is not in 0..4096", c.Shards))
	}
	for name, v := range map[string]int{"SoftQueue": c.SoftQueue, "HardQueue": c.HardQueue, "MaxTransactions": c.MaxTransactions} {
		if v < 0 {
			errs = append(errs, fmt.Errorf("%s: %d is negative", name, v))
		}
	}
	if c.MaxLag < 0 {
		errs = append(errs, fmt.Errorf("MaxLag: %v is negative", c.MaxLag))
	}
	return errors.Join(errs...)
}

func (c Config) withDefaults() Config {
	def := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	def(&c.Shards, runtime.GOMAXPROCS(0))
	def(&c.SoftQueue, 4096)
	def(&c.HardQueue, 65536)
	def(&c.MaxTransactions, 400_000)
	if c.MaxLag == 0 {
		c.MaxLag = 50 * time.Millisecond
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
	if c.Accept == nil {
		c.Accept = []string{"application/sdp"}
	}
	if c.InDialog == nil {
		c.InDialog = []message.Method{message.INVITE, message.ACK, message.CANCEL, message.BYE, message.OPTIONS}
	}
	return c
}

// Stack is the assembled SIP stack.
type Stack struct {
	cfg       Config
	log       *slog.Logger
	now       func() time.Time
	transport *transport.Layer
	shards    []*Shard
	mark      string // begins the Call-IDs of this process
	seed      maphash.Seed
	handlers  map[message.Method]InboundHandler
	stateless map[message.Method]StatelessHandler
	closed    []func(*transport.Flow, error)
	allow     string
	tls       bool // we listen with TLS
	counters  counters
	adm       admission
}

// New binds the listeners and makes the shards; nothing runs before Run.
func New(cfg Config) (*Stack, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("sip: %w", err)
	}
	cfg = cfg.withDefaults()
	if cfg.Transport.Log == nil {
		cfg.Transport.Log = cfg.Log
	}
	if cfg.Transport.Faults == nil {
		cfg.Transport.Faults = cfg.Faults
	}
	tr, err := transport.New(cfg.Transport)
	if err != nil {
		return nil, fmt.Errorf("sip: %w", err)
	}
	s := &Stack{
		cfg: cfg, log: cfg.Log, now: cfg.Now, transport: tr,
		mark: newMark(), seed: maphash.MakeSeed(), adm: newAdmission(),
		handlers: map[message.Method]InboundHandler{}, stateless: map[message.Method]StatelessHandler{},
	}
	now := s.now()
	s.tls = slices.ContainsFunc(tr.Addrs(), func(b transport.Bound) bool { return b.Proto.Secure() })
	for i := range cfg.Shards {
		s.shards = append(s.shards, newShard(s, i, now))
	}
	s.HandleStateless(message.OPTIONS, s.options)
	return s, nil
}

// Handle sets the handler for out-of-dialog requests of a method; to be called before Run.
// Methods without a handler are answered 405 with Allow, unknown ones 501. OPTIONS has a stateless handler already,
// which Handle and HandleStateless replace.
func (s *Stack) Handle(m message.Method, h Handler) {
	s.HandleInbound(m, func(sh *Shard, in transport.Inbound) {
		if tx := sh.Accept(in); tx != nil {
			h(sh, tx)
		}
	})
}

// HandleInbound is Handle for those who look at a request before anything is kept for it.
func (s *Stack) HandleInbound(m message.Method, h InboundHandler) {
	if m == message.OPTIONS {
		delete(s.stateless, m)
	}
	s.handlers[m] = h
	s.allow = s.buildAllow()
}

// HandleStateless sets a handler that sees out-of-dialog requests of a method before anything
// is kept for them; to be called before Run. What it leaves goes on to the Handler.
func (s *Stack) HandleStateless(m message.Method, h StatelessHandler) {
	s.stateless[m] = h
	s.allow = s.buildAllow()
}

// OnFlowClosed adds fn to what is called when a connection has ended, on any goroutine; to be called before Run.
func (s *Stack) OnFlowClosed(fn func(f *transport.Flow, err error)) { s.closed = append(s.closed, fn) }

// Allow is the value of the Allow header.
func (s *Stack) Allow() string { return s.allow }

// Supported is the value of the Supported header, "" when it is to be left out.
func (s *Stack) Supported() string { return strings.Join(s.cfg.Supported, ", ") }

var methods = [...]message.Method{
	message.INVITE, message.ACK, message.CANCEL, message.BYE, message.OPTIONS, message.REGISTER, message.INFO, message.UPDATE,
	message.PRACK, message.REFER, message.SUBSCRIBE, message.NOTIFY, message.MESSAGE, message.PUBLISH,
}

func (s *Stack) buildAllow() string {
	can := map[message.Method]bool{}
	for _, m := range s.cfg.InDialog {
		can[m] = true
	}
	for m := range s.handlers {
		can[m] = true
	}
	for m := range s.stateless {
		can[m] = true
	}
	var list []string
	for _, m := range methods {
		if can[m] {
			list = append(list, string(m))
		}
	}
	return strings.Join(list, ", ")
}

// Run works until ctx ends, then closes the transport and returns after all goroutines have
// ended. It can be called once.
func (s *Stack) Run(ctx context.Context) error {
	served, end := context.WithCancel(context.WithoutCancel(ctx)) // until after the transport
	defer end()
	var wg sync.WaitGroup
	for _, sh := range s.shards {
		wg.Go(s.cfg.Faults.Keep(served, placeShard, func() { sh.loop(served.Done()) }, sh.resume))
	}
	err := s.transport.Run(ctx, s)
	end()
	wg.Wait()
	return err
}

// Close frees the listeners of a Stack whose Run was never called.
func (s *Stack) Close() { s.transport.Close() }

// Shards are all shards.
func (s *Stack) Shards() []*Shard { return s.shards }

// Addrs are the listeners with their really bound addresses.
func (s *Stack) Addrs() []transport.Bound { return s.transport.Addrs() }

// FlowTo gives a flow for a target: UDP leaves from the listening socket of the target's
// address family, connections are reused or opened in the background (messages wait in the
// flow's queue; a failed connection reports through FlowClosed to the transactions on it).
func (s *Stack) FlowTo(t transport.Target) (*transport.Flow, error) { return s.transport.FlowTo(t) }

// Connect finds out whether a target takes connections, see transport.Layer.Connect.
func (s *Stack) Connect(t transport.Target, within time.Duration, done func(*transport.Flow, error)) error {
	return s.transport.Connect(t, within, done)
}

// ShardFor is the shard to which messages with a Call-ID go: the one that minted it in this
// process, else one by its hash.
func (s *Stack) ShardFor(callID string) *Shard {
	if n := len(s.mark); len(callID) > n+5 && callID[n+4] == '-' && callID[:n] == s.mark {
		if i, err := strconv.ParseUint(callID[n:n+4], 16, 16); err == nil && int(i) < len(s.shards) {
			return s.shards[i]
		}
	}
	if len(s.shards) == 1 {
		return s.shards[0]
	}
	return s.shards[maphash.String(s.seed, callID)%uint64(len(s.shards))]
}

// Receive takes a message from a reader of the transport.
func (s *Stack) Receive(in transport.Inbound) (kept bool) {
	kept = true // a fault included
	defer s.survive(in)
	m := in.Msg
	s.counters.message(m)
	if len(m.CallID()) > maxCallID {
		s.refuse(in, DropCallID, 400, "Call-ID Too Long")
		return false
	}
	sh, l := s.ShardFor(m.CallID()), laneCall
	if int(sh.waiting.Load()) >= s.cfg.HardQueue {
		s.counters.drop(DropHardQueue)
		return false
	}
	if m.IsRequest() && m.Method() != message.ACK && m.Method() != message.CANCEL {
		initial := m.ToTag() == ""
		if initial {
			var ok bool
			if l, ok = s.admit(in, sh); !ok {
				return false
			}
		}
		if status, phrase, extra := s.check(m, in.Flow); status != 0 {
			s.refuse(in, DropRefused, status, phrase, extra...)
			return false
		}
		if initial {
			if h := s.stateless[m.Method()]; h != nil && h(in) {
				s.counters.stateless.Add(1)
				return false
			}
		}
	}
	sh.post(event{kind: eventMessage, lane: l, msg: m, flow: in.Flow}, true)
	return true
}

// maxCallID bounds the Call-IDs that we keep.
const maxCallID = 256

// retryAfter spreads those who come back over 5 to 12 s.
func retryAfter(m *message.Message) string {
	n := m.CSeq()
	if id := m.CallID(); id != "" {
		n += uint32(id[0]) + uint32(id[len(id)-1])
	}
	return "Retry-After: " + strconv.Itoa(5+int(n%8))
}

// FlowClosed tells all shards that a connection has ended.
func (s *Stack) FlowClosed(f *transport.Flow, err error) {
	for _, fn := range s.closed {
		s.tellClosed(fn, f, err)
	}
	for _, sh := range s.shards {
		sh.post(event{kind: eventClosed, lane: laneNew, flow: f, err: err}, false) // behind all that came on it
	}
}

// refuse answers statelessly and counts why. What is not a request, and ACK, gets no answer.
func (s *Stack) refuse(in transport.Inbound, why Drop, status int, phrase string, extra ...string) {
	s.counters.drop(why)
	if !in.Msg.IsRequest() || in.Msg.Method() == message.ACK {
		return
	}
	if s.silent(in.Flow) {
		s.counters.drop(DropUnanswered)
		s.cfg.Recent.Refused(string(why), s.now(), in.Flow, in.Msg, 0)
		return
	}
	s.cfg.Recent.Refused(string(why), s.now(), in.Flow, in.Msg, status)
	_ = transaction.Reply(in.Flow, in.Msg, status, phrase, extra...)
}
