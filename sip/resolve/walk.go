package resolve

import (
	"cmp"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/miekg/dns"

	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// Bounds on what answers can make us do.
const (
	maxServices = 6  // NAPTR records followed
	maxPlaces   = 8  // host names whose addresses are asked for
	maxTargets  = 16 // of a result
	maxAtOnce   = 8  // questions of one lookup at once
)

// walk is one run through the procedure of RFC 3263 section 4. ask gets records, from the cache or from
// servers.
type walk struct {
	r        *Resolver
	query    Query
	ask      func(name string, kind uint16) (answer, error)
	parallel bool
}

// service is a protocol and the name of its SRV records.
type service struct {
	proto transport.Proto
	name  string
}

// place is a host that takes requests over a protocol.
type place struct {
	proto transport.Proto
	host  string
	port  int
}

// run is the whole procedure.
func (w *walk) run() ([]transport.Target, error) {
	q := w.query
	proto := q.Proto
	if proto == "" {
		proto = transport.UDP
		if q.Secure {
			proto = tls
		}
	}
	if a, ok := q.Numeric(); ok {
		return w.numeric(proto, a)
	}
	switch {
	case q.Proto != "" && !w.can(q.Proto):
		return nil, ErrUnreachable
	case q.Port != 0 && !w.can(proto):
		return nil, ErrUnreachable
	case q.Port != 0:
		return w.targets([]place{{proto, q.Host, q.Port}})
	}
	var services []service
	if q.Proto != "" {
		services = []service{{q.Proto, srvName(q.Proto, q.Host)}}
	} else {
		var err error
		if services, err = w.services(); err != nil {
			return nil, err
		}
	}
	places, known, err := w.places(services)
	switch {
	case errors.Is(err, errUnknown), err != nil && len(places) == 0:
		return nil, err
	case len(places) > 0:
		return w.targets(places)
	case known: // there are SRV records, but none for us
		return nil, ErrNoTarget
	case !w.can(proto):
		return nil, ErrUnreachable
	}
	return w.targets([]place{{proto, q.Host, defaultPort(proto)}})
}

// numeric is the target of a URI that names an address.
func (w *walk) numeric(proto transport.Proto, a netip.Addr) ([]transport.Target, error) {
	if !usable(a) || !w.reaches(proto, a) {
		return nil, ErrUnreachable
	}
	port := cmp.Or(w.query.Port, defaultPort(proto))
	return []transport.Target{w.target(proto, netip.AddrPortFrom(a, uint16(port)))}, nil
}

func (w *walk) target(proto transport.Proto, at netip.AddrPort) transport.Target {
	return transport.Target{Proto: proto, Addr: at, Name: w.query.Host}
}

// usable: a request to such an address goes to one host.
func usable(a netip.Addr) bool {
	return a.IsValid() && !a.IsUnspecified() && !a.IsMulticast() && !(a.Is6() && a.IsLinkLocalUnicast()) && a != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

func defaultPort(p transport.Proto) int {
	if p == tls {
		return 5061
	}
	return 5060
}

// can reports whether we have listeners for a protocol that the DNS can lead to. WebSocket is none: those who
// speak it connect to us.
func (w *walk) can(p transport.Proto) bool {
	return slices.ContainsFunc(w.r.cfg.Ways, func(way Way) bool { return way.Proto == p && srvPrefix(p) != "" })
}

func (w *walk) reaches(p transport.Proto, a netip.Addr) bool {
	return w.can(p) && slices.ContainsFunc(w.r.cfg.Ways, func(way Way) bool {
		return way.Proto == p && (way.V4 && a.Is4() || way.V6 && a.Is6())
	})
}

func srvPrefix(p transport.Proto) string {
	switch p {
	case transport.UDP:
		return "_sip._udp."
	case transport.TCP:
		return "_sip._tcp."
	case tls:
		return "_sips._tcp."
	}
	return ""
}

func srvName(p transport.Proto, host string) string { return srvPrefix(p) + host }

// protoOf is the protocol of a NAPTR service (RFC 3263 section 4.1), "" for one that is none of ours.
func protoOf(service string, secure bool) transport.Proto {
	switch {
	case strings.EqualFold(service, "SIPS+D2T"):
		return tls
	case secure:
		return ""
	case strings.EqualFold(service, "SIP+D2U"):
		return transport.UDP
	case strings.EqualFold(service, "SIP+D2T"):
		return transport.TCP
	}
	return ""
}

// services are the protocols in the order that the domain wishes, by its NAPTR records, else in ours.
func (w *walk) services() ([]service, error) {
	q := w.query
	a, err := w.ask(q.Host, dns.TypeNAPTR)
	if errors.Is(err, errUnknown) {
		return nil, err
	}
	// Servers that know no NAPTR may fail in any way; that must not make a domain unreachable.
	var found []service
	for _, n := range a.naptr {
		if p := protoOf(n.service, q.Secure); p != "" && w.can(p) && len(found) < maxServices {
			found = append(found, service{p, n.replacement})
		}
	}
	if len(a.naptr) > 0 && len(found) == 0 {
		return nil, ErrNoTarget
	}
	if len(found) > 0 {
		return found, nil
	}
	for _, way := range w.r.cfg.Ways {
		if w.can(way.Proto) && (!q.Secure || way.Proto == tls) {
			s := service{way.Proto, srvName(way.Proto, q.Host)}
			if !slices.Contains(found, s) {
				found = append(found, s)
			}
		}
	}
	if len(found) == 0 {
		return nil, ErrUnreachable
	}
	return found, nil
}

// places are the hosts of all services in the order in which they are to be tried. known says that there are
// SRV records at all; err tells of a question that stayed without answer.
func (w *walk) places(services []service) (list []place, known bool, err error) {
	answers := make([]answer, len(services))
	errs := make([]error, len(services))
	w.each(len(services), func(i int) { answers[i], errs[i] = w.ask(services[i].name, dns.TypeSRV) })
	for i, s := range services {
		if errs[i] != nil {
			if err = errs[i]; errors.Is(err, errUnknown) {
				return nil, false, err
			}
			continue
		}
		known = known || len(answers[i].srv) > 0
		for _, r := range w.r.shuffle(answers[i].srv) {
			if r.host == "" { // "decidedly not available", RFC 2782
				continue
			}
			if p := (place{s.proto, r.host, int(r.port)}); len(list) < maxPlaces && !slices.Contains(list, p) {
				list = append(list, p)
			}
		}
	}
	return list, known, err
}

// targets finds the addresses of the places. Both families are asked for where both can be reached, and
// taken in turn, IPv6 first (RFC 7984): when one of them does not work, the next attempt is over the other.
func (w *walk) targets(places []place) ([]transport.Target, error) {
	type question struct {
		host string
		kind uint16
	}
	var asked []question
	for _, p := range places {
		if _, err := netip.ParseAddr(p.host); err == nil {
			continue
		}
		for _, way := range w.r.cfg.Ways {
			if way.Proto != p.proto {
				continue
			}
			if q := (question{p.host, dns.TypeAAAA}); way.V6 && !slices.Contains(asked, q) {
				asked = append(asked, q)
			}
			if q := (question{p.host, dns.TypeA}); way.V4 && !slices.Contains(asked, q) {
				asked = append(asked, q)
			}
		}
	}
	answers, errs := make([]answer, len(asked)), make([]error, len(asked))
	w.each(len(asked), func(i int) { answers[i], errs[i] = w.ask(asked[i].host, asked[i].kind) })
	var failed error
	for _, err := range errs {
		if errors.Is(err, errUnknown) {
			return nil, err
		}
		if err != nil {
			failed = err
		}
	}
	var out []transport.Target
	for _, p := range places {
		var v6, v4 []netip.Addr
		for i, q := range asked {
			switch {
			case q.host != p.host:
			case q.kind == dns.TypeAAAA:
				v6 = answers[i].addrs
			default:
				v4 = answers[i].addrs
			}
		}
		for _, a := range inTurn(v6, v4) {
			t := w.target(p.proto, netip.AddrPortFrom(a, uint16(p.port)))
			if len(out) < maxTargets && usable(a) && w.reaches(p.proto, a) && !slices.Contains(out, t) {
				out = append(out, t)
			}
		}
	}
	if len(out) == 0 {
		if failed == nil {
			failed = ErrNoTarget
		}
		return nil, failed
	}
	return out, nil
}

// inTurn takes from both lists alternately.
func inTurn(a, b []netip.Addr) []netip.Addr {
	out := make([]netip.Addr, 0, len(a)+len(b))
	for i := range max(len(a), len(b)) {
		if i < len(a) {
			out = append(out, a[i])
		}
		if i < len(b) {
			out = append(out, b[i])
		}
	}
	return out
}

// each calls fn for 0 to n-1, several at once when servers are to be waited for.
func (w *walk) each(n int, fn func(i int)) {
	if !w.parallel || n < 2 {
		for i := range n {
			fn(i)
		}
		return
	}
	var wg sync.WaitGroup
	places := make(chan struct{}, maxAtOnce)
	for i := range n {
		places <- struct{}{}
		wg.Go(w.r.cfg.Faults.Guard(faultPlace, func() {
			defer func() { <-places }()
			fn(i)
		}))
	}
	wg.Wait()
}
