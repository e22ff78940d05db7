package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/testnet"
	"github.com/koppelfeld/koppelfeld/sip/auth"
)

// startKamailio starts Kamailio as registrar and proxy, with the accounts of the
// benchmark in its memory: one worker, allocator fm for shared and private memory. It takes TLS too
// if it is asked to.
func (b *bench) startKamailio(ctx context.Context, secure bool) (*server, error) {
	dir, err := os.MkdirTemp(b.dir, "kamailio")
	if err != nil {
		return nil, fmt.Errorf("starting Kamailio: %w", err)
	}
	var table strings.Builder
	table.WriteString("key_name(string) key_type(int) value_type(int) key_value(string) expires(int)\n")
	for _, a := range b.accounts() {
		ha1, _ := auth.HA1(a.user, domain, a.secret)
		fmt.Fprintf(&table, "%s:0:0:%x:0\n", a.user, ha1)
	}
	if err := os.WriteFile(filepath.Join(dir, "acc"), []byte(table.String()), 0o600); err != nil {
		return nil, fmt.Errorf("writing Kamailio's accounts: %w", err)
	}
	port, err := testnet.Port()
	if err != nil {
		return nil, err
	}
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	listen, modules, tlsAddr := "disable_tcp=yes", "", ""
	if secure {
		if port, err = testnet.Port(); err != nil {
			return nil, err
		}
		tlsAddr = fmt.Sprintf("127.0.0.1:%d", port)
		listen = "tcp_children=1\nenable_tls=yes\ntcp_max_connections=20000\ntcp_connection_lifetime=3605\nlisten=tls:" + tlsAddr
		if modules, err = kamailioTLS(dir); err != nil {
			return nil, err
		}
	}
	cfg, err := writeScenario(dir, "kamailio.cfg", "@ADDRESS@", addr, "@DB@", dir, "@LISTEN@", listen, "@MODULES@", modules)
	if err != nil {
		return nil, err
	}
	p, err := startProcess("Kamailio", dir, "kamailio", "-f", cfg, "-DD", "-E", "-x", "fm", "-X", "fm", "-m", "512", "-M", "16",
		"-Y", dir, "-P", filepath.Join(dir, "pid"))
	if err != nil {
		return nil, err
	}
	s := &server{process: p, name: "Kamailio", sip: addr, tls: tlsAddr, challenge: "407", target: func(c account) string { return c.user }}
	if err := p.until(ctx, 15*time.Second, func() bool { return answersOptions(addr) }); err != nil {
		p.stop()
		return nil, err
	}
	return s, nil
}

// kamailioTLS makes a certificate of the kind that koppelfeld makes itself, and names it to the TLS module.
func kamailioTLS(dir string) (modules string, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", fmt.Errorf("making Kamailio's certificate: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: domain}, DNSNames: []string{domain},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return "", fmt.Errorf("making Kamailio's certificate: %w", err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", fmt.Errorf("making Kamailio's certificate: %w", err)
	}
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: cert}, "key.pem": {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			return "", fmt.Errorf("writing Kamailio's certificate: %w", err)
		}
	}
	return fmt.Sprintf("loadmodule \"tls.so\"\nmodparam(\"tls\", \"tls_method\", \"TLSv1.2+\")\n"+
		"modparam(\"tls\", \"certificate\", %q)\nmodparam(\"tls\", \"private_key\", %q)", filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")), nil
}

// answersOptions tells whether somebody answers SIP at addr, whatever the answer.
func answersOptions(addr string) bool {
	c, err := net.Dial("udp", addr)
	if err != nil {
		return false
	}
	defer c.Close()
	local := c.LocalAddr().String()
	fmt.Fprintf(c, "OPTIONS sip:%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK-up-%d\r\nFrom: <sip:up@%s>;tag=1\r\nTo: <sip:%s>\r\n"+
		"Call-ID: up-%s\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 5\r\nContent-Length: 0\r\n\r\n",
		domain, local, time.Now().UnixNano(), domain, domain, local)
	_ = c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	n, err := c.Read(make([]byte, 2048))
	return err == nil && n > 0
}
