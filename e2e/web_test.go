//go:build e2e

package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
)

// web is the HTTP client of the daemon's API and metrics. It trusts the certificate that the daemon has made for itself,
// and the one that a test has given it.
func (d *daemon) web() *http.Client {
	if d.client == nil {
		transport := &http.Transport{
			ForceAttemptHTTP2: true,
			// What is trusted is read from files that are there only after the start.
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true, VerifyConnection: d.trusted},
		}
		if d.dial != nil {
			transport.DialContext = func(_ context.Context, _, address string) (net.Conn, error) { return d.dial(address) }
		}
		d.client = &http.Client{Transport: transport}
		d.t.Cleanup(transport.CloseIdleConnections)
	}
	return d.client
}

// trusted checks the certificate that the API shows.
func (d *daemon) trusted(state tls.ConnectionState) error {
	roots := x509.NewCertPool()
	for _, file := range []string{filepath.Join(d.dir, "data", "tls", "self.pem"), filepath.Join(d.dir, "cert.pem")} {
		text, err := os.ReadFile(file)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		roots.AppendCertsFromPEM(text)
	}
	host, _, err := net.SplitHostPort(d.admin)
	if err != nil {
		return err
	}
	_, err = state.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, DNSName: host})
	return err
}
