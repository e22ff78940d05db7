// Package registrar answers REGISTER (RFC 3261 section 10.3, RFC 3327, RFC 3581) and keeps the
// location table: which contacts each slot has, and the flow that leads to each.
//
// The table is in memory, in stripes by slot; a REGISTER takes the lock of its stripe for
// the change alone, and readers get slices that never change. There is no SQL and no lock shared by all
// calls. A snapshot file carries the table over a restart.
//
// REGISTER is answered without a transaction, in the transport's reader: a repeated request finds the
// binding it made itself (same Call-ID and CSeq) and gets the same answer. Its nonce count
// has been used, though, so that it is asked for a fresh digest first.
//
// Run owns three goroutines: one sweeps expired bindings and sends keep-alives, one writes the
// snapshot, one tells Notify. Callbacks of the stack come on its own. The package imports of the project
// sip, its layers and sip/auth alone.
package registrar

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/fault"
	"github.com/koppelfeld/koppelfeld/sip"
	"github.com/koppelfeld/koppelfeld/sip/auth"
	"github.com/koppelfeld/koppelfeld/sip/budget"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/trace"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// Binding is one contact of a slot.
type Binding struct {
	SlotID  string
	Contact string // URI as registered: the Request-URI for requests to it
	// Flow leads to the contact, or to the first proxy of Path. It is nil when the connection has
	// gone but the contact's own address can be dialled.
	Flow      *transport.Flow
	Received  netip.AddrPort // source of the REGISTER
	Path      []string       // values of Path, to be sent as Route
	Refreshed time.Time      // when the last REGISTER came
	Expires   time.Time
	CallID    string
	CSeq      uint32
	Q         float32 // preference 0 to 1; 1 when the phone named none
	UserAgent string
	Instance  string // +sip.instance, without quotes (RFC 5626 section 4.1)
	RegID     string // reg-id
	Outbound  bool   // it is one of the flows of its device (RFC 5626), which is rung over one of them at a time

	proto transport.Proto // of Flow, also when that is nil
	local netip.AddrPort  // of Flow
	nat   bool            // the contact's address is not the one it is reached at
	named bool            // the contact names a host
	pulse *pulse          // keep-alive behind NAT, else nil
}

// isFlow reports whether the binding is one of the flows of a device (RFC 5626).
func (b *Binding) isFlow() bool { return b.Outbound }

// Elsewhere reports whether the contact names a host that the DNS is to be asked for: what registers it may well sit somewhere
// else. Names that are made up in place of an address (RFC 2606, RFC 6762) lead nowhere.
func (b *Binding) Elsewhere() bool {
	return b.named && b.proto == transport.UDP && !b.Outbound && len(b.Path) == 0
}

// Flows reports whether a and b are flows of one device: of those one at a time is to be used.
func Flows(a, b *Binding) bool { return a.isFlow() && b.isFlow() && a.Instance == b.Instance }

// dialable reports whether the phone can be reached without its flow. Phones have no certificate that
// would name them, so over TLS nobody is dialled.
func (b *Binding) dialable() bool {
	return b.proto == transport.TCP && !b.nat && len(b.Path) == 0 && !b.isFlow()
}

