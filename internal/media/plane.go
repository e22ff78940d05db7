package media

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// ErrClosed is returned by Plane.Open after Run has ended, and by a second Run.
var ErrClosed = errors.New("media: plane closed")

// ErrInterface is returned by Plane.Open for a name that no interface has.
var ErrInterface = errors.New("media: no such interface")

// openAttempts bounds how many busy pairs one Open passes over.
const openAttempts = 256

// One poll loop gets endpoints until it has packLimit of them or it is
// busy for packBusy percent of the time, then the next one is used: the more
// sockets a loop serves, the more packets it finds per wake.
const (
	packLimit = 2048
	packBusy  = 50
)

// Plane owns the ports and the poll loops.
type Plane struct {
	cfg   Config
	log   *slog.Logger
	epoch time.Time
	base  int // port of pair 0
	pool  *pool
	loops []*loop
	// table finds the endpoint of an epoll event by its pair.
	table []atomic.Pointer[Endpoint]

	identity *identity       // for DTLS
	shakes   shakes          // handshakes under way
	life     context.Context // of Run, for handshakes; the poll loops alone begin them

	// topology serialises Bridge, Unbridge and Close: only its holder may lock
	// more than one Endpoint.
	topology sync.Mutex
	mu       sync.Mutex // for what follows
	started  bool
	closed   bool
	serial   int32
}

// New checks cfg, checks that its addresses can be bound, and returns a plane
// whose loops do not run yet. Run must be called once, also to give up what New
// took: with a context that has ended if need be.
func New(cfg Config) (*Plane, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("checking the media configuration: %w", err)
	}
	cfg = cfg.withDefaults()
	for _, n := range cfg.Interfaces {
		probe, err := bindUDP(netip.AddrPortFrom(n.Address, 0))
		if err != nil {
			return nil, fmt.Errorf("checking the media address: %w", err)
		}
		_ = unix.Close(probe)
	}
	base := cfg.PortMin + cfg.PortMin%2
	pairs := (cfg.PortMax - base + 1) / 2
	p := &Plane{
		cfg: cfg, log: cfg.Log, epoch: time.Now(), base: base,
		pool:  newPool(pairs, cfg.Quarantine),
		table: make([]atomic.Pointer[Endpoint], pairs),
	}
	id, err := newIdentity(p.epoch)
	if err != nil {
		return nil, fmt.Errorf("making the media plane: %w", err)
	}
	p.identity = id
	for range cfg.Loops {
		l, err := newLoop(p)
		if err != nil {
			p.release()
			return nil, fmt.Errorf("making a poll loop: %w", err)
		}
		p.loops = append(p.loops, l)
	}
	return p, nil
}

// now is the time since the plane was made, on the monotonic clock.
func (p *Plane) now() time.Duration { return time.Since(p.epoch) }

// Run serves packets until ctx ends. Then it closes the endpoints that are
// still open and returns after every poll loop has ended, with nil unless a loop
// could not go on. It can be called once; a second call returns ErrClosed.
func (p *Plane) Run(ctx context.Context) error {
	p.mu.Lock()
	if p.started {
		p.mu.Unlock()
		return ErrClosed
	}
	p.started = true
	p.mu.Unlock()

	ctx, fail := context.WithCancel(ctx)
	defer fail()
	p.life = ctx
	var wg sync.WaitGroup
	var failed atomic.Pointer[error]
	for _, l := range p.loops {
		wg.Go(p.cfg.Faults.Keep(ctx, placeLoop, func() {
			if err := l.run(); err != nil {
				failed.CompareAndSwap(nil, &err)
				fail()
			}
		}))
	}
	<-ctx.Done()
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	for _, l := range p.loops {
		l.stop.Store(true)
		l.wake()
	}
	wg.Wait()
	p.shakes.group.Wait()
	for i := range p.table {
		if e := p.table[i].Load(); e != nil {
			e.Close()
		}
	}
	p.release()
	if err := failed.Load(); err != nil {
		return fmt.Errorf("running a poll loop: %w", *err)
	}
	return nil
}

func (p *Plane) release() {
	for _, l := range p.loops {
		l.release()
	}
}

// Options are the choices for one endpoint.
type Options struct {
	// Notify is called for every event from a poll loop, so it must not block. It
	// may call the methods of the endpoint. One call may still arrive while Close
	// returns. It may be nil.
	Notify func(Event)
	// Timeout is the silence after which a Timeout event is sent while media is
	// expected; 0 means never. It is checked every quarter of a second.
	Timeout time.Duration
	// Interface names the interface whose address is used. A name that no interface
	// has means the first one, but only where there is no choice: with several
	// interfaces it is an error.
	Interface string
	// Remote is an address of the remote, if known: among the addresses of the
	// interface the one of its family is taken, else the first.
	Remote netip.Addr
	// Near is the other endpoint of the same call, if there is one: both are
	// then served by the same loop, which spares them waiting for each other.
	Near *Endpoint
}

