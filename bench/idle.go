package main

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/koppelfeld/koppelfeld/sip/auth"
)

// idlePerSource is how many connections are opened from one address: fewer than the daemon allows.
const idlePerSource = 400

// idleConnections is how many TLS connections are opened: 10,000, or what the descriptors of both processes are enough for.
func idleConnections() int {
	var r unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &r) != nil {
		return 400
	}
	return int(min(10000, (r.Cur-500)/2))
}

// measureIdle measures what registered phones cost that hold a TLS connection and say nothing but a ping (RFC 5626) each
// half minute: memory and CPU.
func (b *bench) measureIdle(ctx context.Context) error {
	s, err := b.startKoppelfeld(ctx, false, tightMemory...)
	if err != nil {
		return err
	}
	defer s.stop()
	accounts := b.accounts()
	n := min(idleConnections(), len(accounts))
	p, err := b.openPhones(ctx, s, b.callees[:100], silence)
	if err != nil {
		return err
	}
	defer p.close()
	if err := b.warmUp(ctx, s, p); err != nil {
		return err
	}
	before, err := s.settled(ctx)
	if err != nil {
		return err
	}
	begin := time.Now()
	closed, err := s.cpu()
	if err != nil {
		return err
	}
	agents := make([]*agent, n)
	defer func() {
		for _, a := range agents {
			if a != nil {
				a.close()
			}
		}
	}()
	err = inParallel(16, n, func(i int) error {
		w, err := openTLS(ctx, fmt.Sprintf("127.0.3.%d", 1+i/idlePerSource), s.tls)
		if err != nil {
			return fmt.Errorf("connection %d: %w", i, err)
		}
		agents[i] = newAgentOn(w, silence, nil)
		return agents[i].register(ctx, accounts[i], auth.NewClient(accounts[i].user, accounts[i].secret))
	})
	if err != nil {
		return err
	}
	took := time.Since(begin)
	opened, err := s.cpu()
	if err != nil {
		return err
	}
	held, err := s.settled(ctx)
	if err != nil {
		return err
	}
	b.progress("idle: %d connections within %v, %.0f MB in all", n, took.Round(time.Second), held/1e6)
	const watched = 30 * time.Second
	cpu, err := s.cpu()
	if err != nil {
		return err
	}
	err = atRate(ctx, n/int(watched/time.Second), n/int(watched/time.Second)*int(watched/time.Second), func(i int) error { return agents[i].send([]byte("\r\n\r\n")) })
	if err != nil {
		return err
	}
	after, err := s.cpu()
	if err != nil {
		return err
	}
	what := fmt.Sprintf("%d idle TLS connections with a registration each: ", n)
	b.result(&result{Name: what + "memory of one", Unit: "KB", Koppelfeld: []float64{(held - before) / 1024 / float64(n)}, Note: "binding included, kernel memory not"})
	b.result(&result{Name: what + "CPU of all, each sending a ping every 30 s", Unit: "% of a core", Koppelfeld: []float64{100 * (after - cpu).Seconds() / watched.Seconds()}})
	b.result(&result{Name: what + "CPU to open one (handshake, REGISTER with digest)", Unit: "µs", Koppelfeld: []float64{float64((opened - closed).Microseconds()) / float64(n)}})
	return nil
}
