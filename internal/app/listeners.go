package app

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/koppelfeld/koppelfeld/internal/certs"
	"github.com/koppelfeld/koppelfeld/internal/config"
	"github.com/koppelfeld/koppelfeld/internal/media"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// transportConfig is where SIP listens.
func (a *App) transportConfig() transport.Config {
	c := transport.Config{
		Listen: a.cfg.Listeners(), Interfaces: map[string]string{}, Advertise: map[string]netip.AddrPort{}, Origins: a.cfg.SIP.WSOrigins, Log: a.log.With("part", "sip"),
		Limits: transport.Limits{
			SourceRate: a.cfg.SIP.SourceRate, MaxConnections: a.limits.sip, MaxHandshakes: a.limits.hand,
			MaxConnectionsPerSource: a.cfg.SIP.ConnectionsPerSource, MaxHandshakesPerSource: a.cfg.SIP.HandshakesPerSource,
		},
	}
	if a.hep != nil {
		c.Tap = a.hep
	}
	advertise := func(listen []string, as string) {
		addr, err := netip.ParseAddr(as)
		if err != nil {
			return // none given
		}
		for _, l := range listen {
			c.Advertise[l] = netip.AddrPortFrom(addr, 0)
		}
	}
	advertise(a.cfg.SIP.Listen, a.cfg.SIP.Advertise)
	for _, n := range a.cfg.Interfaces {
		for _, l := range n.Listen {
			c.Interfaces[l] = n.Name
		}
		advertise(n.Listen, n.Advertise)
	}
	if a.certs != nil && slices.ContainsFunc(a.cfg.Listeners(), secureListener) {
		c.Certificates = a.certs
	}
	return c
}

// Addresses by which the routing table says which of our own leads outside; they are for documentation, and nothing is sent there.
var (
	outside4 = netip.MustParseAddr("192.0.2.1")
	outside6 = netip.MustParseAddr("2001:db8::1")
)

// findAddresses puts this machine's addresses where the configuration says "auto".
func (a *App) findAddresses(context.Context) error {
	if a.cfg.Media.Address == config.AddressAuto {
		own, ok := ownAddress(transport.System{}, outside4)
		if !ok {
			own = netip.MustParseAddr("127.0.0.1")
			a.log.Warn("this machine has no address but loopback: no phone will hear anything", "media_address", own)
		}
		a.cfg.Media.Address = own.String()
	}
	if a.cfg.Media.Address6 == config.AddressAuto {
		a.cfg.Media.Address6 = ""
		if own, ok := ownAddress(transport.System{}, outside6); ok {
			a.cfg.Media.Address6 = own.String()
		}
	}
	return nil
}

// hostAddresses is what a machine says of its addresses.
type hostAddresses interface {
	SourceFor(remote netip.Addr) (netip.Addr, error)
	Addrs() ([]netip.Addr, error)
}

// ownAddress is the address by which the machine reaches the outside, else the first that is not loopback.
func ownAddress(host hostAddresses, outside netip.Addr) (netip.Addr, bool) {
	if own, err := host.SourceFor(outside); err == nil && !own.IsLoopback() && !own.IsUnspecified() {
		return own, true
	}
	all, _ := host.Addrs() // none that can be read is none
	for _, own := range all {
		if own.Is4() == outside.Is4() && !own.IsLoopback() {
			return own, true
		}
	}
	return netip.Addr{}, false
}

// mediaInterfaces are the addresses for audio beside the first one.
func (a *App) mediaInterfaces() []media.Interface {
	var list []media.Interface
	add := func(name, addr, advertise string) {
		if addr == "" {
			return
		}
		n := media.Interface{Name: name, Address: netip.MustParseAddr(addr)} // validated with the file
		if advertise != "" {
			n.Advertise = netip.MustParseAddr(advertise)
		}
		list = append(list, n)
	}
	add("", a.cfg.Media.Address6, a.cfg.Media.Advertise6)
	for _, n := range a.cfg.Interfaces {
		add(n.Name, n.Media, n.MediaAdvertise)
		add(n.Name, n.Media6, n.Media6Advertise)
	}
	return list
}