// Config sets up a Registrar. Zero values mean the defaults in brackets.
type Config struct {
	// Domain is the SIP domain. To and Request-URI may name another one, phones set up with an IP
	// address do: what counts is the user name, and the digest's realm.
	Domain string
	// Auth checks digests.
	Auth *auth.Digest
	// Stack is where REGISTER comes from; New enters the handlers. Without one (in tests) there is
	// no keep-alive, and nothing is restored but contacts that can be dialled.
	Stack *sip.Stack
	// MinExpires, MaxExpires and DefaultExpires bound the life of a binding in seconds
	// [60, 3600, 300]. Less than the least is refused with 423, more than the most is cut.
	MinExpires, MaxExpires, DefaultExpires int
	// MaxContacts per slot [10]. A further one takes the place of the one that would expire first: a phone
	// that changes its port with each start must not lock itself out.
	MaxContacts int
	// MaxBindings over all slots [500000]; more are refused with 503.
	Rate        int // REGISTERs per second of one account, ten times as many at once [10]
	MaxBindings int
	// KeepAlive is how often a contact behind NAT gets an OPTIONS over UDP [30 s]. After
	// three without answer its binding is removed.
	KeepAlive time.Duration
	// File is the snapshot; "" keeps nothing over a restart.
	File string
	// Notify hears when a slot gets its first contact and loses its last. It is called on a goroutine of
	// its own, in order for each slot; quick changes back and forth may be left out.
	Notify func(slotID string, registered bool)
	// Key makes GRUUs [random: temporary ones end with the process].
	Key []byte
	// Brake bounds the guessing of passwords.
	Brake BrakeConfig
	Log   *slog.Logger // [discarded]
	// Recent keeps the last REGISTERs of each account, and those that were refused before [none].
	Recent *trace.Recent
	// Faults counts faults of the program [a new one].
	Faults *fault.Log
	Now    func() time.Time // [time.Now]
}

// place of faults in the metrics.
const place = "registrar"

// Validate reports all faults.
func (c Config) Validate() error {
	var errs []error
	if c.Auth == nil {
		errs = append(errs, errors.New("auth is missing"))
	}
	if c.Domain == "" {
		errs = append(errs, errors.New("domain is missing"))
	}
	d := c.withDefaults()
	if d.MinExpires < 0 || d.MinExpires > d.DefaultExpires || d.DefaultExpires > d.MaxExpires {
		errs = append(errs, fmt.Errorf("MinExpires %d, DefaultExpires %d, MaxExpires %d: not in ascending order", d.MinExpires, d.DefaultExpires, d.MaxExpires))
	}
	if c.MaxContacts < 0 || c.MaxContacts > 100 {
		errs = append(errs, fmt.Errorf("MaxContacts: %d is not in 0..100", c.MaxContacts))
	}
	return errors.Join(errs...)
}

func (c Config) withDefaults() Config {
	def := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	def(&c.MinExpires, 60)
	def(&c.MaxExpires, 3600)
	def(&c.DefaultExpires, 300)
	def(&c.MaxContacts, 10)
	def(&c.MaxBindings, 500_000)
	def(&c.Rate, 10)
	if c.KeepAlive == 0 {
		c.KeepAlive = 30 * time.Second
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

const stripes = 64

// Registrar is the registrar. It is safe for use by several goroutines.
type Registrar struct {
	cfg   Config
	seed  maphash.Seed
	brake *brake
	often *budget.Table // how often an account may register
	gruus *gruus
	count counters
	date  atomic.Pointer[dateText]

	stripes  [stripes]stripe
	bindings atomic.Int64
	slots    atomic.Int64

	flowsMu sync.Mutex
	flows   map[*transport.Flow][]string // slots of each connection

	notes notes
	store store
}

// stripe is a part of the location table.
type stripe struct {
	mu    sync.RWMutex
	slots map[string][]Binding // the slices never change once they are here
}

// New makes a Registrar, reads its file and enters it in the stack. A file that cannot be
// understood is set aside and logged, no error.
func New(cfg Config) (*Registrar, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("registrar: %w", err)
	}
	r := &Registrar{cfg: cfg.withDefaults(), seed: maphash.MakeSeed(), flows: map[*transport.Flow][]string{}}
	var err error
	if r.gruus, err = newGRUUs(r.cfg.Domain, r.cfg.Key); err != nil {
		return nil, fmt.Errorf("registrar: %w", err)
	}
	r.often = budget.New(r.cfg.Rate, 10*r.cfg.Rate)
	r.brake = newBrake(r.cfg.Brake, r.cfg.Log)
	r.notes.init()
	for i := range r.stripes {
		r.stripes[i].slots = map[string][]Binding{}
	}
	if err := r.load(); err != nil {
		return nil, fmt.Errorf("registrar: %w", err)
	}
	if s := r.cfg.Stack; s != nil {
		s.HandleStateless(message.REGISTER, r.Receive)
		s.OnFlowClosed(r.flowClosed)
	}
	return r, nil
}

// Run expires bindings, sends keep-alives, writes the file and tells Notify until ctx ends;
// then it writes the file a last time and returns.
func (r *Registrar) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(r.cfg.Faults.Keep(ctx, place, func() {
		r.notes.run(ctx, func(slotID string, registered bool) {
			if r.cfg.Notify != nil {
				r.attempt("telling of a registration", func() { r.cfg.Notify(slotID, registered) })
			}
		})
	}))
	wg.Go(r.cfg.Faults.Keep(ctx, place, func() { r.persist(ctx) }))
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			r.attempt("expiring contacts", func() { r.sweep(r.cfg.Now()) })
		}
	}
}

