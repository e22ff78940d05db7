package admin

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
)

// serverTLS makes the configuration of the server from one that is asked for anew for each connection, so that certificates
// can be replaced. Browsers are not asked for certificates of their own, which [tls] may do with phones.
func serverTLS(current func() *tls.Config) *tls.Config {
	protocols := []string{"h2", "http/1.1"}
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: protocols,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			c := current().Clone()
			c.NextProtos, c.ClientAuth, c.ClientCAs = protocols, tls.NoClientCert, nil
			c.DynamicRecordSizingDisabled = false
			return c, nil
		},
	}
}

// Limits of what is looked at of a request that came without TLS.
const (
	maxPlainHeader = 8 << 10
	maxPlainBody   = 64 << 10
	firstOfTLS     = 0x16 // content type handshake (RFC 8446 section 5.1)
)

// plainHost is a host that may stand in a header of an answer.
var plainHost = regexp.MustCompile(`^[A-Za-z0-9._:\[\]-]{1,255}$`)

// errPlain is what the TLS layer gets to read after a plain request has had its answer.
var errPlain = errors.New("plain HTTP on the port for HTTPS")

// hintListener tells clients that speak plain HTTP where to go. It does so when the TLS layer first reads from the
// connection: in the goroutine of that connection and within its time for the handshake.
type hintListener struct{ net.Listener }

// Accept waits for a connection.
func (l hintListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &hintConn{Conn: c}, nil
}

// hintConn is a connection of which the first byte tells whether it is TLS.
type hintConn struct {
	net.Conn
	known bool
}

// Read is called by one goroutine at a time.
func (c *hintConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.known || n == 0 {
		return n, err
	}
	c.known = true
	if p[0] == firstOfTLS {
		return n, err
	}
	hint(c.Conn, p[:n])
	return 0, errPlain
}

// hint answers a plain request: pages are found again under https, programs are told. What a program sends may be a
// password: it must learn that it has sent it in the clear, not be led on silently.
func hint(c net.Conn, first []byte) {
	in := io.MultiReader(strings.NewReader(string(first)), c)
	r, err := http.ReadRequest(bufio.NewReader(io.LimitReader(in, maxPlainHeader)))
	if err != nil {
		return
	}
	defer r.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(r.Body, maxPlainBody)) // so that closing does not take back the answer
	w := bufio.NewWriter(c)
	defer w.Flush()
	if read := r.Method == http.MethodGet || r.Method == http.MethodHead; read && plainHost.MatchString(r.Host) && !strings.HasPrefix(r.URL.Path, "/api/") {
		fmt.Fprintf(w, "HTTP/1.1 308 Permanent Redirect\r\nLocation: https://%s%s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", r.Host, r.URL.RequestURI())
		return
	}
	const body = `{"title":"Bad Request","status":400,"detail":"this port speaks HTTPS: what was sent went through the network unprotected"}` + "\n"
	fmt.Fprintf(w, "HTTP/1.1 400 Bad Request\r\nContent-Type: application/problem+json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n", len(body))
	if r.Method != http.MethodHead {
		_, _ = w.WriteString(body)
	}
}