// openCerts reads the certificates, or makes one, when something listens with TLS.
func (a *App) openCerts(context.Context) error {
	own := a.cfg.Admin.TLSOn() && a.cfg.Admin.Certificate != ""
	if own {
		if err := a.openAdminCerts(); err != nil {
			return err
		}
	}
	if !slices.ContainsFunc(a.cfg.Listeners(), secureListener) && (own || !a.cfg.Admin.TLSOn()) {
		return nil
	}
	cfg := certs.Config{
		Dir: a.cfg.DataDir, Names: a.ownNames(), ClientCA: a.cfg.TLS.ClientCA, PeerCA: a.cfg.TLS.PeerCA,
		MinVersion: a.cfg.TLS.Version(), Log: a.log.With("part", "certificates"), Faults: a.faults,
	}
	for _, p := range a.cfg.TLS.Pairs() {
		cfg.Pairs = append(cfg.Pairs, certs.Pair(p))
	}
	var err error
	a.certs, err = certs.Open(cfg)
	return err
}

func secureListener(entry string) bool {
	return strings.HasPrefix(entry, "tls://") || strings.HasPrefix(entry, "wss://")
}

// openAdminCerts reads the certificate that is for the API alone.
func (a *App) openAdminCerts() error {
	var err error
	a.adminCerts, err = certs.Open(certs.Config{
		Pairs:      []certs.Pair{{Certificate: a.cfg.Admin.Certificate, Key: a.cfg.Admin.Key}},
		MinVersion: a.cfg.TLS.Version(), Log: a.log.With("part", "certificates"), Faults: a.faults,
	})
	if err != nil {
		return fmt.Errorf("admin.certificate: %w", err)
	}
	return nil
}

// adminTLS gives the TLS configuration of the API for each connection; nil for none.
func (a *App) adminTLS() func() *tls.Config {
	switch {
	case !a.cfg.Admin.TLSOn():
		return nil
	case a.adminCerts != nil:
		return a.adminCerts.Server
	}
	return a.certs.Server
}

// ownNames are what a certificate of ours has to name: the domain and the addresses at which we listen.
func (a *App) ownNames() []string {
	names := []string{a.cfg.SIP.Domain}
	add := func(n string) {
		if !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	for _, shown := range append([]config.Interface{{Advertise: a.cfg.SIP.Advertise}}, a.cfg.Interfaces...) {
		if shown.Advertise != "" {
			add(shown.Advertise)
		}
	}
	addAddress := func(host string) {
		addr, err := netip.ParseAddr(host)
		if err != nil {
			return
		}
		if !addr.IsUnspecified() {
			add(addr.Unmap().String())
			return
		}
		all, err := transport.System{}.Addrs()
		if err != nil {
			return
		}
		for _, h := range all {
			if h.Is4() == addr.Is4() {
				add(h.String())
			}
		}
	}
	for _, entry := range a.cfg.Listeners() {
		if u, err := url.Parse(entry); err == nil {
			addAddress(u.Hostname())
		}
	}
	if a.cfg.Admin.TLSOn() && a.cfg.Admin.Certificate == "" {
		a.adminNames(add, addAddress)
	}
	return names
}

// adminNames are those under which browsers reach the API.
func (a *App) adminNames(add, addAddress func(string)) {
	if u, err := url.Parse(a.cfg.Admin.URL); err == nil && u.Hostname() != "" {
		add(u.Hostname())
	}
	add("localhost")
	switch host := a.cfg.Admin.Host(); host {
	case "":
		addAddress("0.0.0.0")
		addAddress("::")
	case "localhost":
		add("127.0.0.1")
		add("::1")
	default:
		addAddress(host)
	}
}