// attempt runs fn and survives a panic in it.
func (r *Registrar) attempt(what string, fn func()) {
	defer func() {
		if v := recover(); v != nil {
			r.count.panics.Add(1)
			r.cfg.Faults.Note(place, v, "doing", what)
		}
	}()
	fn()
}

func (r *Registrar) stripe(slotID string) *stripe {
	return &r.stripes[maphash.String(r.seed, slotID)%stripes]
}

// Bindings are the live contacts of a slot, those with the highest Q and the freshest first. The slice is shared:
// it must not be changed, and it never changes.
func (r *Registrar) Bindings(slotID string) []Binding {
	s := r.stripe(slotID)
	s.mu.RLock()
	list := s.slots[slotID]
	s.mu.RUnlock()
	return live(list, r.cfg.Now())
}

// Registered reports whether the slot has a live contact.
func (r *Registrar) Registered(slotID string) bool { return len(r.Bindings(slotID)) > 0 }

// Count is how many slots have contacts, and how many contacts there are.
func (r *Registrar) Count() (slots, contacts int) {
	return int(r.slots.Load()), int(r.bindings.Load())
}

// Remove forgets all contacts of a slot whose account was deleted or has a new secret.
func (r *Registrar) Remove(slotID string) {
	s := r.stripe(slotID)
	s.mu.Lock()
	defer s.mu.Unlock()
	r.set(s, slotID, nil, true)
}

// live leaves out what has expired; mostly that is nothing and costs nothing.
func live(list []Binding, now time.Time) []Binding {
	for i := range list {
		if !list[i].Expires.After(now) {
			kept := append([]Binding(nil), list[:i]...)
			for _, b := range list[i+1:] {
				if b.Expires.After(now) {
					kept = append(kept, b)
				}
			}
			return kept
		}
	}
	return list
}

// set stores the contacts of a slot; the stripe is locked. changed says that a contact came or went,
// not just an expiry.
func (r *Registrar) set(s *stripe, slotID string, list []Binding, changed bool) {
	old := s.slots[slotID]
	switch {
	case len(list) > 0:
		id := list[0].SlotID // a string of our own
		if old == nil {
			r.slots.Add(1)
			r.notes.add(id, true)
		}
		s.slots[id] = list
	case old != nil:
		delete(s.slots, slotID)
		r.slots.Add(-1)
		r.notes.add(old[0].SlotID, false)
	default:
		return
	}
	r.bindings.Add(int64(len(list) - len(old)))
	r.store.touch(changed)
}

// sweep removes what has expired and sends the keep-alives that are due.
func (r *Registrar) sweep(now time.Time) {
	var due []Binding
	for i := range r.stripes {
		s := &r.stripes[i]
		var stale []string
		s.mu.RLock()
		for id, list := range s.slots {
			for j := range list {
				if !list[j].Expires.After(now) {
					stale = append(stale, id)
					break
				}
				if list[j].pulse.due(now) {
					due = append(due, list[j])
				}
			}
		}
		s.mu.RUnlock()
		for _, id := range stale {
			s.mu.Lock()
			list := s.slots[id]
			kept := live(list, now)
			r.count.expired.Add(uint64(len(list) - len(kept)))
			r.set(s, id, kept, true)
			s.mu.Unlock()
		}
	}
	for i := range due {
		r.ping(&due[i], now)
	}
}

