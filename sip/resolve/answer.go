package resolve

import (
	"errors"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// Bounds on what one answer can make us keep.
const (
	maxRecords = 32  // of the kind asked for
	maxLooked  = 512 // records looked at
	maxAliases = 8   // CNAME records in a row
)

// errForeign: an answer that does not belong to the question, or makes no sense.
var errForeign = errors.New("resolve: the answer does not belong to the question")

// errAlias: a chain of aliases too long or closed.
var errAlias = errors.New("resolve: too many aliases")

// answer is what the DNS knows about one question. Without records it says that there are none.
type answer struct {
	srv   []srv
	naptr []naptr
	addrs []netip.Addr
	alias string // where the chain of aliases ends without a record: to be asked for next
	ttl   time.Duration
}

func (a *answer) empty() bool { return len(a.srv)+len(a.naptr)+len(a.addrs) == 0 && a.alias == "" }

// matches reports whether m is an answer to a question.
func matches(m *dns.Msg, name string, kind uint16) bool {
	return m.Response && m.Opcode == dns.OpcodeQuery && len(m.Question) == 1 && m.Question[0].Qtype == kind &&
		m.Question[0].Qclass == dns.ClassINET && strings.EqualFold(m.Question[0].Name, name)
}

// read takes from a message what answers a question: the records of its name, or of the name that its aliases lead to.
// Everything else in the message is ignored. name ends with a dot.
func read(m *dns.Msg, name string, kind uint16) (answer, error) {
	if !matches(m, name, kind) {
		return answer{}, errForeign
	}
	looked := m.Answer[:min(len(m.Answer), maxLooked)]
	a := answer{ttl: -1}
	owner := name
	for range maxAliases + 1 {
		a.take(looked, owner, kind)
		if !a.empty() {
			a.sort()
			return a, nil
		}
		next, ok := a.follow(looked, owner)
		if !ok {
			if strings.EqualFold(owner, name) || m.Rcode == dns.RcodeNameError {
				a.negative(m)
				return a, nil
			}
			if host, err := hostName(owner); err == nil {
				a.alias = host
			} else {
				return answer{}, ErrName
			}
			return a, nil
		}
		owner = next
	}
	return answer{}, errAlias
}

// follow is the name that an alias leads to.
func (a *answer) follow(list []dns.RR, owner string) (string, bool) {
	for _, rr := range list {
		if c, ok := rr.(*dns.CNAME); ok && c.Hdr.Class == dns.ClassINET && strings.EqualFold(c.Hdr.Name, owner) {
			a.lives(c.Hdr.Ttl)
			return c.Target, true
		}
	}
	return "", false
}

func (a *answer) lives(seconds uint32) {
	if d := time.Duration(seconds) * time.Second; a.ttl < 0 || d < a.ttl {
		a.ttl = d
	}
}

// take adds the records of a name.
func (a *answer) take(list []dns.RR, owner string, kind uint16) {
	for _, rr := range list {
		h := rr.Header()
		if h.Rrtype != kind || h.Class != dns.ClassINET || !strings.EqualFold(h.Name, owner) {
			continue
		}
		if len(a.srv) >= maxLooked || len(a.naptr) >= maxLooked || len(a.addrs) >= maxRecords {
			return
		}
		switch v := rr.(type) {
		case *dns.A:
			a.addr(v.A)
		case *dns.AAAA:
			a.addr(v.AAAA)
		case *dns.SRV:
			s := srv{priority: v.Priority, weight: v.Weight, port: v.Port}
			if v.Target != "." {
				host, err := hostName(v.Target)
				if err != nil || v.Port == 0 {
					continue
				}
				s.host = host
			}
			a.srv = append(a.srv, s)
		case *dns.NAPTR:
			host, err := hostName(v.Replacement)
			if err != nil || !strings.EqualFold(v.Flags, "s") || v.Regexp != "" {
				continue
			}
			a.naptr = append(a.naptr, naptr{v.Order, v.Preference, v.Service, host})
		default:
			continue
		}
		a.lives(h.Ttl)
	}
}

func (a *answer) addr(ip []byte) {
	if at, ok := netip.AddrFromSlice(ip); ok {
		a.addrs = append(a.addrs, at.Unmap())
	}
}

// sort orders the records and keeps the first of them.
func (a *answer) sort() {
	sortSRV(a.srv)
	sortNAPTR(a.naptr)
	a.srv, a.naptr = a.srv[:min(len(a.srv), maxRecords)], a.naptr[:min(len(a.naptr), maxRecords)]
}

// negative takes from the SOA how long the absence of records holds (RFC 2308 section 5).
func (a *answer) negative(m *dns.Msg) {
	for _, rr := range m.Ns[:min(len(m.Ns), maxLooked)] {
		if soa, ok := rr.(*dns.SOA); ok {
			a.lives(min(soa.Hdr.Ttl, soa.Minttl))
			return
		}
	}
}