// Open takes a port pair, opens its sockets and returns the endpoint. Until
// SetRemote everything that arrives is dropped. Errors: ErrNoPorts, ErrClosed,
// ErrInterface, or what the system says (too many open files).
func (p *Plane) Open(o Options) (*Endpoint, error) {
	n := p.choose(o.Interface, o.Remote)
	if n == nil {
		return nil, fmt.Errorf("%w: %q", ErrInterface, o.Interface)
	}
	busy := 0
	defer func() {
		if busy > 0 {
			p.log.Warn("media ports in use by another process", "pairs", busy)
		}
	}()
	for busy < openAttempts {
		pair, ok := p.pool.take(p.now())
		if !ok {
			return nil, ErrNoPorts
		}
		e, err := p.open(pair, n, o)
		switch {
		case err == nil:
			return e, nil
		case errors.Is(err, unix.EADDRINUSE):
			busy++
			p.pool.retire(pair, p.now())
		default:
			p.pool.giveBack(pair)
			return nil, fmt.Errorf("opening a media endpoint: %w", err)
		}
	}
	return nil, ErrNoPorts
}

// open makes the endpoint of one pair.
func (p *Plane) open(pair int, n *Interface, o Options) (_ *Endpoint, err error) {
	port := uint16(p.base + 2*pair)
	e := &Endpoint{
		plane: p, iface: n, pair: pair, notify: o.Notify, timeout: o.Timeout,
		local: netip.AddrPortFrom(n.Advertise, port),
		fd:    [2]int{-1, -1}, rx: reception{payloadType: -1}, firstAfter: -1,
	}
	for i := range e.fd {
		if e.fd[i], err = bindUDP(netip.AddrPortFrom(n.Address, port+uint16(i))); err != nil {
			e.closeSockets()
			return nil, err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		e.closeSockets()
		return nil, ErrClosed
	}
	p.serial++
	e.serial = p.serial
	e.loop = p.place(o.Near)
	p.table[pair].Store(e)
	if err := e.loop.add(e); err != nil {
		p.table[pair].Store(nil)
		e.closeSockets()
		return nil, err
	}
	return e, nil
}

// place chooses the loop of a new endpoint.
func (p *Plane) place(near *Endpoint) *loop {
	if near != nil && near.plane == p {
		return near.loop
	}
	least := p.loops[0]
	for _, l := range p.loops {
		n := l.count.Load()
		if n == 0 || n < packLimit && l.busy.Load() < packBusy {
			return l
		}
		if n < least.count.Load() {
			least = l
		}
	}
	return least
}

// Ports counts the port pairs by state.
func (p *Plane) Ports() PortStats { return p.pool.stats(p.now()) }

// Drop is a reason for which a datagram was not relayed.
type Drop uint8

// Drops. Their strings are metric labels.
const (
	DropMalformed Drop = iota // not RTP or RTCP, or too long
	DropSource                // from an address that is not, or not yet, the remote's
	DropDirection             // the remote may not send now (Remote.Receive is false)
	DropHeld                  // the other side may not be sent to (its Remote.Send is false)
	DropUnbridged             // there is no other side, or it has no address yet
	DropRate                  // above Config.MaxRate
	DropSend                  // the system refused to send
	DropPanic                 // a fault of ours, in the log
	DropAuth                  // secure media that does not authenticate: a wrong key, or forged
	DropReplay                // secure media that came before
	DropKey                   // secure media without a key yet, or of too many sources
	DropHandshake             // a DTLS record that belongs to no handshake, or is above a limit; at an endpoint also a handshake that failed
	DropReplaced              // the remote hears something else instead
	DropCodec                 // of a format that cannot be turned into one of the other side
	drops
)

// String is the reason as a metric label.
func (d Drop) String() string {
	return [...]string{"malformed", "source", "direction", "held", "unbridged", "rate", "send", "panic", "auth", "replay", "key", "handshake", "replaced", "codec", "unknown"}[min(d, drops)]
}

// Totals are counters over all endpoints since New.
type Totals struct {
	RTP, RTCP uint64 // datagrams relayed
	Bytes     uint64 // relayed, without IP and UDP headers
	Dropped   [drops]uint64
	Made      uint64 // RTP packets of sounds and keys, counted nowhere else here
	Wakes     uint64 // times a loop found something to do
}

// Totals adds up the counters of all loops.
func (p *Plane) Totals() Totals {
	var t Totals
	for _, l := range p.loops {
		t.RTP += l.relayed[rtpSocket].Load()
		t.RTCP += l.relayed[rtcpSocket].Load()
		t.Bytes += l.bytes.Load()
		t.Made += l.made.Load()
		t.Wakes += l.wakes.Load()
		for i := range t.Dropped {
			t.Dropped[i] += l.dropped[i].Load()
		}
	}
	return t
}
