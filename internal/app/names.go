package app

import (
	"slices"

	"github.com/koppelfeld/koppelfeld/sip/resolve"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// openResolver sets up the search for hosts, for the protocols and address families that we listen on.
func (a *App) openResolver() error {
	var err error
	a.resolver, err = resolve.New(resolve.Config{Ways: ways(a.stack.Addrs()), Servers: a.cfg.DNS.Servers, Log: a.log.With("part", "dns"), Faults: a.faults})
	return err
}

// ways are the protocols by which we can reach others, UDP first and TLS last.
func ways(listeners []transport.Bound) []resolve.Way {
	var out []resolve.Way
	for _, proto := range []transport.Proto{transport.UDP, transport.TCP, transport.TLS} {
		w := resolve.Way{Proto: proto}
		for _, l := range listeners {
			if l.Proto == proto {
				w.V4 = w.V4 || l.Addr.Addr().Unmap().Is4()
				w.V6 = w.V6 || !l.Addr.Addr().Unmap().Is4()
			}
		}
		if w.V4 || w.V6 {
			out = append(out, w)
		}
	}
	return slices.Clip(out)
}

func (a *App) nameReadings() readings {
	stat := func(get func(resolve.Stats) uint64) func() float64 {
		return func() float64 { return float64(get(a.resolver.Stats())) }
	}
	return readings{
		counter("koppelfeld_dns_lookups_total", "Searches for where a SIP URI leads.", stat(func(s resolve.Stats) uint64 { return s.Lookups })),
		counter("koppelfeld_dns_lookups_failed_total", "Searches that asked the DNS and found no target.", stat(func(s resolve.Stats) uint64 { return s.Failed })),
		counter("koppelfeld_dns_lookups_refused_total", "Searches refused because too many were under way.", stat(func(s resolve.Stats) uint64 { return s.Refused })),
		counter("koppelfeld_dns_questions_total", "Questions sent to DNS servers.", stat(func(s resolve.Stats) uint64 { return s.Questions })),
		counter("koppelfeld_dns_timeouts_total", "Questions that a DNS server did not answer.", stat(func(s resolve.Stats) uint64 { return s.Timeouts })),
		counter("koppelfeld_dns_malformed_total", "Answers of DNS servers that made no sense or belonged to no question.", stat(func(s resolve.Stats) uint64 { return s.Malformed })),
		gauge("koppelfeld_dns_cache_entries", "Questions whose answer is kept.", func() float64 { return float64(a.resolver.Stats().Entries) }),
		gauge("koppelfeld_sip_dead_targets", "Targets that did not answer lately and are tried last.", func() float64 { return float64(a.resolver.Stats().Dead) }),
	}
}