// bindFlow notes that a slot is reached over a connection.
func (r *Registrar) bindFlow(f *transport.Flow, slotID string) {
	r.flowsMu.Lock()
	r.flows[f] = append(r.flows[f], slotID)
	r.flowsMu.Unlock()
	if f.Closed() { // it may have been before we noted it
		r.flowClosed(f, nil)
	}
}

// flowClosed removes the contacts that were reached over a connection, but keeps those whose own
// address can be dialled.
func (r *Registrar) flowClosed(f *transport.Flow, _ error) {
	r.flowsMu.Lock()
	slots := r.flows[f]
	delete(r.flows, f)
	r.flowsMu.Unlock()
	for _, id := range slots {
		s := r.stripe(id)
		s.mu.Lock()
		var kept []Binding
		gone := 0
		for _, b := range s.slots[id] {
			if b.Flow == f {
				if !b.dialable() {
					gone++
					continue
				}
				b.Flow = nil
			}
			kept = append(kept, b)
		}
		r.count.lost.Add(uint64(gone))
		r.set(s, id, kept, gone > 0)
		s.mu.Unlock()
	}
}

// unreachable removes a contact that does not answer keep-alives any more.
func (r *Registrar) unreachable(slotID string, p *pulse) {
	s := r.stripe(slotID)
	s.mu.Lock()
	defer s.mu.Unlock()
	var kept []Binding
	for _, b := range s.slots[slotID] {
		if b.pulse != p || b.Elsewhere() {
			kept = append(kept, b)
		}
	}
	if gone := len(s.slots[slotID]) - len(kept); gone > 0 {
		r.count.lost.Add(uint64(gone))
		r.set(s, slotID, kept, true)
	}
}

// counters count what happened since New.
type counters struct {
	accepted, challenged, braked, often, wrong, unknown, expired, lost, panics atomic.Uint64
	refused                                                                    [9]atomic.Uint64 // see refusals
}

// refusals are the statuses counted by name.
var refusals = [9]int{400, 403, 420, 423, 439, 500, 503}

// Stats are counters since New.
type Stats struct {
	Accepted   uint64         // REGISTERs answered 200
	Challenged uint64         // answered 401
	Panics     uint64         // faults of ours that were survived, outside of the handling of a message
	Braked     uint64         // requests with credentials left without answer: too many wrong passwords
	TooOften   uint64         // answered 503: more of one account than Rate allows
	Wrong      uint64         // requests with a wrong password, as Judge was told
	Unknown    uint64         // requests with an unknown user name
	Refused    map[int]uint64 // by status
	Expired    uint64         // bindings that ran out
	Lost       uint64         // bindings removed because their phone was gone
}

// Stats returns a copy of the counters.
func (r *Registrar) Stats() Stats {
	s := Stats{
		Accepted: r.count.accepted.Load(), Challenged: r.count.challenged.Load(), Braked: r.count.braked.Load(), TooOften: r.count.often.Load(), Wrong: r.count.wrong.Load(), Unknown: r.count.unknown.Load(), Panics: r.count.panics.Load(),
		Expired: r.count.expired.Load(), Lost: r.count.lost.Load(), Refused: map[int]uint64{},
	}
	for i, status := range refusals {
		if n := r.count.refused[i].Load(); n > 0 {
			s.Refused[status] = n
		}
	}
	return s
}

func (c *counters) status(status int) {
	switch {
	case status == 200:
		c.accepted.Add(1)
	case status == 401:
		c.challenged.Add(1)
	default:
		for i, s := range refusals {
			if s == status {
				c.refused[i].Add(1)
			}
		}
	}
}
