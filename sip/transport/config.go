package transport

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/fault"
)

// Config says where to listen and within which bounds. Zero values mean the defaults.
type Config struct {
	// Listen holds the listeners, "udp://127.0.0.1:5060", "tcp://[::1]:5060", "tls://[::1]:5061", "ws://…" or "wss://…". Port 0
	// takes a free port. 0.0.0.0 and [::] stand for all addresses of their family that
	// the host has at the start (each gets its own socket, so that answers leave from
	// the address that was asked and Via shows a real one); an empty host means both families.
	Listen []string
	// Advertise maps an entry of Listen to the address shown in Via and Contact instead of the
	// bound one (behind a port forwarding). A port of 0 means the bound port.
	Advertise map[string]netip.AddrPort
	// Interfaces names entries of Listen (Flow.Interface), those of the inside and those towards a provider. The others
	// have no name.
	Interfaces map[string]string
	// Network is System{} when nil.
	Network Network
	// Origins are the web pages that may connect over WebSocket, "https://phone.example" or "*". When empty these are pages
	// from the host that they connect to. Clients that name no origin are no browsers and may always.
	Origins []string
	// Certificates are needed for listeners and targets with TLS.
	Certificates Certificates
	// Log gets starts, stops and faults of listeners, never message bodies. Discarded when nil.
	Log *slog.Logger
	// Faults counts faults of the program. A new one when nil.
	Faults *fault.Log
	// Tap hears of every message that passes [nobody].
	Tap Tap
	// Limits bounds what peers can make us hold and do.
	Limits Limits
}

// Tap hears of the messages that are received and sent, on whatever goroutine does that: it must not block, and keep a copy at most. Local
// is the address that we show.
type Tap interface {
	Message(proto Proto, local, remote netip.AddrPort, out bool, text []byte)
}

// Limits are the bounds of a Layer. Zero values mean the defaults in brackets.
type Limits struct {
	MaxMessage int // largest message in bytes [65535]
	// At the caps on connections the oldest accepted one that is not proved (Flow.Prove) gives way to a new one.
	MaxConnections          int // connections, accepted and dialled [10000]
	MaxConnectionsPerSource int // accepted connections per IPv4 address or IPv6 /64 [500]
	// Unfinished handshakes are counted apart; at these caps the oldest one gives way.
	MaxHandshakes          int // in all [1000]
	MaxHandshakesPerSource int // per IPv4 address or IPv6 /64 [200]

	MaxQueue      int // bytes waiting to be written per connection [256 KiB]
	ReceiveBuffer int // socket buffer of a UDP listener in bytes [4 MiB]

	Handshake    time.Duration // TLS handshake and WebSocket upgrade must be over within [10 s]
	Ping         time.Duration // a WebSocket peer that is silent gets a ping after [30 s], and is cut off after the third
	FirstMessage time.Duration // an accepted connection must bring a whole valid message within [30 s]
	WholeMessage time.Duration // a message that has begun must be complete within [30 s]
	Idle         time.Duration // a connection without a byte from the peer is closed after [65 min]
	Write        time.Duration // a write that makes no headway ends the connection after [10 s]
	Dial         time.Duration // a connection must be open within [10 s]

	// SourceRate is how many messages per second one source (IPv4 address or IPv6 /64)
	// may send over UDP, and each connection by itself [50000]; more is dropped on UDP and
	// waits on streams. Something unparseable counts as 20 messages.
	SourceRate int
	// SourceBurst is how many it may send at once [100000].
	SourceBurst int
	// RefusalRate is how many malformed requests per second are answered at all, over all
	// sources [200]; the others are dropped.
	RefusalRate int
	// STUNRate is how many STUN requests per second of one source are answered [100].
	STUNRate int
}

