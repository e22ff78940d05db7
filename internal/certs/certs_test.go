package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestSelfMade(t *testing.T) {
	dir := t.TempDir()
	open := func(names ...string) *Store {
		t.Helper()
		s, err := Open(Config{Dir: dir, Names: names})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	first := open("pbx.example", "192.0.2.1", "2001:db8::1").Leaf()
	for _, name := range []string{"pbx.example", "192.0.2.1", "2001:db8::1"} {
		if err := first.VerifyHostname(name); err != nil {
			t.Error(err)
		}
	}
	if years := time.Until(first.NotAfter).Hours() / 24 / 365; years < 19 {
		t.Errorf("it holds %.0f years", years)
	}
	err := filepath.WalkDir(filepath.Join(dir, selfMadeName), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if want := map[bool]fs.FileMode{true: 0o700, false: 0o600}[d.IsDir()]; err == nil && info.Mode().Perm() != want {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	if again := open("192.0.2.1", "pbx.example").Leaf(); !again.Equal(first) {
		t.Error("a start makes a new certificate though the old one fits")
	}
	more := open("pbx.example", "192.0.2.2").Leaf()
	if more.Equal(first) || more.VerifyHostname("192.0.2.2") != nil {
		t.Error("a new address of ours is not in the certificate")
	}
	if !publicKeyEqual(more, first) {
		t.Error("a new name has changed the key")
	}
}

func publicKeyEqual(a, b *x509.Certificate) bool {
	return string(a.RawSubjectPublicKeyInfo) == string(b.RawSubjectPublicKeyInfo)
}

// made writes a self-made certificate for a name to a folder of its own.
func made(t *testing.T, name string) Pair {
	t.Helper()
	dir := t.TempDir()
	if _, err := Open(Config{Dir: dir, Names: []string{name}}); err != nil {
		t.Fatal(err)
	}
	return paths(dir)
}

// ask shakes hands with a server of s and returns the certificate that it shows.
func ask(t *testing.T, s *Store, client *tls.Config) (*x509.Certificate, error) {
	t.Helper()
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	failed := make(chan error, 1)
	go func() {
		srv := tls.Server(b, s.Server())
		err := srv.Handshake()
		if err == nil {
			_, err = srv.Write([]byte("x")) // a refused certificate shows in TLS 1.3 only now
		}
		failed <- err
		b.Close()
	}()
	c := tls.Client(a, client)
	_, err := c.Read(make([]byte, 1))
	if serr := <-failed; serr != nil {
		return nil, serr
	}
	if err != nil {
		return nil, err
	}
	return c.ConnectionState().PeerCertificates[0], nil
}

func TestServerNames(t *testing.T) {
	s, err := Open(Config{Pairs: []Pair{made(t, "one.example"), made(t, "two.example"), made(t, "three.example")}})
	if err != nil {
		t.Fatal(err)
	}
	for asked, want := range map[string]string{"one.example": "one.example", "two.example": "two.example", "three.example": "three.example", "else.example": "one.example", "": "one.example"} {
		got, err := ask(t, s, &tls.Config{ServerName: asked, InsecureSkipVerify: true})
		if err != nil || got.VerifyHostname(want) != nil {
			t.Errorf("asked for %q: %v, %v", asked, got.DNSNames, err)
		}
	}
}

func TestClientCertificates(t *testing.T) {
	known, strange := made(t, "phone.example"), made(t, "stranger.example")
	s, err := Open(Config{Pairs: []Pair{made(t, "pbx.example")}, ClientCA: known.Certificate})
	if err != nil {
		t.Fatal(err)
	}
	load := func(p Pair) []tls.Certificate {
		c, err := tls.LoadX509KeyPair(p.Certificate, p.Key)
		if err != nil {
			t.Fatal(err)
		}
		return []tls.Certificate{c}
	}
	// A client that is asked for a certificate of some authorities leaves out one that does not come from them.
	insist := func(certs []tls.Certificate) func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		return func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &certs[0], nil }
	}
	for name, tc := range map[string]struct {
		client *tls.Config
		ok     bool
	}{
		"none":      {&tls.Config{InsecureSkipVerify: true}, true},
		"known":     {&tls.Config{InsecureSkipVerify: true, Certificates: load(known)}, true},
		"a strange": {&tls.Config{InsecureSkipVerify: true, GetClientCertificate: insist(load(strange))}, false},
	} {
		if _, err := ask(t, s, tc.client); (err == nil) != tc.ok {
			t.Errorf("%s certificate: %v", name, err)
		}
	}
}

func TestReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, next := made(t, "old.example"), made(t, "new.example")
		s, err := Open(Config{Pairs: []Pair{p}, Every: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- s.Run(ctx) }()
		defer func() { cancel(); <-done }()
		serves := func(name string) {
			t.Helper()
			if err := s.Leaf().VerifyHostname(name); err != nil {
				t.Error(err)
			}
		}
		replace := func(from, to string) {
			t.Helper()
			text, err := os.ReadFile(from)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(to, append([]byte("# \n"), text...), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		before := s.Server()
		replace(next.Certificate, p.Certificate) // the key is still the old one
		time.Sleep(2 * time.Minute)              // virtual
		synctest.Wait()
		serves("old.example")
		if err := s.Reload(); err == nil || !strings.Contains(err.Error(), p.Certificate) {
			t.Errorf("a certificate that does not fit its key: %v", err)
		}
		replace(next.Key, p.Key)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		serves("new.example")
		if err := before.Certificates[0].Leaf.VerifyHostname("old.example"); err != nil {
			t.Error("a configuration that is in use has changed")
		}
		same := s.Server()
		time.Sleep(time.Hour)
		synctest.Wait()
		if s.Server() != same {
			t.Error("nothing has changed, yet session tickets were given up")
		}
	})
}

func TestOpenFaults(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	good := made(t, "pbx.example")
	for name, cfg := range map[string]Config{
		"no folder":      {Names: []string{"x"}},
		"no such file":   {Pairs: []Pair{{"/nonexistent/a.pem", "/nonexistent/a.key"}}},
		"empty":          {Pairs: []Pair{{empty, good.Key}}},
		"no client CA":   {Pairs: []Pair{good}, ClientCA: "/nonexistent/ca.pem"},
		"empty peer CA":  {Pairs: []Pair{good}, PeerCA: empty},
		"another's key":  {Pairs: []Pair{{good.Certificate, made(t, "x").Key}}},
		"damaged folder": {Dir: empty, Names: []string{"x"}},
	} {
		if _, err := Open(cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
