package transport_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/koppelfeld/koppelfeld/sip/siptest"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// authority is a certification authority of a test.
type authority struct {
	t    testing.TB
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	pool *x509.CertPool
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	a := &authority{t: t, pool: x509.NewCertPool()}
	var err error
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, a.key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.pool.AddCert(a.cert)
	return a
}

// issue makes a certificate for names: IP addresses, SIP URIs ("sip:x") and DNS names.
func (a *authority) issue(names ...string) tls.Certificate {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	for _, n := range names {
		if ip := net.ParseIP(n); ip != nil {
			tmpl.IPAddresses = append(tmpl.IPAddresses, ip)
		} else if strings.HasPrefix(n, "sip:") {
			u, _ := url.Parse(n)
			tmpl.URIs = append(tmpl.URIs, u)
		} else {
			tmpl.DNSNames = append(tmpl.DNSNames, n)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, a.cert, key.Public(), a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// keyring is a transport.Certificates whose certificate can be replaced.
type keyring struct {
	a       *authority
	current atomic.Pointer[tls.Config]
}

func newKeyring(a *authority, names ...string) *keyring {
	k := &keyring{a: a}
	k.set(a.issue(names...))
	return k
}

func (k *keyring) set(c tls.Certificate) {
	k.current.Store(&tls.Config{Certificates: []tls.Certificate{c}, MinVersion: tls.VersionTLS12})
}

func (k *keyring) Server() *tls.Config { return k.current.Load() }

func (k *keyring) Client() *tls.Config { return &tls.Config{RootCAs: k.a.pool} }

// secure opens a TLS connection from a host.
func secure(t *testing.T, n *siptest.Network, a *authority, from netip.Addr, to netip.AddrPort) *tls.Conn {
	t.Helper()
	c := tls.Client(dial(t, n, from, to), &tls.Config{RootCAs: a.pool, ServerName: to.Addr().String()})
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	return c
}

// inBubble runs a test in virtual time with a layer that listens with TLS.
func inBubble(t *testing.T, limits transport.Limits, test func(t *testing.T, n *siptest.Network, a *authority, k *keyring, l *transport.Layer, h *recorder)) {
	synctest.Test(t, func(t *testing.T) {
		n := siptest.NewNetwork(t, 1)
		a := newAuthority(t)
		k := newKeyring(a, server.String(), "pbx.example")
		l, h := start(t, transport.Config{Network: n.Host(server), Listen: []string{"tls://10.0.0.1:5061"}, Certificates: k, Limits: limits})
		test(t, n, a, k, l, h)
	})
}

func TestTLS(t *testing.T) {
	a := newAuthority(t)
	l, h := start(t, transport.Config{Listen: []string{"tls://127.0.0.1:0", "tcp://127.0.0.1:0"}, Certificates: newKeyring(a, "127.0.0.1")})
	for name, version := range map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13} {
		t.Run(name, func(t *testing.T) {
			before := l.Stats().Traffic[transport.TLS]
			c, err := tls.Dial("tcp", addrOf(l, transport.TLS).String(), &tls.Config{RootCAs: a.pool, MaxVersion: version, MinVersion: version})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			pad := strings.Repeat("X-Pad: "+strings.Repeat("x", 4000)+"\r\n", 10)
			for i := range 50 {
				more := ""
				if i%5 == 0 {
					more = pad // several records
				}
				if _, err := c.Write(options(transport.TLS, i+1, more)); err != nil {
					t.Fatal(err)
				}
				in := next(t, h.in)
				if in.Msg.CSeq() != uint32(i+1) || in.Flow.Proto() != transport.TLS || !in.Flow.Secure() || in.Flow.Local() != addrOf(l, transport.TLS) {
					t.Fatalf("CSeq %d over %s to %v", in.Msg.CSeq(), in.Flow.Proto(), in.Flow.Local())
				}
				buf := make([]byte, 2000)
				_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
				if n, err := c.Read(buf); err != nil || !bytes.HasPrefix(buf[:n], []byte("SIP/2.0 200")) {
					t.Fatalf("answer %q, %v", buf[:n], err)
				}
			}
			if s := l.Stats(); s.Traffic[transport.TLS].MessagesIn-before.MessagesIn != 50 || s.Traffic[transport.TLS].MessagesOut-before.MessagesOut != 50 || s.ByProto[transport.TLS] == 0 || s.Handshakes != 0 {
				t.Errorf("counters %+v", s)
			}
		})
	}
	if _, err := tls.Dial("tcp", addrOf(l, transport.TLS).String(), &tls.Config{RootCAs: a.pool, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}); err == nil {
		t.Error("TLS 1.1 was taken")
	}
}

func TestTLSDial(t *testing.T) {
	a, stranger := newAuthority(t), newAuthority(t)
	ours := func(names ...string) *keyring { return newKeyring(a, names...) }
	for name, tc := range map[string]struct {
		peer *keyring
		name string
		ok   bool
	}{
		"its address":           {ours("127.0.0.1"), "", true},
		"its name":              {ours("provider.example"), "provider.example", true},
		"its name, any case":    {ours("Provider.Example"), "provider.example", true},
		"its SIP URI":           {ours("sip:provider.example"), "provider.example", true},
		"another SIP URI":       {ours("sip:other.example", "provider.example"), "provider.example", false},
		"a user's SIP URI":      {ours("sip:a@provider.example"), "provider.example", false},
		"a wildcard":            {ours("*.example"), "provider.example", false},
		"another name":          {ours("other.example"), "provider.example", false},
		"no address":            {ours("provider.example"), "", false},
		"an unknown authority":  {newKeyring(stranger, "provider.example"), "provider.example", false},
		"address, not the name": {ours("127.0.0.1"), "provider.example", false},
	} {
		t.Run(name, func(t *testing.T) {
			us, hus := start(t, transport.Config{Listen: []string{"tls://127.0.0.1:0"}, Certificates: ours("127.0.0.1")})
			peer, hpeer := start(t, transport.Config{Listen: []string{"tls://127.0.0.1:0"}, Certificates: tc.peer})
			target := transport.Target{Proto: transport.TLS, Addr: addrOf(peer, transport.TLS), Name: tc.name}
			f, err := us.FlowTo(target)
			if err != nil {
				t.Fatal(err)
			}
			// Before the handshake is over.
			for i := range 3 {
				// Where the handshake fails it may have failed by now.
				if err := f.Send(options(transport.TLS, i+1, "")); err != nil && (tc.ok || !errors.Is(err, transport.ErrFlowClosed)) {
					t.Fatal(err)
				}
			}
			if !tc.ok {
				if err := next(t, hus.closed); err == nil || !strings.Contains(err.Error(), "TLS handshake") {
					t.Errorf("closed with %v", err)
				}
				if !f.Closed() || us.Stats().Drops[transport.DropHandshake] != 1 || len(hpeer.in) != 0 {
					t.Error("the flow is open, or a message went out")
				}
				return
			}
			for i := range 3 {
				if in := next(t, hpeer.in); in.Msg.CSeq() != uint32(i+1) {
					t.Errorf("CSeq %d", in.Msg.CSeq())
				}
				if res := next(t, hus.in); res.Flow != f {
					t.Errorf("answer on another flow")
				}
			}
			if again, err := us.FlowTo(target); err != nil || again != f {
				t.Errorf("a second flow to the same target: %v", err)
			}
			target.Name += ".other"
			if other, err := us.FlowTo(target); err != nil || other == f {
				t.Errorf("a connection whose peer was checked under one name is used for another: %v", err)
			}
		})
	}
}

func TestNoTLS(t *testing.T) {
	if _, err := transport.New(transport.Config{Listen: []string{"tls://127.0.0.1:0"}}); err == nil || !strings.Contains(err.Error(), "no certificates") {
		t.Errorf("listening with TLS without certificates: %v", err)
	}
	l, _ := start(t, transport.Config{Listen: []string{"tcp://127.0.0.1:0"}})
	if _, err := l.FlowTo(transport.Target{Proto: transport.TLS, Addr: addrOf(l, transport.TCP)}); !errors.Is(err, transport.ErrNoTLS) {
		t.Errorf("dialling with TLS: %v", err)
	}
}

// Connections that shake no hands must not keep others from doing so, and end.
func TestHalfOpenTLS(t *testing.T) {
	limits := transport.Limits{MaxHandshakes: 8, MaxHandshakesPerSource: 5, MaxConnections: 4, Handshake: 3 * time.Second}
	inBubble(t, limits, func(t *testing.T, n *siptest.Network, a *authority, _ *keyring, l *transport.Layer, h *recorder) {
		to := addrOf(l, transport.TLS)
		known := secure(t, n, a, dect, to)
		if _, err := known.Write(options(transport.TLS, 1, "")); err != nil {
			t.Fatal(err)
		}
		next(t, h.in)
		for range 20 {
			dial(t, n, desk, to)
		}
		for i := range 3 {
			dial(t, n, netip.AddrFrom4([4]byte{10, 0, 1, byte(i)}), to)
		}
		synctest.Wait()
		if s := l.Stats(); s.Handshakes != 8 || s.Connections != 1 || s.Drops[transport.DropHandshakeLimit] != 15 {
			t.Fatalf("%d handshakes, %d connections, %d gave way", s.Handshakes, s.Connections, s.Drops[transport.DropHandshakeLimit])
		}
		began := time.Now()
		phone := secure(t, n, a, dect, to)
		if took := time.Since(began); took != 0 {
			t.Errorf("a handshake took %v", took)
		}
		if _, err := phone.Write(options(transport.TLS, 2, "")); err != nil {
			t.Fatal(err)
		}
		next(t, h.in)
		if _, err := known.Write(options(transport.TLS, 3, "")); err != nil {
			t.Errorf("half-open ones have cost an established one its place: %v", err)
		}
		next(t, h.in)
		time.Sleep(3 * time.Second) // virtual
		synctest.Wait()
		if s := l.Stats(); s.Handshakes != 0 || s.Connections != 2 || s.Drops[transport.DropHandshakeTimeout] != 7 {
			t.Errorf("after the deadline: %d handshakes, %d connections, %d timeouts", s.Handshakes, s.Connections, s.Drops[transport.DropHandshakeTimeout])
		}
		if len(h.closed) != 0 {
			t.Error("the end of a handshake was reported as the end of a flow")
		}
	})
}

// A client that sends its handshake byte by byte is cut off by the same deadline.
func TestSlowHandshake(t *testing.T) {
	inBubble(t, transport.Limits{Handshake: 5 * time.Second}, func(t *testing.T, n *siptest.Network, _ *authority, _ *keyring, l *transport.Layer, _ *recorder) {
		c := dial(t, n, desk, addrOf(l, transport.TLS))
		began := time.Now()
		for _, b := range append([]byte{22, 3, 1, 2, 0}, make([]byte, 512)...) {
			if _, err := c.Write([]byte{b}); err != nil {
				break
			}
			time.Sleep(time.Second) // virtual
		}
		if took := time.Since(began); took < 5*time.Second || took > 6*time.Second {
			t.Errorf("cut off after %v", took)
		}
	})
}

func TestTLSGarbage(t *testing.T) {
	inBubble(t, transport.Limits{}, func(t *testing.T, n *siptest.Network, _ *authority, _ *keyring, l *transport.Layer, _ *recorder) {
		c := dial(t, n, desk, addrOf(l, transport.TLS))
		if _, err := c.Write(options(transport.TCP, 1, "")); err != nil { // plain text
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, c)
		synctest.Wait()
		if s := l.Stats(); s.Drops[transport.DropHandshake] != 1 || s.Handshakes != 0 {
			t.Errorf("counters %+v", s)
		}
	})
}

func TestTLSStuckPeer(t *testing.T) {
	limits := transport.Limits{MaxQueue: 100 << 10, Write: 10 * time.Second}
	inBubble(t, limits, func(t *testing.T, n *siptest.Network, a *authority, _ *keyring, l *transport.Layer, h *recorder) {
		stuck, other := secure(t, n, a, desk, addrOf(l, transport.TLS)), secure(t, n, a, dect, addrOf(l, transport.TLS))
		if _, err := stuck.Write(options(transport.TLS, 1, "")); err != nil {
			t.Fatal(err)
		}
		f := next(t, h.in).Flow
		began := time.Now()
		big := options(transport.TLS, 2, "X-Pad: "+strings.Repeat("x", 5000)+"\r\n")
		full := false
		for range 200 {
			if err := f.Send(big); errors.Is(err, transport.ErrQueueFull) {
				full = true
				break
			}
			synctest.Wait()
		}
		if _, err := other.Write(options(transport.TLS, 3, "")); err != nil {
			t.Fatal(err)
		}
		next(t, h.in)
		if !full || time.Since(began) != 0 {
			t.Errorf("full %v, after %v: Send has waited, or never refused", full, time.Since(began))
		}
		next(t, h.closed)
		if took := time.Since(began); took != 10*time.Second || !f.Closed() || !errors.Is(f.Send(big), transport.ErrFlowClosed) {
			t.Errorf("cut off after %v", took)
		}
		if s := l.Stats(); s.Drops[transport.DropWriteTimeout] != 1 || s.Drops[transport.DropSendQueue] != 1 {
			t.Errorf("counters %+v", s)
		}
	})
}

// Segments of any size, pings and deadlines work as on TCP.
func TestTLSSegments(t *testing.T) {
	inBubble(t, transport.Limits{Idle: time.Minute}, func(t *testing.T, n *siptest.Network, a *authority, _ *keyring, l *transport.Layer, h *recorder) {
		c := secure(t, n, a, desk, addrOf(l, transport.TLS))
		all := append(options(transport.TLS, 1, ""), append([]byte("\r\n\r\n"), options(transport.TLS, 2, "")...)...)
		for i := range all {
			if _, err := c.Write(all[i : i+1]); err != nil { // a record each
				t.Fatal(err)
			}
		}
		for i := range 2 {
			if got := next(t, h.in).Msg.CSeq(); got != uint32(i+1) {
				t.Errorf("CSeq %d", got)
			}
		}
		synctest.Wait()
		if got := l.Stats().Traffic[transport.TLS].KeepAlives; got != 1 {
			t.Errorf("%d keep-alives", got)
		}
		began := time.Now()
		got, err := io.ReadAll(c)
		if err != nil {
			t.Errorf("the end of the connection was not told: %v", err)
		}
		if took := time.Since(began); took != time.Minute {
			t.Errorf("idle for %v", took)
		}
		if bytes.Count(got, []byte("SIP/2.0 200")) != 2 || !bytes.Contains(got, []byte("\r\n\r\n\r\n")) {
			t.Errorf("answers and pongs: %q", got)
		}
	})
}

// A certificate that is replaced holds for new connections; those that are up stay.
func TestNewCertificate(t *testing.T) {
	inBubble(t, transport.Limits{}, func(t *testing.T, n *siptest.Network, a *authority, k *keyring, l *transport.Layer, h *recorder) {
		old := secure(t, n, a, desk, addrOf(l, transport.TLS))
		k.set(a.issue(server.String(), "new.example"))
		fresh := secure(t, n, a, desk, addrOf(l, transport.TLS))
		for name, c := range map[string]*tls.Conn{"pbx.example": old, "new.example": fresh} {
			if err := c.ConnectionState().PeerCertificates[0].VerifyHostname(name); err != nil {
				t.Error(err)
			}
			if _, err := c.Write(options(transport.TLS, 1, "")); err != nil {
				t.Fatal(err)
			}
			next(t, h.in)
		}
	})
}

// An accepted connection is not taken for a request to a target, be it the one at the other end.
func TestAcceptedTLSIsNotReused(t *testing.T) {
	inBubble(t, transport.Limits{}, func(t *testing.T, n *siptest.Network, a *authority, _ *keyring, l *transport.Layer, h *recorder) {
		c := secure(t, n, a, desk, addrOf(l, transport.TLS))
		if _, err := c.Write(options(transport.TLS, 1, "")); err != nil {
			t.Fatal(err)
		}
		accepted := next(t, h.in).Flow
		for _, to := range []netip.AddrPort{accepted.Remote(), accepted.Local()} {
			f, err := l.FlowTo(transport.Target{Proto: transport.TLS, Addr: to})
			if err != nil || f == accepted {
				t.Errorf("request to %v: flow %p, %v", to, f, err)
			}
		}
	})
}

func TestAcceptTLSSurvivesErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, a := siptest.NewNetwork(t, 1), newAuthority(t)
		l, h := start(t, transport.Config{
			Network: failingNetwork{n.Host(server), 12}, Listen: []string{"tls://10.0.0.1:5061"}, Certificates: newKeyring(a, server.String()),
		})
		c := secure(t, n, a, desk, addrOf(l, transport.TLS))
		if _, err := c.Write(options(transport.TLS, 1, "")); err != nil {
			t.Fatal(err)
		}
		next(t, h.in)
		if got := l.Stats().Drops[transport.DropAcceptError]; got != 12 {
			t.Errorf("%d errors counted", got)
		}
	})
}
