// Package licence reads and judges licences: signed files that say for whom, for how many users and until when Koppelfeld 5 is
// licensed (SPEC A8). What a licence is needed for is decided by Status; telephony is never among it.
//
// It is a leaf and starts no goroutine. It knows no clock, no database and no HTTP: what it needs to know is handed in.
package licence

import (
	"crypto/ed25519"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	// Format is the value of the member format, and the first line of what is signed.
	Format = "koppelfeld-licence/1"
	// Product and Version are what a licence has to be for.
	Product = "koppelfeld"
	Version = 5
	// MaxSize bounds a file in bytes.
	MaxSize = 16 << 10
	// Extension is that of licence files.
	Extension = ".lic"
)

// Bounds of what a licence says.
const (
	maxCompany  = 200
	maxSerial   = 64
	maxUsers    = 1_000_000
	maxFeatures = 32
	maxFeature  = 64
	maxKeyID    = 64
)

// Licence is what a licence says.
type Licence struct {
	Product string
	Version int // major version of the product
	Company string
	Users   int // that may exist
	// Issued and ValidUntil are days, at midnight UTC; the licence is good for all of the second one.
	Issued, ValidUntil time.Time
	Serial             string
	Features           []string // switched on beyond the product itself, if any
	Key                string   // ID of the key that has signed it
	// Development says that it is signed with the key of development builds, which packages do not trust.
	Development bool
}

// Ends is the first moment at which the licence is not good any more.
func (l *Licence) Ends() time.Time { return l.ValidUntil.AddDate(0, 0, 1) }

// Read reads a licence and verifies its signature. An error is a *Fault. Whether it is in force today is asked of Judge.
func (k Keyring) Read(file []byte) (Licence, error) {
	d, err := decode(file)
	if err != nil {
		return Licence{}, err
	}
	key, ok := k.find(d.Key)
	if !ok {
		return Licence{}, faultUnknownKey(d.Key)
	}
	if !ed25519.Verify(key.Public, canonical(&d.Licence), d.signature) {
		return Licence{}, faultForged()
	}
	// From here on what it says is what the owner of the key has said.
	l := d.Licence
	l.Development = key.development
	switch {
	case key.Revoked:
		return Licence{}, faultRevoked(l.Key)
	case l.Issued.Before(key.From) || l.Issued.After(key.Until):
		return Licence{}, faultKeyTime(l.Key)
	case l.Product != Product:
		return Licence{}, faultProduct(l.Product)
	case l.Version != Version:
		return Licence{}, faultVersion(l.Version)
	}
	return l, nil
}

// Sign makes the file of a licence. Product, Version and Key are filled in; the rest is checked as a reader would.
func Sign(l Licence, key Private) ([]byte, error) {
	if l.Product == "" {
		l.Product = Product
	}
	if l.Version == 0 {
		l.Version = Version
	}
	l.Key = key.ID
	if err := l.check(); err != nil {
		return nil, err
	}
	if !key.From.IsZero() && (l.Issued.Before(key.From) || l.Issued.After(key.Until)) {
		return nil, fmt.Errorf("the key %s signs licences issued from %s to %s only", key.ID, key.From.Format(time.DateOnly), key.Until.Format(time.DateOnly))
	}
	return encode(&l, ed25519.Sign(ed25519.NewKeyFromSeed(key.Seed), canonical(&l))), nil
}

// canonical is what is signed: a line with the format, then a line for each member in the order of the documentation, its name, the
// length of its value in bytes, and the value; features have a line each. No two licences have the same one, and how the file is
// written (spaces, order, escapes) does not matter.
func canonical(l *Licence) []byte {
	var b strings.Builder
	b.WriteString(Format + "\n")
	line := func(name, value string) { fmt.Fprintf(&b, "%s=%d:%s\n", name, len(value), value) }
	line("product", l.Product)
	line("version", fmt.Sprint(l.Version))
	line("company", l.Company)
	line("users", fmt.Sprint(l.Users))
	line("issued", l.Issued.Format(time.DateOnly))
	line("valid_until", l.ValidUntil.Format(time.DateOnly))
	line("serial", l.Serial)
	for _, f := range l.Features {
		line("feature", f)
	}
	line("key", l.Key)
	return []byte(b.String())
}

// check finds what no licence says, whoever has signed it.
func (l *Licence) check() error {
	text := func(name, s string, most int, empty bool) string {
		switch {
		case s == "" && !empty:
			return name + " is empty"
		case utf8.RuneCountInString(s) > most:
			return fmt.Sprintf("%s has more than %d characters", name, most)
		case !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) || strings.TrimSpace(s) != s:
			return name + " has characters that do not belong there"
		}
		return ""
	}
	found := []string{
		text("product", l.Product, maxSerial, false), text("company", l.Company, maxCompany, false),
		text("serial", l.Serial, maxSerial, false), text("key", l.Key, maxKeyID, false),
	}
	if l.Version < 1 || l.Version > 1000 {
		found = append(found, "version is not from 1 to 1000")
	}
	if l.Users < 1 || l.Users > maxUsers {
		found = append(found, fmt.Sprintf("users is not from 1 to %d", maxUsers))
	}
	if len(l.Features) > maxFeatures {
		found = append(found, fmt.Sprintf("there are more than %d features", maxFeatures))
	}
	for _, f := range l.Features {
		found = append(found, text("a feature", f, maxFeature, false))
	}
	if l.Issued.IsZero() || l.ValidUntil.IsZero() || l.ValidUntil.Before(l.Issued) {
		found = append(found, "it ends before it is issued")
	}
	if i := slices.IndexFunc(found, func(s string) bool { return s != "" }); i >= 0 {
		return faultMalformed(found[i])
	}
	return nil
}

// Peek reads what a file says without verifying anything: nothing of it may be believed.
func Peek(file []byte) (Licence, error) {
	d, err := decode(file)
	return d.Licence, err
}
