package media

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"runtime"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/fault"
)

// Defaults and bounds of Config.
const (
	DefaultQuarantine = 2 * time.Minute
	DefaultMaxRate    = 2000
	maxLoops          = 256
)

// Config describes a Plane.
type Config struct {
	// Address is the local address that sockets are bound to, IPv4 or IPv6. It is
	// also the address of Endpoint.Local unless Advertise is set. It may be
	// unspecified (0.0.0.0 or ::) only together with Advertise.
	Address netip.Addr
	// Advertise is the address shown to peers when it is not Address (behind a
	// static NAT). The zero value means Address.
	Advertise netip.Addr
	// Interfaces are further local addresses, each with a name. Address is the
	// first one and has no name; it may be left out when there are others.
	Interfaces []Interface
	// PortMin and PortMax bound the ports, both inclusive. RTP takes even ports,
	// RTCP the odd one above (RFC 3550 section 11).
	PortMin, PortMax int
	// Loops is the number of poll loops, each with a thread of its own; 0 means
	// GOMAXPROCS.
	Loops int
	// Quarantine is how long a closed port pair rests before it is used again; 0
	// means DefaultQuarantine. When no other pair is free the pair that has rested
	// longest is taken early, but never within one second of its closing.
	Quarantine time.Duration
	// MaxRate is the greatest number of datagrams per second taken from one
	// endpoint's sockets, 0 means DefaultMaxRate. What is above it is dropped.
	MaxRate int
	// Log receives what an operator should know; nil means slog.Default.
	Log *slog.Logger
	// Faults counts faults of the program; nil means a new one.
	Faults *fault.Log
}

// maxInterfaces bounds Config.Interfaces.
const maxInterfaces = 32

// Interface is a local address with a name. An IPv4 and an IPv6 address of the
// same network may share a name; Options.Remote then says which one is meant.
type Interface struct {
	Name string
	// Address and Advertise are as in Config.
	Address, Advertise netip.Addr
}

// all lists the interfaces, the one without a name first.
func (c *Config) all() []Interface {
	var list []Interface
	if c.Address.IsValid() || len(c.Interfaces) == 0 {
		list = append(list, Interface{Address: c.Address, Advertise: c.Advertise})
	}
	return append(list, c.Interfaces...)
}

// Validate reports every fault of c, each with the name of its field.
func (c Config) Validate() error {
	var faults []error
	fault := func(field, format string, args ...any) {
		faults = append(faults, fmt.Errorf("%s: %s", field, fmt.Sprintf(format, args...)))
	}
	list := c.all()
	named := len(list) - len(c.Interfaces)
	for i, n := range list {
		prefix := ""
		if i >= named {
			prefix = fmt.Sprintf("Interfaces[%d].", i-named)
		}
		n.validate(func(field, format string, args ...any) { fault(prefix+field, format, args...) })
		for _, other := range list[:i] {
			if other.Name == n.Name && other.Address.Is4() == n.Address.Is4() {
				fault(prefix+"Name", "%q has two addresses of one family", n.Name)
			}
		}
	}
	if len(c.Interfaces) > maxInterfaces {
		fault("Interfaces", "%d are more than %d", len(c.Interfaces), maxInterfaces)
	}
	if c.PortMin < 1024 || c.PortMin > 65534 {
		fault("PortMin", "%d is not in 1024 to 65534", c.PortMin)
	}
	if c.PortMax > 65535 || c.PortMax < c.PortMin+c.PortMin%2+1 {
		fault("PortMax", "%d leaves no even and odd pair from PortMin %d up to 65535", c.PortMax, c.PortMin)
	}
	if c.Loops < 0 || c.Loops > maxLoops {
		fault("Loops", "%d is not in 0 to %d", c.Loops, maxLoops)
	}
	if c.Quarantine < 0 {
		fault("Quarantine", "%s is negative", c.Quarantine)
	}
	if c.MaxRate < 0 {
		fault("MaxRate", "%d is negative", c.MaxRate)
	}
	return errors.Join(faults...)
}

// validate hands every fault of n to fault.
func (n Interface) validate(fault func(field, format string, args ...any)) {
	switch {
	case !n.Address.IsValid():
		fault("Address", "missing")
	case n.Address.Zone() != "" || n.Address.Is4In6() || n.Address.IsMulticast():
		fault("Address", "%s is not a plain unicast address", n.Address)
	case n.Address.IsUnspecified() && !n.Advertise.IsValid():
		fault("Address", "%s needs Advertise, since it cannot be shown to peers", n.Address)
	}
	if a := n.Advertise; a.IsValid() {
		if a.IsUnspecified() || a.IsMulticast() || a.Zone() != "" {
			fault("Advertise", "%s is not a plain unicast address", a)
		} else if n.Address.IsValid() && a.Is4() != n.Address.Is4() {
			fault("Advertise", "%s is not of the address family of Address %s", a, n.Address)
		}
	}
}

// withDefaults fills in what is zero.
func (c Config) withDefaults() Config {
	c.Interfaces = c.all()
	for i := range c.Interfaces {
		if n := &c.Interfaces[i]; !n.Advertise.IsValid() {
			n.Advertise = n.Address
		}
	}
	if c.Loops == 0 {
		c.Loops = min(runtime.GOMAXPROCS(0), maxLoops)
	}
	if c.Quarantine == 0 {
		c.Quarantine = DefaultQuarantine
	}
	if c.MaxRate == 0 {
		c.MaxRate = DefaultMaxRate
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Faults == nil {
		c.Faults = fault.New(c.Log)
	}
	return c
}
