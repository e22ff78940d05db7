package registrar

import (
	"strconv"
	"strings"

	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// wish is one Contact of a request, with views into it.
type wish struct {
	uri             string
	expires         int // seconds; 0 removes
	q               float32
	instance, regID string
	flow            bool // one of several of its device (RFC 5626)
}

// wishes reads the Contacts (RFC 3261 section 10.3 step 7).
func (r *Registrar) wishes(dst []wish, req *message.Message) ([]wish, refusal) {
	header, hasHeader := req.Expires()
	for v := range req.Values(message.HContact) {
		if len(dst) == r.cfg.MaxContacts {
			return nil, refusal{403, "Too Many Contacts"}
		}
		a, err := message.ParseAddr(v)
		if err != nil || len(a.URI) > maxContactURI || !isSIP(a.URI) {
			return nil, refusal{400, "Unusable Contact"}
		}
		w := wish{uri: a.URI, q: 1, expires: r.cfg.DefaultExpires}
		if hasHeader {
			w.expires = header
		}
		if a.Params != "" {
			if e, ok := a.Param("expires"); ok {
				w.expires = message.ParseSeconds(e)
			}
			if q, ok := a.Param("q"); ok {
				w.q = parseQ(q)
			}
			w.instance, _ = a.Param("+sip.instance")
			w.regID, _ = a.Param("reg-id")
		}
		if len(w.instance) > maxInstance || strings.ContainsAny(w.instance, "\"\\\r\n\t ") {
			return nil, refusal{400, "Unusable +sip.instance"}
		}
		if !validRegID(w.regID) {
			return nil, refusal{400, "Unusable reg-id"}
		}
		if w.expires > 0 && w.expires < r.cfg.MinExpires {
			return nil, refusal{423, ""}
		}
		w.expires = min(w.expires, r.cfg.MaxExpires)
		dst = append(dst, w)
	}
	return dst, refusal{}
}

func isSIP(uri string) bool {
	return len(uri) > 4 && strings.EqualFold(uri[:4], "sip:") || len(uri) > 5 && strings.EqualFold(uri[:5], "sips:")
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// parseQ reads a qvalue; nonsense counts as 1.
func parseQ(s string) float32 {
	q, err := strconv.ParseFloat(s, 32)
	if err != nil || !(q >= 0 && q <= 1) {
		return 1
	}
	return float32(q)
}

// secured refuses a binding to a sips Contact that is not secure all the way: Request-URI, Contacts and Path have to be sips,
// too (RFC 5630 section 5.2), and the phone has to be reached over TLS here.
func secured(req *message.Message, wishes []wish, hops []string, flow *transport.Flow) refusal {
	some, all := false, message.Secure(req.URI()) && flow.Secure()
	for i := range wishes {
		if wishes[i].expires > 0 {
			secure := message.Secure(wishes[i].uri)
			some, all = some || secure, all && secure
		}
	}
	if !some {
		return refusal{}
	}
	for _, h := range hops {
		a, err := message.ParseAddr(h)
		all = all && err == nil && message.Secure(a.URI)
	}
	if !all {
		return refusal{400, "SIPS Contact Needs SIPS and TLS Throughout"}
	}
	return refusal{}
}

// path reads Path (RFC 3327).
func path(req *message.Message) ([]string, refusal) {
	var hops []string
	size := 0
	for v := range req.Values(message.HPath) {
		if size += len(v); size > maxPath || len(hops) == maxPathHops {
			return nil, refusal{400, "Path Too Long"}
		}
		if a, err := message.ParseAddr(v); err != nil || !isSIP(a.URI) {
			return nil, refusal{400, "Malformed Path"}
		}
		hops = append(hops, strings.Clone(v))
	}
	return hops, refusal{}
}
