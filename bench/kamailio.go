package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/testnet"
	"github.com/koppelfeld/koppelfeld/sip/auth"
)

// startKamailio starts Kamailio as registrar and proxy, with the accounts of the
// benchmark in its memory: one worker, allocator fm for shared and private memory.
func (b *bench) startKamailio(ctx context.Context) (*server, error) {
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
	cfg, err := writeScenario(dir, "kamailio.cfg", "@ADDRESS@", addr, "@DB@", dir)
	if err != nil {
		return nil, err
	}
	p, err := startProcess("Kamailio", dir, "kamailio", "-f", cfg, "-DD", "-E", "-x", "fm", "-X", "fm", "-m", "512", "-M", "16",
		"-Y", dir, "-P", filepath.Join(dir, "pid"))
	if err != nil {
		return nil, err
	}
	s := &server{process: p, name: "Kamailio", sip: addr, challenge: "407", target: func(c account) string { return c.user }}
	if err := p.until(ctx, 15*time.Second, func() bool { return answersOptions(addr) }); err != nil {
		p.stop()
		return nil, err
	}
	return s, nil
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
