package licence

import (
	"bytes"
	"crypto/ed25519"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

//go:embed keys/publisher.json
var publisherKeys []byte

// Key is a public key of the publisher. It verifies licences that were issued from From to Until, both days included, for ever: a key
// that is no longer used is retired by its Until. A revoked one verifies nothing.
type Key struct {
	ID          string
	Public      ed25519.PublicKey
	From, Until time.Time
	Revoked     bool
	development bool
}

// Keyring are the keys that are trusted.
type Keyring struct{ keys []Key }

// Trusted are the keys that this build trusts: those of the publisher, and that of development only in a development build.
func Trusted() (Keyring, error) {
	k, err := ReadKeys(publisherKeys)
	if err != nil {
		return k, fmt.Errorf("keys of the publisher: %w", err)
	}
	if developmentKeys == nil {
		return k, nil
	}
	dev, err := ReadKeys(developmentKeys)
	if err != nil {
		return k, fmt.Errorf("key of development: %w", err)
	}
	for _, key := range dev.keys {
		key.development = true
		k.keys = append(k.keys, key)
	}
	return k, nil
}

// Development says whether the key of development is trusted.
func (k Keyring) Development() bool {
	return slices.ContainsFunc(k.keys, func(key Key) bool { return key.development })
}

// Keys are the keys in their order.
func (k Keyring) Keys() []Key { return slices.Clone(k.keys) }

func (k Keyring) find(id string) (Key, bool) {
	i := slices.IndexFunc(k.keys, func(key Key) bool { return key.ID == id })
	if i < 0 {
		return Key{}, false
	}
	return k.keys[i], true
}

type keyFile struct {
	Note []string    `json:"note,omitempty"`
	Keys []publicKey `json:"keys"`
}

type publicKey struct {
	ID      string `json:"id"`
	Public  []byte `json:"public"`
	From    string `json:"from"`
	Until   string `json:"until"`
	Revoked bool   `json:"revoked,omitempty"`
	Note    string `json:"note,omitempty"`
}

// ReadKeys reads a file of public keys.
func ReadKeys(file []byte) (Keyring, error) {
	var f keyFile
	if err := strict(file, &f); err != nil {
		return Keyring{}, err
	}
	var k Keyring
	for _, p := range f.Keys {
		if _, twice := k.find(p.ID); twice || p.ID == "" || len(p.ID) > maxKeyID {
			return Keyring{}, fmt.Errorf("key %q has no name of its own", p.ID)
		}
		if len(p.Public) != ed25519.PublicKeySize {
			return Keyring{}, fmt.Errorf("key %s: the public half has %d bytes, not %d", p.ID, len(p.Public), ed25519.PublicKeySize)
		}
		from, until, err := span(p.From, p.Until)
		if err != nil {
			return Keyring{}, fmt.Errorf("key %s: %w", p.ID, err)
		}
		k.keys = append(k.keys, Key{ID: p.ID, Public: p.Public, From: from, Until: until, Revoked: p.Revoked})
	}
	return k, nil
}

func span(a, b string) (from, until time.Time, err error) {
	if from, err = time.Parse(time.DateOnly, a); err == nil {
		until, err = time.Parse(time.DateOnly, b)
	}
	if err == nil && until.Before(from) {
		err = errors.New("it ends before it begins")
	}
	return from, until, err
}

func strict(file []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(file))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return err
	}
	if dec.More() {
		return errors.New("something stands behind its end")
	}
	return nil
}

// Private is the private half of a key. The publisher keeps it, encrypted, in a file of its own; no product and no package has one.
type Private struct {
	ID          string
	Seed        []byte
	From, Until time.Time
}

const privateFormat = "koppelfeld-licence-key/1"

type privateFile struct {
	Format string `json:"format"`
	ID     string `json:"id"`
	From   string `json:"from"`
	Until  string `json:"until"`
	Seed   []byte `json:"seed"`
}

// ReadPrivate reads what Marshal has written.
func ReadPrivate(file []byte) (Private, error) {
	var f privateFile
	if err := strict(file, &f); err != nil || f.Format != privateFormat {
		return Private{}, errors.New("this is no private key for licences")
	}
	from, until, err := span(f.From, f.Until)
	if err != nil || len(f.Seed) != ed25519.SeedSize || f.ID == "" {
		return Private{}, errors.New("this private key for licences is damaged")
	}
	return Private{ID: f.ID, Seed: f.Seed, From: from, Until: until}, nil
}

// Marshal writes the key in the clear: encrypt it before it goes to a disk.
func (p Private) Marshal() []byte {
	b, _ := json.MarshalIndent(privateFile{privateFormat, p.ID, p.From.Format(time.DateOnly), p.Until.Format(time.DateOnly), p.Seed}, "", "  ") // cannot fail
	return append(b, '\n')
}

// String keeps the key out of logs.
func (p Private) String() string { return "private key " + p.ID + " ***" }

// GoString is String.
func (p Private) GoString() string { return p.String() }

// Public is the entry for the file of public keys.
func (p Private) Public() Key {
	public, _ := ed25519.NewKeyFromSeed(p.Seed).Public().(ed25519.PublicKey)
	return Key{ID: p.ID, Public: public, From: p.From, Until: p.Until}
}

// MarshalKeys writes a file of public keys.
func MarshalKeys(keys ...Key) []byte {
	var f keyFile
	for _, k := range keys {
		f.Keys = append(f.Keys, publicKey{ID: k.ID, Public: k.Public, From: k.From.Format(time.DateOnly), Until: k.Until.Format(time.DateOnly), Revoked: k.Revoked})
	}
	b, _ := json.MarshalIndent(f, "", "  ") // cannot fail
	return append(b, '\n')
}
