package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/big"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"time"
)

const (
	// selfMadeYears is how long a self-made certificate holds: nobody renews it, and phones may have it pinned.
	selfMadeYears = 20
	// renewBefore is how long before its end it is made anew at a start.
	renewBefore = 90 * 24 * time.Hour
)

// selfMade returns the self-made certificate, which is made when there is none, when it ends soon, or when a name is
// missing. The key stays the same then.
func selfMade(dir string, names []string, now time.Time, log *slog.Logger) (Pair, error) {
	if dir == "" {
		return Pair{}, errNoDir
	}
	p := paths(dir)
	key, err := selfMadeKey(p.Key)
	if err != nil {
		return Pair{}, err
	}
	if fits(p, names, now) {
		return p, nil
	}
	der, err := sign(key, names, now)
	if err != nil {
		return Pair{}, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := writeFile(p.Certificate, text); err != nil {
		return Pair{}, err
	}
	log.Info("a certificate was made, since none is configured", "file", p.Certificate, "names", names)
	return p, nil
}

// fits reports whether the certificate that is there can stay.
func fits(p Pair, names []string, now time.Time) bool {
	c, err := tls.LoadX509KeyPair(p.Certificate, p.Key)
	if err != nil || now.Add(renewBefore).After(c.Leaf.NotAfter) {
		return false
	}
	for _, n := range names {
		if c.Leaf.VerifyHostname(n) != nil {
			return false
		}
	}
	return true
}

func sign(key *ecdsa.PrivateKey, names []string, now time.Time) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	t := &x509.Certificate{
		SerialNumber: serial, NotBefore: now.Add(-24 * time.Hour), NotAfter: now.AddDate(selfMadeYears, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
	}
	for _, n := range names {
		if a, err := netip.ParseAddr(n); err == nil {
			t.IPAddresses = append(t.IPAddresses, a.Unmap().AsSlice())
			continue
		}
		if t.Subject.CommonName == "" && len(n) <= 64 {
			t.Subject = pkix.Name{CommonName: n}
		}
		t.DNSNames = append(t.DNSNames, n)
		t.URIs = append(t.URIs, &url.URL{Scheme: "sip", Opaque: n}) // RFC 5922 section 7.1
	}
	return x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
}

// selfMadeKey reads the key, or makes it.
func selfMadeKey(file string) (*ecdsa.PrivateKey, error) {
	text, err := os.ReadFile(file)
	if err == nil {
		block, _ := pem.Decode(text)
		if block == nil {
			return nil, fmt.Errorf("%s: no key in it", file)
		}
		key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		own, ok := key.(*ecdsa.PrivateKey)
		if !ok {
			return nil, fmt.Errorf("%s: not a key of ours", file)
		}
		return own, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return key, writeFile(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// writeFile replaces a file whole, readable for its owner only.
func writeFile(file string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	part := file + ".part"
	if err := os.WriteFile(part, text, 0o600); err != nil {
		return err
	}
	return os.Rename(part, file)
}
