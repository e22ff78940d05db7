package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/config"
	"github.com/koppelfeld/koppelfeld/internal/secret"
	"github.com/koppelfeld/koppelfeld/internal/selfcall"
	"github.com/koppelfeld/koppelfeld/internal/store"
	"github.com/koppelfeld/koppelfeld/internal/version"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// tryWithin bounds the self-check.
const tryWithin = 2 * time.Minute

// try calls with two built-in telephones through a daemon of 5 that runs for it alone: on loopback, on free ports, with a copy of the new data,
// while 4.5 goes on. The copy is a file whatever the database of 5 is, so that nothing of the trial gets into that.
func (r *run) try(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, tryWithin)
	defer cancel()
	dir := filepath.Join(r.dir, trialFolder)
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o700)); err != nil {
		return fmt.Errorf("preparing the self-check: %w", err)
	}
	defer os.RemoveAll(dir) // and again with the next run
	if err := copyFile(filepath.Join(r.cfg.DataDir, secret.KeyFile), filepath.Join(dir, secret.KeyFile)); err != nil {
		return fmt.Errorf("preparing the self-check: %w", err)
	}
	if r.onServer() {
		sc, err := r.storeConfig(dir)
		if err != nil {
			return err
		}
		sc.Database = "sqlite"
		if _, err := r.fill(ctx, sc); err != nil {
			return fmt.Errorf("preparing the self-check: %w", err)
		}
	} else if err := copyFile(filepath.Join(r.dir, stagedFolder, store.FileName), filepath.Join(dir, store.FileName)); err != nil {
		return fmt.Errorf("preparing the self-check: %w", err)
	}
	return callBeside(ctx, trialConfig(r.cfg, dir))
}

// trialConfig is the configuration of a daemon that nobody outside of this machine meets: no trunk, no collector, no name but ours.
func trialConfig(cfg config.Config, dir string) config.Config {
	c := config.Default()
	c.DataDir, c.Database = dir, "sqlite"
	c.SIP.Listen, c.SIP.Domain, c.SIP.Digest = []string{"udp://127.0.0.1:0"}, cfg.SIP.Domain, cfg.SIP.Digest
	c.Site = cfg.Site
	c.Media.Ports = "49152-65535" // the kernel's own range: taken ones are passed over
	c.Admin = config.Admin{Listen: "127.0.0.1:0", TLS: config.AdminTLSOff}
	c.Metrics.Listen = ""
	c.Log.Level = "error"
	return c
}

// callBeside runs a daemon, calls through it, and stops it.
func callBeside(ctx context.Context, cfg config.Config) error {
	a, err := New(ctx, cfg, Options{Out: os.Stderr})
	if err != nil {
		return err
	}
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go a.faults.Guard("upgrade", func() {
		err := errFault
		defer func() { ended <- err }()
		err = a.Run(running)
	})()
	err = a.callThrough(ctx)
	stop()
	return errors.Join(err, <-ended)
}

// callThrough calls with the two telephones through this daemon.
func (a *App) callThrough(ctx context.Context) error {
	change := store.Change{Actor: "root", Source: "selfcall"}
	var sc selfcall.Config
	if _, err := a.store.Update(ctx, change, func(tx *store.Tx) error {
		var err error
		sc, err = prepareSelfcall(tx, a.cfg.SIP.Domain)
		return err
	}); err != nil {
		return fmt.Errorf("preparing the self-call: %w", err)
	}
	for _, b := range a.stack.Addrs() {
		if b.Proto == transport.UDP {
			sc.Server = b.Addr
		}
	}
	sc.Transport, sc.Patience = "udp", 5*time.Second
	if report, err := selfcall.Run(ctx, sc); err != nil {
		return fmt.Errorf("the self-call failed after %d steps: %w", len(report.Steps), err)
	}
	return nil
}

// sipAnswers waits until the daemon answers a SIP OPTIONS at the first address that it listens on.
func sipAnswers(ctx context.Context, cfg config.Config) error {
	network := "udp"
	server, err := listener(cfg, network)
	if err != nil {
		network = "tcp"
		if server, err = listener(cfg, network); err != nil {
			return nil // only encrypted: the service manager has been told that it is ready
		}
	}
	for n := 1; ; n++ {
		err := askOptions(ctx, network, server, n)
		if err == nil {
			return nil
		}
		t := time.NewTimer(500 * time.Millisecond)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return fmt.Errorf("5 does not answer at %s: %w", server, err)
		}
	}
}

// askOptions sends one OPTIONS and waits a moment for any answer.
func askOptions(ctx context.Context, network string, server netip.AddrPort, n int) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, server.String())
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
	id := fmt.Sprintf("upgrade-%d-%d", os.Getpid(), n)
	own := conn.LocalAddr().String()
	if _, err := fmt.Fprintf(conn, "OPTIONS sip:%s SIP/2.0\r\nVia: SIP/2.0/%s %s;branch=z9hG4bK-%s;rport\r\nMax-Forwards: 70\r\nFrom: <sip:upgrade@%s>;tag=%s\r\nTo: <sip:%s>\r\n"+
		"Call-ID: %s@%s\r\nCSeq: %d OPTIONS\r\nUser-Agent: Koppelfeld %s\r\nContent-Length: 0\r\n\r\n",
		server, strings.ToUpper(network), own, id, own, id, server, id, own, n, version.Version); err != nil {
		return err
	}
	answer := make([]byte, 2048)
	k, err := conn.Read(answer)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(string(answer[:k]), "SIP/2.0 ") {
		return fmt.Errorf("something else answers at %s", server)
	}
	if strings.Contains(string(answer[:k]), "\r\nServer: Koppelfeld 4") {
		return fmt.Errorf("4.5 answers at %s", server)
	}
	return nil
}
