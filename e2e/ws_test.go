//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

// open connects a peer over TLS or WebSocket. It trusts the certificate that the daemon has made for itself.
func (p *peer) open(addr string) {
	p.t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		p.t.Fatal(err)
	}
	p.local = conn.LocalAddr().String()
	if p.proto == "TLS" || p.proto == "WSS" {
		pem, err := os.ReadFile(filepath.Join(p.d.dir, "data", "tls", "self.pem"))
		if err != nil {
			p.t.Fatal(err)
		}
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(pem)
		conn = tls.Client(conn, &tls.Config{RootCAs: pool, ServerName: domain})
	}
	if p.proto == "WS" || p.proto == "WSS" {
		// Browsers do not know their address (RFC 7118 appendix A).
		p.local = token() + ".invalid"
		d := ws.Dialer{Protocols: []string{"sip"}, NetDial: func(context.Context, string, string) (net.Conn, error) { return conn, nil }}
		if _, _, _, err := d.Dial(context.Background(), "ws://"+domain+"/ws"); err != nil {
			p.t.Fatal(err)
		}
		conn = &framed{Conn: conn}
	}
	p.tcp = conn
	go p.readTCP(conn)
	p.t.Cleanup(func() { conn.Close() })
}

// framed sends each Write as a message, and reads the messages of the other side one after the other.
type framed struct {
	net.Conn
	rest bytes.Reader
}

func (f *framed) Write(b []byte) (int, error) {
	return len(b), wsutil.WriteClientMessage(f.Conn, ws.OpText, b)
}

func (f *framed) Read(b []byte) (int, error) {
	for f.rest.Len() == 0 {
		msg, err := wsutil.ReadServerText(f.Conn)
		if err != nil {
			return 0, io.EOF
		}
		f.rest.Reset(msg)
	}
	return f.rest.Read(b)
}

// uriParams are the parameters of our contact.
var uriParams = map[string]string{"UDP": "", "TCP": "transport=tcp", "TLS": "transport=tls", "WS": "transport=ws", "WSS": "transport=ws"}

// TestEveryTransportCallsEveryOther registers a phone and calls another over each pair of transports; both hear each
// other, and requests in the dialog find their way in both directions.
func TestEveryTransportCallsEveryOther(t *testing.T) {
	d := newDaemon(t, "sqlite")
	for _, scheme := range []string{"tls", "ws", "wss"} {
		d.listen(scheme)
	}
	d.edit("[media]", "[media]\nsrtp = \"off\"") // the peers speak plain RTP only
	r := newPairOn(t, d)
	protos := []string{"UDP", "TCP", "TLS", "WS", "WSS"}
	for _, to := range protos {
		callee := newPeer(t, d, r.callee, to, "127.0.0.1:0")
		callee.register()
		for _, from := range protos {
			t.Run(from+" to "+to, func(t *testing.T) {
				caller := newPeer(t, d, r.caller, from, "127.0.0.1:0")
				c := r.connect(t, caller, callee, "")
				c.flows(t, 20)
				for uri, proto := range map[string]string{c.a.target: from, c.b.invite.uri("Contact"): to} {
					if _, params, _ := strings.Cut(uri, ";"); params != uriParams[proto] {
						t.Errorf("contact %s over %s", uri, proto)
					}
				}
				c.b.send("OPTIONS", "", "")
				c.b.p.await("200 OPTIONS")
				c.end(t)
			})
		}
		callee.unregister()
	}
	r.clean(t)
}

// TestBrowserThatIsGone: a phone over WebSocket whose page was closed is not rung for long; the call ends as for
// a phone that is not there.
func TestBrowserThatIsGone(t *testing.T) {
	d := newDaemon(t, "sqlite")
	d.listen("ws")
	d.edit("[media]", "[media]\nsrtp = \"off\"")
	r := newPairOn(t, d)
	callee := newPeer(t, d, r.callee, "WS", "127.0.0.1:0")
	callee.register()
	callee.tcp.Close()
	caller := newPeer(t, d, r.caller, "UDP", "127.0.0.1:0")
	caller.dial("sip:416@"+domain, "", description("127.0.0.1", newVoice(t).port, 1, "", pcmu...))
	caller.await("480 INVITE")
}
