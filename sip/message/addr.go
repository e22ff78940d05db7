package message

import (
	"errors"
	"strings"
)

// ErrAddr is returned for text that is no name-addr and no addr-spec.
var ErrAddr = errors.New("malformed address")

// Addr is a name-addr or addr-spec with header parameters (RFC 3261 section 20.10).
type Addr struct {
	Display string // without quotes, quoted pairs resolved
	URI     string // as written, without angle brackets
	Params  string // header parameters after the address, without the first ";"
}

// ParseAddr reads one name-addr. A URI that holds "?" or "," must stand in angle
// brackets; parameters after a bare URI are header parameters.
func ParseAddr(s string) (Addr, error) {
	display, uri, params, ok := splitAddr(trim(s))
	if !ok {
		return Addr{}, ErrAddr
	}
	return Addr{Display: unquote(display), URI: uri, Params: params}, nil
}

// Tag is the parameter "tag", "" if absent.
func (a Addr) Tag() string {
	v, _ := Param(a.Params, "tag")
	return v
}

// Param finds a header parameter by name.
func (a Addr) Param(name string) (value string, ok bool) { return Param(a.Params, name) }

// FormatAddr writes a name-addr: the display name quoted and escaped (left out when
// empty), the URI in angle brackets. Control characters in display become blanks.
func FormatAddr(display, uri string) string {
	var b strings.Builder
	b.Grow(len(display) + len(uri) + 8)
	if display != "" {
		b.WriteString(Quote(display))
		b.WriteByte(' ')
	}
	b.WriteByte('<')
	b.WriteString(uri)
	b.WriteByte('>')
	return b.String()
}

// Quote writes s as a quoted-string. Control characters become blanks.
func Quote(s string) string {
	var b strings.Builder
	b.Grow(len(s) + 2)
	b.WriteByte('"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < 0x20 || c == 0x7f:
			b.WriteByte(' ')
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// splitAddr cuts an address into views. display keeps its quotes.
func splitAddr(s string) (display, uri, params string, ok bool) {
	lt := -1
	if s != "" && s[0] == '"' {
		end := quotedEnd(s)
		if end < 0 {
			return "", "", "", false
		}
		display = s[:end]
		for lt = end; lt < len(s) && (s[lt] == ' ' || s[lt] == '\t'); lt++ {
		}
		if lt == len(s) || s[lt] != '<' {
			return "", "", "", false
		}
	} else {
		lt = strings.IndexByte(s, '<')
		if semi := strings.IndexByte(s, ';'); semi >= 0 && semi < lt {
			lt = -1
		}
		if lt > 0 {
			display = trim(s[:lt])
			if strings.ContainsAny(display, "\",;>") {
				return "", "", "", false
			}
		}
	}
	if lt < 0 {
		return splitAddrSpec(s)
	}
	gt := strings.IndexByte(s[lt:], '>')
	if gt < 0 {
		return "", "", "", false
	}
	uri = s[lt+1 : lt+gt]
	rest := trim(s[lt+gt+1:])
	if rest != "" {
		if rest[0] != ';' {
			return "", "", "", false
		}
		params = trim(rest[1:])
	}
	return display, uri, params, validURI(uri) && closedQuotes(params)
}

func splitAddrSpec(s string) (display, uri, params string, ok bool) {
	uri = s
	if semi := strings.IndexByte(s, ';'); semi >= 0 {
		uri, params = trim(s[:semi]), trim(s[semi+1:])
	}
	return "", uri, params, validURI(uri) && closedQuotes(params) && strings.IndexByte(uri, '?') < 0 && strings.IndexByte(uri, ',') < 0
}

// quotedEnd returns the offset after the closing quote of the quoted-string that s
// begins with, -1 when it does not end.
func quotedEnd(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return -1
}

// closedQuotes reports whether every quoted-string in s ends. What is appended to an open
// one would be a part of it.
func closedQuotes(s string) bool {
	for {
		i := strings.IndexByte(s, '"')
		if i < 0 {
			return true
		}
		n := quotedEnd(s[i:])
		if n < 0 {
			return false
		}
		s = s[i+n:]
	}
}

// unquote strips quotes and resolves quoted pairs; other text comes back as it is.
func unquote(s string) string {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return s
	}
	s = s[1 : len(s)-1]
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b = append(b, s[i])
	}
	return string(b)
}

// Param finds a parameter by name, case-insensitively, in a list separated by ";".
// A quoted value comes without quotes. Costs O(length).
func Param(params, name string) (value string, ok bool) {
	for params != "" {
		var n, v string
		n, v, params = nextParam(params)
		if equalFold(n, name) {
			return unquote(v), true
		}
	}
	return "", false
}

// nextParam cuts the first parameter off a list. The value keeps its quotes.
func nextParam(s string) (name, value, rest string) {
	eq, end := -1, len(s)
scan:
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case ';':
			end = i
			break scan
		case '=':
			if eq < 0 {
				eq = i
			}
		case '"':
			n := quotedEnd(s[i:])
			if n < 0 {
				break scan
			}
			i += n - 1
		}
	}
	if end < len(s) {
		rest = s[end+1:]
	}
	if eq < 0 {
		return trim(s[:end]), "", rest
	}
	return trim(s[:eq]), trim(s[eq+1 : end]), rest
}

// nextValue cuts the first element off a comma-separated list. Commas in quotes and
// angle brackets do not split.
func nextValue(s string) (value, rest string) {
	angle := false
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case ',':
			if !angle {
				return trim(s[:i]), s[i+1:]
			}
		case '<':
			angle = true
		case '>':
			angle = false
		case '"':
			if angle {
				continue
			}
			n := quotedEnd(s[i:])
			if n < 0 {
				return trim(s), ""
			}
			i += n - 1
		}
	}
	return trim(s), ""
}
