package sdp

import (
	"encoding/base64"
	"encoding/hex"
	"iter"
	"strconv"
	"strings"
)

// Kind says how the media of a section is protected.
type Kind uint8

// Kinds.
const (
	Plain    Kind = iota // not at all, or not RTP
	SDES                 // SRTP with keys in a=crypto (RFC 4568)
	DTLS                 // SRTP with keys from a handshake on the media path (RFC 5764)
	Unusable             // in a way that we cannot: no key, or no fingerprint, that we can use
)

// String is the kind as it stands in logs.
func (k Kind) String() string { return [...]string{"plain", "sdes", "dtls", "unusable"}[k&3] }

// Attributes that a section or the session has, by name.
type attrs uint8

const (
	hasCrypto attrs = 1 << iota
	hasFingerprint
	hasSetup
	hasICE
	hasMux
)

// noted says which attribute of the transport a name is.
func noted(name string) attrs {
	switch name {
	case "crypto":
		return hasCrypto
	case "fingerprint":
		return hasFingerprint
	case "setup":
		return hasSetup
	case "ice-ufrag", "ice-pwd":
		return hasICE
	case "rtcp-mux":
		return hasMux
	}
	return 0
}

// Kind says how the section is protected. Keys in a section of plain RTP count too: many
// phones offer "secure if you can" like that.
func (m *Media) Kind() Kind {
	if !m.IsRTP() {
		return Plain
	}
	crypto := false
	if m.has&hasCrypto != 0 {
		for range m.Cryptos() {
			crypto = true
			break
		}
	}
	_, print := m.Fingerprint()
	tls := strings.HasPrefix(m.Proto, "UDP/TLS/")
	switch {
	case !strings.Contains(m.Proto, "/SAVP"):
		if crypto {
			return SDES
		}
		return Plain
	case crypto && !tls:
		return SDES
	case print:
		return DTLS
	}
	return Unusable
}

// HasFeedback reports whether a protocol has the feedback of RFC 4585 (AVPF, SAVPF).
func HasFeedback(proto string) bool { return strings.HasSuffix(proto, "AVPF") }

// Crypto is one a=crypto line (RFC 4568 section 9.1).
type Crypto struct {
	Tag   int
	Suite string
	Key   []byte // master key and salt behind one another
}

// Cryptos yields the keys of a section in order of preference. Lines that we cannot honour
// are passed over: with an MKI, with several keys, or with session parameters that change
// how media is protected.
func (m *Media) Cryptos() iter.Seq[Crypto] {
	return func(yield func(Crypto) bool) {
		for v := range m.Attrs("crypto") {
			if c, ok := parseCrypto(v); ok && !yield(c) {
				return
			}
		}
	}
}

