//go:build e2e

package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// writeCertificate makes a self-signed certificate for 127.0.0.1 and a name.
func writeCertificate(t *testing.T, cert, key, name string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<62))
	tmpl := &x509.Certificate{
		SerialNumber: serial, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
		DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	der8, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: der8}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// shows is the first name in the certificate that a new connection to addr gets.
func shows(t *testing.T, addr string) string {
	t.Helper()
	c, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0].DNSNames[0]
}

// TestCallsOverTLS calls between a phone over TLS and one over UDP, in both directions, with the certificate that
// the daemon has made for itself; the phone checks it.
func TestCallsOverTLS(t *testing.T) {
	d := newDaemon(t, "sqlite")
	addr := d.listen("tls")
	d.start()
	desk, iris := d.slots("armin.artmann")["desk"], d.slots("iris.immsee")["desk"]
	d.api("PUT", "/api/users/armin.artmann/matrix", map[string][]string{"416": {desk.ID}, "4161": {}, "4162": {}}, nil)
	ca := filepath.Join(d.dir, "data", "tls", "self.pem")
	a := startPhone(t, phoneOptions{name: "armin-tls", account: desk, server: addr, transport: "tls", ca: ca, tone: toneArmin})
	b := startPhone(t, phoneOptions{name: "iris-udp", account: iris, server: d.sip, transport: "udp", tone: toneIris})
	for i, dir := range []struct {
		from, to *phone
		number   string
	}{{b, a, "416"}, {a, b, "417"}} {
		for _, p := range []*phone{a, b} {
			p.forget()
			p.forgetAudio()
		}
		dir.from.command("dial", "sip:"+dir.number+"@"+domain)
		dir.to.await("CALL_INCOMING")
		dir.to.command("accept", "")
		dir.from.await("CALL_ESTABLISHED")
		heardFor(t, 2500*time.Millisecond, a, b)
		dir.from.command("hangup", "")
		dir.to.await("CALL_CLOSED")
		for _, heard := range []struct {
			p  *phone
			hz float64
		}{{b, toneArmin}, {a, toneIris}} {
			if share, blocks := heard.p.purity(heard.hz); blocks < 6 || share < 0.75 {
				t.Errorf("call %d: %s heard %.0f Hz in %.0f %% of %d blocks", i, heard.p.name, heard.hz, share*100, blocks)
			}
		}
		if r := d.awaitRecords(i + 1); r.Result != "answered" || r.MediaNote != "" {
			t.Errorf("call %d: record %+v", i, r)
		}
	}
	if !strings.Contains(a.log.String(), "SIP/2.0/TLS") || strings.Contains(b.log.String(), "SIP/2.0/TLS") {
		t.Error("the phones did not speak over the transports they were told to")
	}
}

// TestCertificateReplacedDuringCall: a reload takes over a new certificate for new connections, and the phone whose
// call is up stays connected.
func TestCertificateReplacedDuringCall(t *testing.T) {
	d := newDaemon(t, "sqlite")
	addr := d.listen("tls")
	cert, key := filepath.Join(d.dir, "cert.pem"), filepath.Join(d.dir, "key.pem")
	writeCertificate(t, cert, key, "old.example")
	d.edit("[media]", fmt.Sprintf("[tls]\ncertificate = %q\nkey = %q\n[media]", cert, key))
	d.start()
	desk, iris := d.slots("armin.artmann")["desk"], d.slots("iris.immsee")["desk"]
	d.api("PUT", "/api/users/armin.artmann/matrix", map[string][]string{"416": {desk.ID}, "4161": {}, "4162": {}}, nil)
	a := startPhone(t, phoneOptions{name: "armin-tls", account: desk, server: addr, transport: "tls", tone: toneArmin, answer: true})
	b := startPhone(t, phoneOptions{name: "iris-tls", account: iris, server: addr, transport: "tls", tone: toneIris})
	b.command("dial", "sip:416@"+domain)
	a.await("CALL_ESTABLISHED")
	connections := d.metric("koppelfeld_sip_connections") // of the phones; those that only look are gone a moment later
	if got := shows(t, addr); got != "old.example" {
		t.Fatalf("before: %s", got)
	}
	writeCertificate(t, cert, key, "new.example")
	if err := d.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	d.eventually(5*time.Second, "new connections get the new certificate", func() bool { return shows(t, addr) == "new.example" })
	d.eventually(5*time.Second, "only the phones are connected", func() bool { return d.metric("koppelfeld_sip_connections") == connections })
	heardFor(t, 3*time.Second, a, b)
	b.command("sndcode", "7")
	a.await("CALL_DTMF_START 7")
	b.command("hangup", "")
	a.await("CALL_CLOSED")
	if r := d.awaitRecords(1); r.Result != "answered" || r.HangupBy != "caller" {
		t.Errorf("record %+v", r)
	}
}
