package siptest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// certificate is that of a server in a test; it names nobody.
type certificate struct{ server, client *tls.Config }

func (c certificate) Server() *tls.Config { return c.server }
func (c certificate) Client() *tls.Config { return c.client }

// Certificates makes what a server with TLS needs (transport.Certificates).
func Certificates(t testing.TB) transport.Certificates {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	pair := tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	return certificate{&tls.Config{Certificates: []tls.Certificate{pair}}, &tls.Config{RootCAs: x509.NewCertPool()}}
}
