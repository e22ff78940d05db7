package transport

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/fault"
	"github.com/koppelfeld/koppelfeld/sip/message"
)

// Layer holds the listeners and connections.
type Layer struct {
	network Network
	log     *slog.Logger
	faults  *fault.Log
	tap     Tap
	limits  Limits
	count   *counters
	refuse  sharedBucket
	buffers readBuffers
	frames  frames
	origins []string
	certs   Certificates

	sockets   []*packetSocket
	listeners []*streamListener
	closing   atomic.Bool

	mu      sync.Mutex
	ctx     context.Context // of Run; nil before and after
	handler Handler
	wg      *sync.WaitGroup // all goroutines of Run
	caps    caps
	dialled map[Target]*streamConn
	routes  map[netip.Addr]netip.Addr
}

// Bound is a listener with the address it really has.
type Bound struct {
	Entry      string // as in Config.Listen
	Proto      Proto
	Addr       netip.AddrPort
	Advertised netip.AddrPort
}

// New binds all listeners. An error names the listener that failed; nothing stays bound then.
func New(cfg Config) (*Layer, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("transport: %w", err)
	}
	l := &Layer{
		network: cfg.Network, log: cfg.Log, faults: cfg.Faults, tap: cfg.Tap, limits: cfg.Limits.withDefaults(), count: newCounters(), certs: cfg.Certificates, origins: cfg.Origins,
		caps: newCaps(), dialled: map[Target]*streamConn{}, routes: map[netip.Addr]netip.Addr{},
	}
	l.refuse.rate = float64(l.limits.RefusalRate)
	if l.network == nil {
		l.network = System{}
	}
	if l.log == nil {
		l.log = slog.New(slog.DiscardHandler)
	}
	if l.faults == nil {
		l.faults = fault.New(l.log)
	}
	addrs, err := cfg.bindAddrs(l.network)
	if err != nil {
		return nil, fmt.Errorf("transport: %w", err)
	}
	for _, a := range addrs {
		if err := l.bind(a); err != nil {
			l.closeListeners()
			return nil, fmt.Errorf("transport: listening on %s (%s %s): %w", a.entry, a.proto, a.addr, err)
		}
	}
	return l, nil
}

func (l *Layer) bind(a bindAddr) error {
	if a.proto == UDP {
		pc, err := l.network.ListenPacket(a.addr, l.limits.ReceiveBuffer)
		if err != nil {
			return err
		}
		l.sockets = append(l.sockets, newPacketSocket(l, a, pc))
		return nil
	}
	ln, err := l.network.Listen(a.addr)
	if err != nil {
		return err
	}
	l.listeners = append(l.listeners, newStreamListener(l, a, ln))
	return nil
}

// advertised is what stands in Via for a bound address.
func (a bindAddr) advertised(bound netip.AddrPort) netip.AddrPort {
	switch {
	case !a.advertise.IsValid():
		return bound
	case a.advertise.Port() == 0:
		return netip.AddrPortFrom(a.advertise.Addr(), bound.Port())
	}
	return a.advertise
}

// Addrs are the listeners with their really bound addresses.
func (l *Layer) Addrs() []Bound {
	var out []Bound
	for _, s := range l.sockets {
		out = append(out, Bound{s.entry, UDP, s.conn.LocalAddr(), s.local})
	}
	for _, s := range l.listeners {
		out = append(out, Bound{s.entry, s.proto, s.bound, s.local})
	}
	return out
}

// Run reads until ctx ends, then closes everything and returns after all readers have ended.
// It can be called once.
func (l *Layer) Run(ctx context.Context, h Handler) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	l.mu.Lock()
	l.ctx, l.handler, l.wg = ctx, h, &wg
	for c := range l.caps.all { // asked for before
		l.start(c)
	}
	l.mu.Unlock()
	for _, s := range l.sockets {
		wg.Go(l.faults.Keep(ctx, placeRead, func() { s.read(h) }))
		l.log.Info("sip listening", "proto", UDP, "addr", s.conn.LocalAddr(), "advertised", s.local)
	}
	for _, s := range l.listeners {
		wg.Go(l.faults.Keep(ctx, placeAccept, func() { s.accept(ctx) }))
		l.log.Info("sip listening", "proto", s.proto, "addr", s.bound, "advertised", s.local)
	}
	<-ctx.Done()
	l.Close()
	wg.Wait()
	return nil
}

