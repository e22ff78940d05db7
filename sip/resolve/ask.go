package resolve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/miekg/dns"
)

// errUnknown: the cache does not know, a server has to be asked.
var errUnknown = errors.New("resolve: not in the cache")

// udpSize is the largest datagram we take, one that needs no fragments.
const udpSize = 1232

// maxStray bounds the datagrams that do not belong to our question and are passed over while we wait.
const maxStray = 64

// remembered answers a question from the cache alone.
func (r *Resolver) remembered(name string, kind uint16) (answer, error) {
	for range maxAliases + 1 {
		a, err, ok := r.cache.get(question{name, kind}, r.cfg.Now())
		if !ok {
			return answer{}, errUnknown
		}
		if err != nil || a.alias == "" {
			r.count.hits.Add(1)
			return a, err
		}
		name = a.alias
	}
	return answer{}, errAlias
}

// fetch answers a question from the cache or a server, and follows aliases.
func (r *Resolver) fetch(ctx context.Context, name string, kind uint16) (a answer, err error) {
	defer func() {
		if v := recover(); v != nil {
			r.count.faults.Add(1)
			r.cfg.Faults.Note(faultPlace, v, "name", name)
			a, err = answer{}, fmt.Errorf("resolve: fault in reading the answer about %s: %v", name, v)
		}
	}()
	for range maxAliases + 1 {
		q := question{name, kind}
		var ok bool
		if a, err, ok = r.cache.get(q, r.cfg.Now()); !ok {
			a, err = r.query(ctx, q)
		}
		if err != nil || a.alias == "" {
			return a, err
		}
		name = a.alias
	}
	return answer{}, errAlias
}

// query asks the servers, each twice, and keeps what comes of it.
func (r *Resolver) query(ctx context.Context, q question) (answer, error) {
	var last error
	for round := range 2 {
		for _, at := range r.servers.list(r.cfg.Now()) {
			if ctx.Err() != nil {
				break
			}
			a, err := r.askServer(ctx, at, q, r.cfg.Timeout<<round)
			if err == nil {
				r.servers.good(at)
				r.cache.put(q, a, nil, r.cfg.Now())
				return a, nil
			}
			r.servers.bad(at, r.cfg.Now())
			last = err
		}
	}
	if a, ok := r.cache.stale(q, r.cfg.Now()); ok {
		return a, nil
	}
	err := ErrServers
	if last != nil {
		err = fmt.Errorf("%w: %w", ErrServers, last)
	}
	if ctx.Err() == nil || errors.Is(ctx.Err(), context.DeadlineExceeded) {
		r.cache.put(q, answer{}, err, r.cfg.Now())
	}
	return answer{}, err
}

// askServer puts a question to a server, over TCP when the answer does not fit a datagram.
func (r *Resolver) askServer(ctx context.Context, at netip.AddrPort, q question, timeout time.Duration) (answer, error) {
	name := dns.Fqdn(q.name)
	m := new(dns.Msg)
	m.SetQuestion(name, q.kind) // with a random ID
	m.SetEdns0(udpSize, false)
	res, err := r.exchange(ctx, "udp", at, m, timeout)
	if err == nil && res.Rcode == dns.RcodeFormatError { // an old server that knows no EDNS
		m.Extra = nil
		m.Id = dns.Id()
		res, err = r.exchange(ctx, "udp", at, m, timeout)
	}
	if err == nil && res.Truncated {
		r.count.tcps.Add(1)
		m.Id = dns.Id()
		res, err = r.exchange(ctx, "tcp", at, m, timeout)
	}
	if err != nil {
		return answer{}, err
	}
	if res.Rcode != dns.RcodeSuccess && res.Rcode != dns.RcodeNameError {
		return answer{}, fmt.Errorf("server %s says %s", at, dns.RcodeToString[res.Rcode])
	}
	a, err := read(res, name, q.kind)
	if err != nil {
		r.count.malformed.Add(1)
	}
	return a, err
}

// exchange sends a question from a fresh socket (its port is random) and waits for the answer. What does not belong to
// the question is passed over.
func (r *Resolver) exchange(ctx context.Context, network string, at netip.AddrPort, m *dns.Msg, timeout time.Duration) (*dns.Msg, error) {
	r.count.questions.Add(1)
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	c, err := new(net.Dialer).DialContext(ctx, network, at.String())
	if err != nil {
		return nil, err
	}
	defer c.Close()
	deadline, _ := ctx.Deadline()
	if err := c.SetDeadline(deadline); err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, r.cfg.Faults.Guard(faultPlace, func() { _ = c.SetDeadline(time.Unix(1, 0)) })) // the daemon stops
	defer stop()
	conn := &dns.Conn{Conn: c, UDPSize: udpSize}
	if err := conn.WriteMsg(m); err != nil {
		return nil, err
	}
	for range maxStray {
		b, err := conn.ReadMsgHeader(nil)
		if errors.Is(err, dns.ErrShortRead) && network == "udp" {
			r.count.malformed.Add(1)
			continue
		}
		if err != nil {
			r.count.timeouts.Add(1)
			return nil, err
		}
		res := new(dns.Msg)
		err = res.Unpack(b)
		switch {
		case err == nil && res.Id == m.Id && (matches(res, m.Question[0].Name, m.Question[0].Qtype) || res.Response && res.Rcode == dns.RcodeFormatError && len(res.Question) == 0):
			return res, nil
		case res.Id == m.Id && res.Truncated && res.Response && network == "udp": // cut within a record
			return res, nil
		}
		r.count.malformed.Add(1)
		if network != "udp" {
			return nil, errForeign
		}
	}
	return nil, errForeign
}
