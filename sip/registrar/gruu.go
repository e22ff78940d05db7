package registrar

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/koppelfeld/koppelfeld/sip/message"
)

// A GRUU (RFC 5627) is a URI that reaches one device of an account, whatever its address is. The public one shows account and
// device; the temporary one shows neither, and holds what is needed to find them in encrypted form: nothing is stored for it.

// tempPrefix begins the user part of temporary GRUUs. No account is named like that: it is no user name of ours.
const tempPrefix = "~t."

const (
	tagSize   = 8   // of the device, and of the registration, in a temporary GRUU
	maxSlotID = 64  // longer ones get no temporary GRUU
	maxTemp   = 256 // of the user part
)

// gruus makes and reads GRUUs.
type gruus struct {
	domain string
	mac    []byte
	aead   cipher.AEAD
}

func newGRUUs(domain string, key []byte) (*gruus, error) {
	if len(key) == 0 {
		key = make([]byte, 32)
		_, _ = rand.Read(key) // never fails
	}
	g := &gruus{domain: domain}
	g.mac = g.derive(key, "tag")
	block, err := aes.NewCipher(g.derive(key, "temporary"))
	if err != nil {
		return nil, err
	}
	g.aead, err = cipher.NewGCM(block)
	return g, err
}

func (g *gruus) derive(key []byte, use string) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte("gruu " + use))
	return m.Sum(nil)
}

// tag stands for a text within temporary GRUUs.
func (g *gruus) tag(kind, text string) []byte {
	m := hmac.New(sha256.New, g.mac)
	fmt.Fprintf(m, "%s %d %s", kind, len(text), text)
	return m.Sum(nil)[:tagSize]
}

// device is an instance without its angle brackets.
func device(instance string) string {
	return strings.TrimSuffix(strings.TrimPrefix(instance, "<"), ">")
}

// public is the GRUU that shows account and device, without its scheme.
func (g *gruus) public(username, instance string) string {
	return ":" + message.EscapeUser(username) + "@" + g.domain + ";gr=" + escapeParam(device(instance))
}

// temporary is a fresh GRUU, without its scheme, that shows neither; it holds as long as the phone registers under the same Call-ID. It is "" when
// the slot has an overlong name.
func (g *gruus) temporary(slotID, instance, callID string) string {
	if len(slotID) > maxSlotID {
		return ""
	}
	nonce := make([]byte, g.aead.NonceSize(), 128)
	_, _ = rand.Read(nonce) // never fails
	plain := append([]byte(nil), g.tag("instance", instance)...)
	plain = append(plain, g.tag("call", callID)...)
	plain = append(plain, slotID...)
	sealed := g.aead.Seal(nonce, nonce, plain, nil)
	return ":" + tempPrefix + base64.RawURLEncoding.EncodeToString(sealed) + "@" + g.domain + ";gr"
}

// opened is what a temporary GRUU holds.
type opened struct {
	slotID         string
	instance, call []byte // tags
}

func (g *gruus) open(user string) (opened, bool) {
	text, ok := strings.CutPrefix(user, tempPrefix)
	if !ok || len(text) > maxTemp {
		return opened{}, false
	}
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) < g.aead.NonceSize() {
		return opened{}, false
	}
	n := g.aead.NonceSize()
	plain, err := g.aead.Open(nil, b[:n], b[n:], nil)
	if err != nil || len(plain) <= 2*tagSize {
		return opened{}, false
	}
	return opened{string(plain[2*tagSize:]), plain[:tagSize], plain[tagSize : 2*tagSize]}, true
}

// Device finds the slot and the device (its +sip.instance) that a GRUU of ours names. A temporary one is good only while the phone is
// registered.
func (r *Registrar) Device(u message.URI) (slotID, instance string, ok bool) {
	gr, ok := u.Param("gr")
	if !ok || u.Scheme != "sip" && u.Scheme != "sips" || !strings.EqualFold(u.Host, r.cfg.Domain) {
		return "", "", false
	}
	if gr == "" {
		o, ok := r.gruus.open(u.User)
		if !ok {
			return "", "", false
		}
		for _, b := range r.Bindings(o.slotID) {
			if hmac.Equal(r.gruus.tag("instance", b.Instance), o.instance) && hmac.Equal(r.gruus.tag("call", b.CallID), o.call) {
				return o.slotID, b.Instance, true
			}
		}
		return "", "", false
	}
	acc := r.cfg.Auth.Account(message.Unescape(u.User))
	if acc == nil || acc.SlotID == "" {
		return "", "", false
	}
	want := message.Unescape(gr)
	for _, b := range r.Bindings(acc.SlotID) {
		if b.Instance != "" && device(b.Instance) == want {
			return acc.SlotID, b.Instance, true
		}
	}
	return acc.SlotID, "<" + want + ">", true // known, but not registered
}

// escapeParam writes a URI parameter's value (RFC 3261 section 25.1, pvalue).
func escapeParam(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || strings.IndexByte("-_.!~*'()[]/:&+$", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hex[c>>4])
		b.WriteByte(hex[c&15])
	}
	return b.String()
}