func (l Limits) withDefaults() Limits {
	def := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	dur := func(v *time.Duration, d time.Duration) {
		if *v <= 0 {
			*v = d
		}
	}
	def(&l.MaxMessage, 65535)
	def(&l.MaxConnections, 10000)
	def(&l.MaxConnectionsPerSource, 500)
	def(&l.MaxHandshakes, 1000)
	def(&l.MaxHandshakesPerSource, 200)
	def(&l.MaxQueue, 256<<10)
	def(&l.ReceiveBuffer, 4<<20)
	def(&l.SourceRate, 50000)
	def(&l.SourceBurst, 100000)
	def(&l.RefusalRate, 200)
	def(&l.STUNRate, 100)
	dur(&l.Handshake, 10*time.Second)
	dur(&l.Ping, 30*time.Second)
	dur(&l.FirstMessage, 30*time.Second)
	dur(&l.WholeMessage, 30*time.Second)
	dur(&l.Idle, 65*time.Minute)
	dur(&l.Write, 10*time.Second)
	dur(&l.Dial, 10*time.Second)
	return l
}

// bindAddr is one address to bind for an entry of Config.Listen.
type bindAddr struct {
	entry     string
	proto     Proto
	addr      netip.AddrPort
	advertise netip.AddrPort // zero: the bound one
	iface     string
}

// Validate collects all faults of the configuration, each with the name of its field.
func (c Config) Validate() error {
	var errs []error
	if len(c.Listen) == 0 {
		errs = append(errs, errors.New("listen: no listener given"))
	}
	seen := map[string]bool{}
	for _, e := range c.Listen {
		proto, _, err := parseListen(e)
		switch {
		case err != nil:
			errs = append(errs, err)
		case proto.Secure() && c.Certificates == nil:
			errs = append(errs, fmt.Errorf("listen %q: no certificates given", e))
		}
		if seen[e] {
			errs = append(errs, fmt.Errorf("listen %q: given twice", e))
		}
		seen[e] = true
	}
	for e := range c.Advertise {
		if !seen[e] {
			errs = append(errs, fmt.Errorf("advertise %q: no such listener", e))
		}
	}
	for e := range c.Interfaces {
		if !seen[e] {
			errs = append(errs, fmt.Errorf("interface of %q: no such listener", e))
		}
	}
	return errors.Join(errs...)
}

// parseListen reads "udp://host:port"; an empty host comes back as an invalid address.
func parseListen(entry string) (Proto, netip.AddrPort, error) {
	fail := func(why string) (Proto, netip.AddrPort, error) {
		return "", netip.AddrPort{}, fmt.Errorf("listen %q: %s", entry, why)
	}
	scheme, hostport, ok := strings.Cut(entry, "://")
	if !ok {
		return fail("want udp://address:port, tcp://…, tls://…, ws://… or wss://…")
	}
	proto := Proto(strings.ToUpper(scheme))
	if !proto.Known() {
		return fail("unknown transport " + scheme)
	}
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		return fail("want address:port")
	}
	if host == "" {
		ap, err := netip.ParseAddrPort("0.0.0.0" + hostport)
		if err != nil {
			return fail("bad port")
		}
		return proto, netip.AddrPortFrom(netip.Addr{}, ap.Port()), nil
	}
	ap, err := netip.ParseAddrPort(hostport)
	if err != nil {
		return fail("want an IP address and a port")
	}
	return proto, netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port()), nil
}

// bindAddrs expands the entries of Listen to the addresses to bind.
func (c Config) bindAddrs(network Network) ([]bindAddr, error) {
	var out []bindAddr
	for _, e := range c.Listen {
		proto, ap, err := parseListen(e)
		if err != nil {
			return nil, err
		}
		if ap.Addr().IsValid() && !ap.Addr().IsUnspecified() {
			out = append(out, bindAddr{e, proto, ap, c.Advertise[e], c.Interfaces[e]})
			continue
		}
		host, err := network.Addrs()
		if err != nil {
			return nil, fmt.Errorf("listen %q: reading the host's addresses: %w", e, err)
		}
		n := len(out)
		for _, a := range host {
			if !ap.Addr().IsValid() || a.Is4() == ap.Addr().Is4() {
				out = append(out, bindAddr{e, proto, netip.AddrPortFrom(a, ap.Port()), c.Advertise[e], c.Interfaces[e]})
			}
		}
		if len(out) == n {
			return nil, fmt.Errorf("listen %q: the host has no address of this family", e)
		}
	}
	return out, nil
}
