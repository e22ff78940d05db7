package admin_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/certs"
)

// serveTLS runs the rig's server with a self-made certificate and returns its address and a client that trusts it.
func serveTLS(t *testing.T, r *rig) (address string, client *http.Client) {
	t.Helper()
	dir := t.TempDir()
	made, err := certs.Open(certs.Config{Dir: dir, Names: []string{"127.0.0.1"}})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.tls = made.Server
	r.serveOn(l)
	r.run()
	text, err := os.ReadFile(certs.SelfMade(dir))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: roots}}
	t.Cleanup(transport.CloseIdleConnections)
	return l.Addr().String(), &http.Client{Transport: transport}
}

// TestOverTLS logs in over HTTPS: the cookie is bound to this host and to TLS, and HTTP/2 is spoken.
func TestOverTLS(t *testing.T) {
	r := newRig(t)
	address, client := serveTLS(t, r)
	res, err := client.Post("https://"+address+"/api/session", "application/json", strings.NewReader(`{"username":"armin.artmann","password":"`+password+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	cookies := res.Cookies()
	if res.ProtoMajor != 2 || len(cookies) != 1 || cookies[0].Name != "__Host-koppelfeld_session" || !cookies[0].Secure || res.Header.Get("Strict-Transport-Security") == "" {
		t.Fatalf("%s, cookies %v, header %v", res.Proto, cookies, res.Header)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+address+"/api/session", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.AddCookie(cookies[0])
	if res, err = client.Do(req); err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("with the cookie: %s", res.Status)
	}
}

// TestPlainOnTheTLSPort sends what is not TLS to the port for HTTPS.
func TestPlainOnTheTLSPort(t *testing.T) {
	r := newRig(t)
	address, client := serveTLS(t, r)
	for _, c := range []struct {
		name, send string
		status     int // 0: closed without an answer
		location   string
	}{
		{"a page", "GET /admin/users?x=1 HTTP/1.1\r\nHost: pbx.example:8080\r\n\r\n", 308, "https://pbx.example:8080/admin/users?x=1"},
		{"HEAD", "HEAD / HTTP/1.1\r\nHost: pbx.example\r\n\r\n", 308, "https://pbx.example/"},
		{"the API", "GET /api/users HTTP/1.1\r\nHost: pbx.example\r\n\r\n", 400, ""},
		{"a password", "POST /api/session HTTP/1.1\r\nHost: pbx.example\r\nContent-Length: 2\r\n\r\n{}", 400, ""},
		{"a page sent to", "POST /admin/ HTTP/1.1\r\nHost: pbx.example\r\nContent-Length: 2\r\n\r\n{}", 400, ""},
		{"a host that is none", "GET / HTTP/1.1\r\nHost: a b\"><script>\r\n\r\n", 400, ""},
		{"no host", "GET / HTTP/1.0\r\n\r\n", 400, ""},
		{"no HTTP", "\x00\x01\x02 nonsense\r\n\r\n", 0, ""},
		{"a header without an end", "GET / HTTP/1.1\r\nX: " + strings.Repeat("x", 20000), 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
			if _, err := io.WriteString(conn, c.send); err != nil {
				t.Fatal(err)
			}
			method, _, _ := strings.Cut(c.send, " ")
			res, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
			if c.status == 0 {
				if err == nil {
					t.Errorf("answered %s", res.Status)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if res.StatusCode != c.status || res.Header.Get("Location") != c.location {
				t.Errorf("%s to %q", res.Status, res.Header.Get("Location"))
			}
			if res.StatusCode == 400 {
				var p struct{ Status int }
				if err := json.NewDecoder(res.Body).Decode(&p); err != nil || p.Status != 400 {
					t.Errorf("problem %+v: %v", p, err)
				}
			}
		})
	}
	if res, err := client.Get("https://" + address + "/readyz"); err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("afterwards: %v", err)
	}
}
