package message

import (
	"errors"
	"strconv"
	"strings"
)

// ErrURI is returned for text that is no URI.
var ErrURI = errors.New("malformed URI")

// URI is a parsed SIP, SIPS or tel URI. The number of a tel URI is User. Of any other
// scheme the part after the colon is User, unexamined.
type URI struct {
	Scheme   string // lower case
	User     string // as written (escaped)
	Password string
	Host     string // without brackets for IPv6
	Port     int    // 0 when absent
	Params   string
	Headers  string
}

// ParseURI reads a URI. The first "@" ends the user part, which may hold ";" and "?".
func ParseURI(s string) (URI, error) {
	if !validURI(s) {
		return URI{}, ErrURI
	}
	colon := strings.IndexByte(s, ':')
	u := URI{Scheme: lowerScheme(s[:colon])}
	rest := s[colon+1:]
	switch u.Scheme {
	case "sip", "sips":
		if !u.parseSIP(rest) {
			return URI{}, ErrURI
		}
	case "tel":
		u.User, u.Params, _ = strings.Cut(rest, ";")
		if u.User == "" {
			return URI{}, ErrURI
		}
	default:
		u.User = rest
	}
	return u, nil
}

func (u *URI) parseSIP(s string) bool {
	if at := strings.IndexByte(s, '@'); at >= 0 {
		u.User = s[:at]
		s = s[at+1:]
		if c := strings.IndexByte(u.User, ':'); c >= 0 {
			u.User, u.Password = u.User[:c], u.User[c+1:]
		}
		if u.User == "" {
			return false
		}
	}
	end := len(s)
	for i := 0; i < len(s); i++ {
		if s[i] == ';' || s[i] == '?' {
			end = i
			break
		}
	}
	var ok bool
	if u.Host, u.Port, ok = splitHostPort(s[:end]); !ok {
		return false
	}
	if s = s[end:]; s == "" {
		return true
	}
	if q := strings.IndexByte(s, '?'); q >= 0 {
		s, u.Headers = s[:q], s[q+1:]
	}
	if s != "" {
		u.Params = s[1:]
	}
	return true
}

// splitHostPort reads host [":" port]. IPv6 comes without brackets. White space may
// stand around the colon, as in Via.
func splitHostPort(s string) (host string, port int, ok bool) {
	rest := ""
	if s != "" && s[0] == '[' {
		end := strings.IndexByte(s, ']')
		if end < 0 {
			return "", 0, false
		}
		host, rest = s[1:end], trim(s[end+1:])
		if !isIPv6(host) {
			return "", 0, false
		}
	} else {
		host = s
		if c := strings.IndexByte(s, ':'); c >= 0 {
			host, rest = trim(s[:c]), s[c:]
		}
		if !isClass(host, classHost) {
			return "", 0, false
		}
	}
	if rest == "" {
		return host, 0, true
	}
	if rest[0] != ':' {
		return "", 0, false
	}
	n, ok := number(trim(rest[1:]), 65535)
	return host, int(n), ok && n > 0
}

func isIPv6(s string) bool {
	colons := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == ':':
			colons++
		case c >= '0' && c <= '9', c|0x20 >= 'a' && c|0x20 <= 'f', c == '.':
		default:
			return false
		}
	}
	return colons >= 2 && len(s) <= 45
}

// number reads digits only, up to limit.
func number(s string, limit uint64) (uint64, bool) {
	if s == "" {
		return 0, false
	}
	var n uint64
	for i := 0; i < len(s); i++ {
		c := s[i] - '0'
		if c > 9 {
			return 0, false
		}
		if n = n*10 + uint64(c); n > limit {
			return 0, false
		}
	}
	return n, true
}

// validURI checks what holds for URIs of every scheme.
func validURI(s string) bool {
	colon := strings.IndexByte(s, ':')
	if colon < 1 || colon == len(s)-1 || s[0]|0x20 < 'a' || s[0]|0x20 > 'z' {
		return false
	}
	for i := 1; i < colon; i++ {
		switch c := s[i]; {
		case c >= '0' && c <= '9', c|0x20 >= 'a' && c|0x20 <= 'z', c == '+', c == '-', c == '.':
		default:
			return false
		}
	}
	return isClass(s[colon+1:], classURI)
}

// Secure reports whether a URI is a sips URI, which asks for TLS on every hop (RFC 3261 section 26.2.2).
func Secure(uri string) bool { return len(uri) > 5 && equalFold(uri[:5], "sips:") }

func lowerScheme(s string) string {
	switch {
	case s == "sip" || equalFold(s, "sip"):
		return "sip"
	case equalFold(s, "sips"):
		return "sips"
	case equalFold(s, "tel"):
		return "tel"
	}
	return strings.ToLower(s)
}

// Param finds a URI parameter by name.
func (u URI) Param(name string) (value string, ok bool) { return Param(u.Params, name) }

