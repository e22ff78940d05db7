package transport

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"
)

// Certificates gives the configurations of TLS. It is asked anew for each connection, so what it gives may change
// while connections are up. Both results are read only.
type Certificates interface {
	// Server is for connections that come in.
	Server() *tls.Config
	// Client is for those that we open: our certificate and whom to trust. The name is set and checked here.
	Client() *tls.Config
}

// wire is a connection's socket as the TLS layer sees it. Reads wait for the peer, unless noWait is set; writes never
// wait, since what the kernel does not take at once goes to the connection's writer.
type wire streamConn

// errNothingYet is a passing fault to crypto/tls, which keeps what it has read of a record.
var errNothingYet net.Error = nothingYet{}

type nothingYet struct{}

func (nothingYet) Error() string   { return "nothing to read yet" }
func (nothingYet) Timeout() bool   { return true }
func (nothingYet) Temporary() bool { return true }

func (w *wire) Read(b []byte) (int, error) {
	if w.noWait {
		return 0, errNothingYet
	}
	return w.conn.Read(b)
}

func (w *wire) Write(b []byte) (int, error) {
	c := (*streamConn)(w)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.put(b); err != nil {
		return 0, err
	}
	return len(b), nil
}

// Close is the connection's, not the TLS layer's.
func (w *wire) Close() error                      { return nil }
func (w *wire) LocalAddr() net.Addr               { return w.conn.LocalAddr() }
func (w *wire) RemoteAddr() net.Addr              { return w.conn.RemoteAddr() }
func (w *wire) SetDeadline(t time.Time) error     { return w.conn.SetReadDeadline(t) }
func (w *wire) SetReadDeadline(t time.Time) error { return w.conn.SetReadDeadline(t) }

// SetWriteDeadline is the writer's matter.
func (w *wire) SetWriteDeadline(time.Time) error { return nil }

// handshakeTLS makes the connection a TLS connection.
func (c *streamConn) handshakeTLS() error {
	certs := c.layer.certs
	if certs == nil {
		return ErrNoTLS
	}
	t := (*tls.Conn)(nil)
	if c.accepted {
		t = tls.Server((*wire)(c), certs.Server())
	} else {
		t = tls.Client((*wire)(c), clientConfig(certs.Client(), c.target))
	}
	if err := t.Handshake(); err != nil {
		return fmt.Errorf("TLS handshake: %w", err)
	}
	c.sendMu.Lock()
	defer c.sendMu.Unlock()
	c.tls = t
	return nil
}

// clientConfig is for a connection to a target: SNI asks for its name, and its certificate must have it.
func clientConfig(base *tls.Config, t Target) *tls.Config {
	cfg := base.Clone()
	name := t.Name
	if name == "" {
		name = t.Addr.Addr().String()
	}
	cfg.ServerName = name // an address is not sent
	// The standard check takes wildcards and knows no SIP URIs; RFC 5922 section 7 wants it otherwise.
	cfg.InsecureSkipVerify = true
	cfg.VerifyConnection = func(state tls.ConnectionState) error { return verifyPeer(state, cfg.RootCAs, name) }
	return cfg
}

// verifyPeer checks the peer's chain, and that it is who we meant to reach.
func verifyPeer(state tls.ConnectionState, roots *x509.CertPool, name string) error {
	if len(state.PeerCertificates) == 0 {
		return errors.New("the peer has no certificate")
	}
	leaf, opts := state.PeerCertificates[0], x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
	for _, c := range state.PeerCertificates[1:] {
		opts.Intermediates.AddCert(c)
	}
	if _, err := leaf.Verify(opts); err != nil {
		return err
	}
	return checkIdentity(leaf, name)
}

// checkIdentity reports whether a certificate is that of a SIP domain, or of an IP address. A domain is named by SIP
// URIs without user; when there are none, by DNS names (RFC 5922 section 7.1). Wildcards name nobody (section 7.2).
func checkIdentity(cert *x509.Certificate, name string) error {
	if addr, err := netip.ParseAddr(name); err == nil {
		for _, ip := range cert.IPAddresses {
			if a, ok := netip.AddrFromSlice(ip); ok && a.Unmap() == addr.Unmap() {
				return nil
			}
		}
		return fmt.Errorf("the peer's certificate does not name the address %s", name)
	}
	var names []string
	for _, u := range cert.URIs {
		if strings.EqualFold(u.Scheme, "sip") && !strings.Contains(u.Opaque, "@") {
			host, _, _ := strings.Cut(u.Opaque, ";")
			names = append(names, host)
		}
	}
	if len(names) == 0 {
		names = cert.DNSNames
	}
	for _, n := range names {
		if strings.EqualFold(strings.TrimSuffix(n, "."), strings.TrimSuffix(name, ".")) {
			return nil
		}
	}
	return fmt.Errorf("the peer's certificate names %.200q, not %q", names, name)
}
