package resolve

import (
	"net/netip"
	"strings"

	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// tls is the protocol that sips URIs ask for.
const tls = transport.TLS

// Query holds the parts of a URI that say where to send.
type Query struct {
	Secure bool            // the scheme is sips
	Host   string          // lower case, without brackets and final dot: a name or an IP address
	Port   int             // 0 when the URI names none
	Proto  transport.Proto // "" when the URI names none
}

// QueryOf reads the parts from a sip or sips URI (RFC 3263 section 4: maddr, if there is one, stands for the host).
func QueryOf(uri string) (Query, error) {
	u, err := message.ParseURI(uri)
	if err != nil || u.Scheme != "sip" && u.Scheme != "sips" {
		return Query{}, ErrURI
	}
	q := Query{Secure: u.Scheme == "sips", Host: u.Host, Port: u.Port}
	if m, ok := u.Param("maddr"); ok {
		q.Host = strings.Trim(m, "[]")
	}
	if p, ok := u.Param("transport"); ok {
		q.Proto = transport.Proto(strings.ToUpper(p))
	}
	switch {
	case q.Secure && (q.Proto == "" || q.Proto == transport.TCP):
		if q.Proto != "" {
			q.Proto = tls
		}
	case q.Secure && q.Proto != tls:
		return Query{}, ErrUnreachable
	}
	if q.Host, err = hostName(q.Host); err != nil {
		return Query{}, err
	}
	return q, nil
}

// Numeric is the address that the query names, if it names one.
func (q Query) Numeric() (netip.Addr, bool) {
	a, err := netip.ParseAddr(q.Host)
	return a.Unmap(), err == nil
}

// hostName brings a host to the form in which names are compared.
func hostName(s string) (string, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		if a.Zone() != "" {
			return "", ErrName
		}
		return a.String(), nil
	}
	s = strings.TrimSuffix(s, ".")
	if len(s) == 0 || len(s) > 253 {
		return "", ErrName
	}
	label := 0
	for i := range len(s) {
		switch c := s[i]; {
		case c == '.':
			if label == 0 || s[i-1] == '-' {
				return "", ErrName
			}
			label = 0
			continue
		case c >= '0' && c <= '9', c|0x20 >= 'a' && c|0x20 <= 'z', c == '_', c == '-' && label > 0:
		default:
			return "", ErrName
		}
		if label++; label > 63 {
			return "", ErrName
		}
	}
	if label == 0 || s[len(s)-1] == '-' {
		return "", ErrName
	}
	return strings.ToLower(s), nil
}