// String writes the URI.
func (u URI) String() string {
	b := make([]byte, 0, len(u.Scheme)+len(u.User)+len(u.Password)+len(u.Host)+len(u.Params)+len(u.Headers)+16)
	b = append(b, u.Scheme...)
	b = append(b, ':')
	b = append(b, u.User...)
	if u.Password != "" {
		b = append(b, ':')
		b = append(b, u.Password...)
	}
	if u.Host != "" {
		if u.User != "" {
			b = append(b, '@')
		}
		b = appendHost(b, u.Host)
		if u.Port != 0 {
			b = append(b, ':')
			b = strconv.AppendInt(b, int64(u.Port), 10)
		}
	}
	if u.Params != "" {
		b = append(b, ';')
		b = append(b, u.Params...)
	}
	if u.Headers != "" {
		b = append(b, '?')
		b = append(b, u.Headers...)
	}
	return string(b)
}

func appendHost(b []byte, host string) []byte {
	if strings.IndexByte(host, ':') < 0 {
		return append(b, host...)
	}
	b = append(b, '[')
	b = append(b, host...)
	return append(b, ']')
}

// maxCompared bounds the parameters and headers that Equal compares one by one.
const maxCompared = 32

// Equal compares by RFC 3261 section 19.1.4: the user part is case-sensitive, an absent
// port is not 5060, parameters that both have must match, and user, ttl, method, maddr and
// transport must be in both or in neither. URIs of other schemes match as text.
func (u URI) Equal(v URI) bool {
	if u.Scheme != v.Scheme {
		return false
	}
	if u.Scheme != "sip" && u.Scheme != "sips" {
		return u == v
	}
	if u.Port != v.Port || !equalFold(u.Host, v.Host) ||
		!equalEscaped(u.User, v.User, false) || !equalEscaped(u.Password, v.Password, false) {
		return false
	}
	if u.Params != v.Params && !(equalParams(u.Params, v.Params) && equalParams(v.Params, u.Params)) {
		return false
	}
	return u.Headers == v.Headers || equalHeaders(u.Headers, v.Headers)
}

// equalParams checks the parameters of a against those of b.
func equalParams(a, b string) bool {
	if strings.Count(a, ";") > maxCompared || strings.Count(b, ";") > maxCompared {
		return false
	}
	for a != "" {
		var name, value string
		name, value, a = nextParam(a)
		other, ok := Param(b, name)
		switch {
		case ok:
			if !equalEscaped(unquote(value), other, true) {
				return false
			}
		case equalFold(name, "user"), equalFold(name, "ttl"), equalFold(name, "method"),
			equalFold(name, "maddr"), equalFold(name, "transport"):
			return false
		}
	}
	return true
}

// equalHeaders compares the header parts of two URIs regardless of order.
func equalHeaders(a, b string) bool {
	as, bs := strings.Split(a, "&"), strings.Split(b, "&")
	if len(as) != len(bs) || len(as) > maxCompared {
		return false
	}
outer:
	for _, x := range as {
		for i, y := range bs {
			xn, xv, _ := strings.Cut(x, "=")
			yn, yv, _ := strings.Cut(y, "=")
			if equalEscaped(xn, yn, true) && equalEscaped(xv, yv, false) {
				bs[i] = bs[len(bs)-1]
				bs = bs[:len(bs)-1]
				continue outer
			}
		}
		return false
	}
	return true
}

// equalEscaped compares with %HH resolved, except where it stands for a reserved character.
func equalEscaped(a, b string, fold bool) bool {
	for a != "" && b != "" {
		ca, ea, na := unescapeByte(a)
		cb, eb, nb := unescapeByte(b)
		if fold {
			ca, cb = lower(ca), lower(cb)
		}
		if ca != cb || ea != eb && strings.IndexByte(";/?:@&=+$,", ca) >= 0 {
			return false
		}
		a, b = a[na:], b[nb:]
	}
	return a == b
}

func unescapeByte(s string) (c byte, escaped bool, n int) {
	if s[0] == '%' && len(s) > 2 {
		hi, lo := unhex(s[1]), unhex(s[2])
		if hi < 16 && lo < 16 {
			return hi<<4 | lo, true, 3
		}
	}
	return s[0], false, 1
}

func unhex(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 255
}

// Unescape resolves %HH. Malformed escapes stay as they are.
func Unescape(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for s != "" {
		c, _, n := unescapeByte(s)
		b = append(b, c)
		s = s[n:]
	}
	return string(b)
}

// EscapeUser writes s as the user part of a SIP URI (RFC 3261 section 25.1, user).
func EscapeUser(s string) string {
	if s == "" || isClass(s, classUser) {
		return s
	}
	const hex = "0123456789ABCDEF"
	b := make([]byte, 0, len(s)+8)
	for i := 0; i < len(s); i++ {
		if c := s[i]; class[c]&classUser != 0 {
			b = append(b, c)
		} else {
			b = append(b, '%', hex[c>>4], hex[c&15])
		}
	}
	return string(b)
}