// Close closes all sockets. Run does it itself; call it when Run is never reached.
func (l *Layer) Close() {
	l.mu.Lock()
	l.closing.Store(true)
	l.ctx = nil
	conns := make([]*streamConn, 0, len(l.caps.all))
	for c := range l.caps.all {
		conns = append(conns, c)
	}
	l.mu.Unlock()
	l.closeListeners()
	for _, c := range conns {
		c.close(net.ErrClosed)
	}
}

func (l *Layer) closeListeners() {
	for _, s := range l.sockets {
		s.conn.Close()
	}
	for _, s := range l.listeners {
		s.ln.Close()
	}
}

// FlowTo gives a flow to a target. UDP leaves from a listening socket of the target's address family, the one
// whose address the host would use towards it. A connection that was dialled to this very target is
// used again (over TLS: under the same name), an accepted one never is: who wants to answer on one holds its flow. A new connection
// is opened in the background, once Run runs; messages wait in its queue, and when it fails the handler
// hears FlowClosed.
func (l *Layer) FlowTo(t Target) (*Flow, error) {
	t.Addr = netip.AddrPortFrom(t.Addr.Addr().Unmap(), t.Addr.Port())
	if !t.Addr.IsValid() || t.Addr.Port() == 0 {
		return nil, fmt.Errorf("transport: no usable target address %v", t.Addr)
	}
	if t.Proto == UDP {
		for _, s := range l.sockets {
			if s.local == t.Local && s.conn.LocalAddr().Addr().Is4() == t.Addr.Addr().Is4() {
				return NewFlow(s, t.Addr), nil
			}
		}
		s, err := pick(l, l.sockets, t.Addr.Addr(), func(s *packetSocket) netip.Addr { return s.conn.LocalAddr().Addr() })
		if err != nil {
			return nil, err
		}
		return NewFlow(s, t.Addr), nil
	}
	t, err := l.streamTarget(t)
	if err != nil {
		return nil, err
	}
	return l.dial(t)
}

// pick chooses the listener from which to reach remote.
func pick[T any](l *Layer, from []T, remote netip.Addr, addr func(T) netip.Addr) (T, error) {
	var fits []T
	for _, s := range from {
		if addr(s).Is4() == remote.Is4() {
			fits = append(fits, s)
		}
	}
	if len(fits) == 0 {
		var none T
		return none, ErrNoListener
	}
	if len(fits) == 1 {
		return fits[0], nil
	}
	src := l.sourceFor(remote)
	for _, s := range fits {
		if addr(s) == src {
			return s, nil
		}
	}
	return fits[0], nil
}

// maxRoutes bounds the cache of source addresses; it is emptied when full.
const maxRoutes = 4096

// sourceFor is the host's address towards remote, asked from the network once per remote.
func (l *Layer) sourceFor(remote netip.Addr) netip.Addr {
	l.mu.Lock()
	src, ok := l.routes[remote]
	l.mu.Unlock()
	if ok {
		return src
	}
	src, err := l.network.SourceFor(remote)
	if err != nil {
		return netip.Addr{} // not cached: a route may come
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.routes) >= maxRoutes {
		clear(l.routes)
	}
	l.routes[remote] = src
	return src
}

// refusal is the stateless answer to a request that could not be parsed, nil when there is to be
// none: responses, ACK, faults that cannot be answered, or when too many were refused.
func (l *Layer) refusal(m *message.Message, perr *message.ParseError, now time.Time) []byte {
	if m == nil || perr.Status == 0 || !m.IsRequest() || m.Method() == message.ACK || !l.refuse.take(now) {
		return nil
	}
	return message.NewResponse(m, perr.Status, perr.Reason, "malformed").Finish("", nil)
}
