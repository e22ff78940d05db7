// Package authtest has what tests of logins need: a passkey in software, and another place to log in at.
package authtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"testing"
)

// Flags of what a device vouches for (Web Authentication section 6.1).
const (
	present  = 0x01
	verified = 0x04
	withKey  = 0x40
)

// Passkey is a device with one key.
type Passkey struct {
	t       testing.TB
	key     *ecdsa.PrivateKey
	id      []byte
	site    string
	user    []byte
	origin  string
	Counter uint32
	// Unverified leaves out that the device has made sure of its user.
	Unverified bool
	// Origin says another page than the one that asks, when set.
	Origin string
}

type text []byte

func (b *text) UnmarshalJSON(data []byte) error {
	var s string
	if err := json.Unmarshal(data, &s); err != nil {
		return err
	}
	raw, err := base64.RawURLEncoding.DecodeString(s)
	*b = raw
	return err
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// Make answers what navigator.credentials.create was asked at the origin.
func Make(t testing.TB, options []byte, origin string) (*Passkey, []byte) {
	t.Helper()
	var o struct {
		Challenge text
		RP        struct{ ID string }
		User      struct{ ID text }
	}
	if err := json.Unmarshal(options, &o); err != nil {
		t.Fatalf("%v in %s", err, options)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &Passkey{t: t, key: key, id: make([]byte, 16), site: o.RP.ID, user: o.User.ID, origin: origin, Counter: 1}
	rand.Read(p.id)
	point, err := key.PublicKey.Bytes() // 4, x, y
	if err != nil {
		t.Fatal(err)
	}
	data := p.data(withKey)
	data = append(data, make([]byte, 16)...) // no model is told
	data = binary.BigEndian.AppendUint16(data, uint16(len(p.id)))
	data = append(data, p.id...)
	// The key as COSE has it (RFC 9053 section 7.1.1): EC2, ES256, P-256, x, y.
	data = append(data, 0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20)
	data = append(data, point[1:33]...)
	data = append(data, 0x22, 0x58, 0x20)
	data = append(data, point[33:]...)
	// {"fmt": "none", "attStmt": {}, "authData": data} in CBOR
	object := append([]byte{0xa3, 0x63}, "fmt\x64none\x67attStmt\xa0\x68authData\x58"...)
	object = append(append(object, byte(len(data))), data...)
	return p, p.answer(map[string]string{"clientDataJSON": encode(p.client("webauthn.create", o.Challenge)), "attestationObject": encode(object)})
}

// Sign answers what navigator.credentials.get was asked.
func (p *Passkey) Sign(options []byte) []byte {
	p.t.Helper()
	var o struct{ Challenge text }
	if err := json.Unmarshal(options, &o); err != nil {
		p.t.Fatalf("%v in %s", err, options)
	}
	p.Counter++
	client, data := p.client("webauthn.get", o.Challenge), p.data(0)
	hash := sha256.Sum256(client)
	hash = sha256.Sum256(append(append([]byte(nil), data...), hash[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, p.key, hash[:])
	if err != nil {
		p.t.Fatal(err)
	}
	return p.answer(map[string]string{
		"clientDataJSON": encode(client), "authenticatorData": encode(data), "signature": encode(signature), "userHandle": encode(p.user),
	})
}

// data is what the device vouches for.
func (p *Passkey) data(flags byte) []byte {
	site := sha256.Sum256([]byte(p.site))
	flags |= present
	if !p.Unverified {
		flags |= verified
	}
	return binary.BigEndian.AppendUint32(append(site[:], flags), p.Counter)
}

func (p *Passkey) client(kind string, challenge []byte) []byte {
	origin := p.origin
	if p.Origin != "" {
		origin = p.Origin
	}
	b, err := json.Marshal(map[string]any{"type": kind, "challenge": encode(challenge), "origin": origin, "crossOrigin": false})
	if err != nil {
		p.t.Fatal(err)
	}
	return b
}

func (p *Passkey) answer(response map[string]string) []byte {
	b, err := json.Marshal(map[string]any{
		"id": encode(p.id), "rawId": encode(p.id), "type": "public-key", "response": response, "clientExtensionResults": map[string]any{},
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return b
}