// parseCrypto reads "1 AES_CM_128_HMAC_SHA1_80 inline:<key and salt>|2^48".
func parseCrypto(s string) (c Crypto, ok bool) {
	var tag, params string
	tag, s = field(s)
	c.Suite, s = field(s)
	params, s = field(s)
	if c.Tag, ok = number(tag, 999999999); !ok || c.Suite == "" {
		return Crypto{}, false
	}
	params, ok = cutPrefixFold(params, "inline:")
	key, rest, more := strings.Cut(params, "|")
	if !ok || strings.Contains(params, ";") {
		return Crypto{}, false
	}
	for more {
		var p string
		p, rest, more = strings.Cut(rest, "|")
		if !isLifetime(p) {
			return Crypto{}, false // an MKI
		}
	}
	for {
		var p string
		if p, s = field(s); p == "" {
			break
		}
		// What begins with "-" may be ignored, KDR 0 is the default, WSH is advice.
		if p[0] != '-' && !strings.EqualFold(p, "KDR=0") && !strings.HasPrefix(p, "WSH=") {
			return Crypto{}, false
		}
	}
	c.Key, ok = decodeKey(key)
	return c, ok
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

// isLifetime reports whether a key parameter is a lifetime: "2^48" or a number. It is
// not kept count of: no call lasts as long as the least of them.
func isLifetime(s string) bool {
	s = strings.TrimPrefix(s, "2^")
	if len(s) > 19 || s == "" {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// maxKey is the length of the longest key with its salt, in bytes.
const maxKey = 64

func decodeKey(s string) ([]byte, bool) {
	if s = strings.TrimRight(s, "="); s == "" || len(s) > base64.RawStdEncoding.EncodedLen(maxKey) {
		return nil, false
	}
	b, err := base64.RawStdEncoding.DecodeString(s)
	return b, err == nil
}

// Line is the crypto as an attribute, without "a=".
func (c Crypto) Line() string {
	return "crypto:" + strconv.Itoa(c.Tag) + " " + c.Suite + " inline:" + base64.StdEncoding.EncodeToString(c.Key)
}

// effective yields the values of an attribute of the section, or of the session when the
// section has none.
func (m *Media) effective(name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		found := false
		for v := range m.Attrs(name) {
			found = true
			if !yield(v) {
				return
			}
		}
		if found || len(m.s.Media) == 0 {
			return
		}
		for _, l := range m.s.lines[:m.s.Media[0].first] {
			if n, v := m.s.attr(l); n == name && l.kind == 'a' && !yield(v) {
				return
			}
		}
	}
}

// Fingerprint is the SHA-256 of the certificate that the peer will show (RFC 8122 section
// 5), of the section or of the session; false when there is none in SHA-256.
func (m *Media) Fingerprint() (sum [32]byte, ok bool) {
	if (m.has|m.s.has)&hasFingerprint == 0 {
		return sum, false
	}
	for v := range m.effective("fingerprint") {
		hash, rest := field(v)
		digits, _ := field(rest)
		if !strings.EqualFold(hash, "sha-256") || len(digits) != 3*len(sum)-1 {
			continue
		}
		b, err := hex.DecodeString(strings.ReplaceAll(digits, ":", ""))
		if err == nil && len(b) == len(sum) {
			return [32]byte(b), true
		}
	}
	return sum, false
}

// FingerprintLine is a fingerprint as an attribute, without "a=".
func FingerprintLine(sum [32]byte) string {
	b := []byte("fingerprint:sha-256 ")
	for i, c := range sum {
		if i > 0 {
			b = append(b, ':')
		}
		b = append(b, "0123456789ABCDEF"[c>>4], "0123456789ABCDEF"[c&15])
	}
	return string(b)
}

// Setup is the role in the handshake that the section offers or takes: "active",
// "passive", "actpass", "" when it is not said (RFC 4145 section 4).
func (m *Media) Setup() string {
	for v := range m.effective("setup") {
		return strings.TrimSpace(v)
	}
	return ""
}

// ICE returns the peer's user fragment and password (RFC 8839 section 5.4), of the section
// or of the session; false when it does not do ICE.
func (m *Media) ICE() (ufrag, password string, ok bool) {
	if (m.has|m.s.has)&hasICE == 0 {
		return "", "", false
	}
	for v := range m.effective("ice-ufrag") {
		ufrag = strings.TrimSpace(v)
		break
	}
	for v := range m.effective("ice-pwd") {
		password = strings.TrimSpace(v)
		break
	}
	return ufrag, password, isICE(ufrag, 4) && isICE(password, 22)
}

// isICE reports whether s consists of at least n ice-chars (RFC 8839 section 5.1).
func isICE(s string, n int) bool {
	if len(s) < n || len(s) > 256 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') && c != '+' && c != '/' {
			return false
		}
	}
	return true
}

// Muxed reports whether RTCP can come and go on the RTP port (RFC 5761).
func (m *Media) Muxed() bool { return m.has&hasMux != 0 }

// Bundled reports whether the section stands in a group of the session that shares one
// transport (RFC 9143).
func (s *Session) Bundled(m *Media) bool {
	if m.MID == "" || len(s.Media) == 0 {
		return false
	}
	for _, l := range s.lines[:s.Media[0].first] {
		if name, v := s.attr(l); name == "group" {
			if kind, mids := field(v); kind == "BUNDLE" && hasWord(mids, m.MID) {
				return true
			}
		}
	}
	return false
}

// sameSecurity reports whether two descriptions of a section agree in all that protection
// hangs on.
func sameSecurity(a, b *Media) bool {
	if a.Proto != b.Proto || a.has != b.has || a.s.has != b.s.has {
		return false
	}
	if a.has|a.s.has == 0 {
		return true
	}
	for _, name := range [...]string{"crypto", "fingerprint", "setup", "ice-ufrag", "ice-pwd"} {
		next, stop := iter.Pull(b.effective(name))
		same := true
		for v := range a.effective(name) {
			w, ok := next()
			same = same && ok && v == w
		}
		_, more := next()
		stop()
		if !same || more {
			return false
		}
	}
	return true
}
