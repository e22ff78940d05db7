package app

import (
	"bytes"
	"crypto/x509"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/koppelfeld/koppelfeld/internal/certs"
)

// TestAdminSpeaksHTTPS: the API has a certificate of its own making, over which a browser's connection is HTTP/2, and the
// example prints where.
func TestAdminSpeaksHTTPS(t *testing.T) {
	s := start(t, testConfig(t))
	web := s.web(t)
	for _, host := range []string{"127.0.0.1", "localhost"} {
		url := strings.Replace(s.adminURL(), "127.0.0.1", host, 1)
		res, err := web.Get(url + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusOK || res.ProtoMajor != 2 {
			t.Errorf("at %s: %s over %s", host, res.Status, res.Proto)
		}
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(s.out.String(), "https://") {
		t.Errorf("the start prints no https address:\n%s", s.out)
	}
}

// TestAdminHasAnOwnCertificate: a certificate for the API alone, which a reload replaces.
func TestAdminHasAnOwnCertificate(t *testing.T) {
	cfg, dir := testConfig(t), t.TempDir()
	pair := func(name string) (cert, key string) {
		if _, err := certs.Open(certs.Config{Dir: filepath.Join(dir, name), Names: []string{name, "127.0.0.1"}}); err != nil {
			t.Fatal(err)
		}
		cert = certs.SelfMade(filepath.Join(dir, name))
		return cert, strings.TrimSuffix(cert, ".pem") + ".key"
	}
	cfg.Admin.Certificate, cfg.Admin.Key = pair("first.example")
	a, err := New(t.Context(), cfg, Options{Out: &bytes.Buffer{}})
	if err != nil {
		t.Fatal(err)
	}
	defer a.close()
	shown := func() string {
		leaf, err := x509.ParseCertificate(a.adminTLS()().Certificates[0].Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		return leaf.DNSNames[0]
	}
	if got := shown(); got != "first.example" || a.certs != nil {
		t.Errorf("certificate of %s", got)
	}
	cert, key := pair("second.example")
	for from, to := range map[string]string{cert: cfg.Admin.Certificate, key: cfg.Admin.Key} {
		text, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	a.Reload(cfg, nil)
	if got := shown(); got != "second.example" {
		t.Errorf("after the reload: certificate of %s", got)
	}
}

// TestAdminWithoutTLS is for a proxy in front.
func TestAdminWithoutTLS(t *testing.T) {
	cfg := testConfig(t)
	cfg.Admin.TLS = "off"
	a, err := New(t.Context(), cfg, Options{Out: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	defer a.close()
	if a.adminTLS() != nil || a.certs != nil || !strings.HasPrefix(a.adminURL(), "http://") {
		t.Errorf("TLS with tls = off: %s", a.adminURL())
	}
	if _, err := os.Stat(certs.SelfMade(cfg.DataDir)); !os.IsNotExist(err) {
		t.Errorf("a certificate was made: %v", err)
	}
}
