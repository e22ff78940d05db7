package auth

import (
	"encoding/hex"
	"strings"
)

// credentials are the parameters of Authorization, or of a challenge; all are views into
// the message except those with quoted pairs.
type credentials struct {
	username, realm, nonce, uri, response string
	algorithm, cnonce, nc, qop            string
	opaque, stale                         string
}

// maxParam bounds each parameter in bytes.
const maxParam = 1024

// cutScheme returns what follows "Digest".
func cutScheme(s string) (rest string, ok bool) {
	const scheme = "Digest"
	if len(s) <= len(scheme) || !strings.EqualFold(s[:len(scheme)], scheme) ||
		s[len(scheme)] != ' ' && s[len(scheme)] != '\t' {
		return "", false
	}
	return s[len(scheme):], true
}

// field is where a parameter belongs, nil when nobody reads it.
func (c *credentials) field(name string) *string {
	for _, f := range [...]struct {
		name string
		at   *string
	}{
		{"username", &c.username},
		{"realm", &c.realm},
		{"nonce", &c.nonce},
		{"uri", &c.uri},
		{"response", &c.response},
		{"algorithm", &c.algorithm},
		{"cnonce", &c.cnonce},
		{"nc", &c.nc},
		{"qop", &c.qop},
		{"opaque", &c.opaque},
		{"stale", &c.stale},
	} {
		if len(name) == len(f.name) && strings.EqualFold(name, f.name) {
			return f.at
		}
	}
	return nil
}

// parse reads name=value pairs separated by commas. A parameter that comes twice, an
// unclosed quote or an oversized value is a fault.
func (c *credentials) parse(s string) bool {
	*c = credentials{}
	for {
		s = strings.TrimLeft(s, " \t,")
		if s == "" {
			return true
		}
		eq := strings.IndexByte(s, '=')
		if eq <= 0 {
			return false
		}
		name := strings.TrimRight(s[:eq], " \t")
		if strings.ContainsAny(name, " \t,\"") {
			return false
		}
		value, rest, ok := cutValue(strings.TrimLeft(s[eq+1:], " \t"))
		if !ok || len(value) > maxParam {
			return false
		}
		if at := c.field(name); at != nil {
			if *at != "" {
				return false
			}
			*at = value
		}
		s = rest
	}
}

// cutValue reads a token or quoted-string and the comma behind it.
func cutValue(s string) (value, rest string, ok bool) {
	if s == "" || s[0] != '"' {
		value, rest, _ = strings.Cut(s, ",")
		value = strings.TrimRight(value, " \t")
		return value, rest, !strings.ContainsAny(value, " \t\"")
	}
	escaped := false
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			escaped = true
			i++
		case '"':
			value, rest = s[1:i], strings.TrimLeft(s[i+1:], " \t")
			if escaped {
				value = unescape(value)
			}
			if rest != "" && rest[0] != ',' {
				return "", "", false
			}
			return value, rest, true
		}
	}
	return "", "", false
}

func unescape(s string) string {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b = append(b, s[i])
	}
	return string(b)
}

// parseNC reads the nonce count: eight hexadecimal digits, not zero.
func parseNC(s string) (uint32, bool) {
	var b [4]byte
	if len(s) != 8 || !decodeHex(b[:], s) {
		return 0, false
	}
	n := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	return n, n != 0
}

// decodeHex fills dst with exactly its length.
func decodeHex(dst []byte, s string) bool {
	if len(s) != hex.EncodedLen(len(dst)) {
		return false
	}
	for i := range dst {
		hi, lo := unhex(s[2*i]), unhex(s[2*i+1])
		if hi > 15 || lo > 15 {
			return false
		}
		dst[i] = hi<<4 | lo
	}
	return true
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
