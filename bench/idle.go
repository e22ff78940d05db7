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
// half minute: memory in one daemon, whose collector gives everything back, and CPU in another.
func (b *bench) measureIdle(ctx context.Context) error {
	n := min(idleConnections(), len(b.accounts()))
	what := fmt.Sprintf("%d idle TLS connections with a registration each: ", n)
	err := b.withIdle(ctx, n, func(s *server, before, after reading, _ []*agent) error {
		b.result(&result{
			Name: what + "memory of one", Unit: "KB", Koppelfeld: []float64{(after.memory - before.memory) / 1024 / float64(n)},
			Note: "binding included, kernel memory not",
		})
		return nil
	}, tightMemory...)
	if err != nil {
		return err
	}
	return b.withIdle(ctx, n, func(s *server, before, after reading, agents []*agent) error {
		b.result(&result{
			Name: what + "CPU to open one (handshake, REGISTER with digest)", Unit: "µs",
			Koppelfeld: []float64{float64((after.cpu - before.cpu).Microseconds()) / float64(n)},
		})
		const watched = 30 // seconds
		begin, err := s.cpu()
		if err != nil {
			return err
		}
		perSecond := n / watched
		if err := atRate(ctx, perSecond, perSecond*watched, func(i int) error { return agents[i].send([]byte("\r\n\r\n")) }); err != nil {
			return err
		}
		end, err := s.cpu()
		b.result(&result{
			Name: what + "CPU of all, each sending a ping every 30 s", Unit: "% of a core",
			Koppelfeld: []float64{100 * (end - begin).Seconds() / watched},
		})
		return err
	})
}

// reading is what a server has taken.
type reading struct {
	memory float64       // bytes
	cpu    time.Duration // before the memory was read, which may take the collector's work
}

func (s *server) read(ctx context.Context) (r reading, err error) {
	if r.cpu, err = s.cpu(); err != nil {
		return r, err
	}
	r.memory, err = s.settled(ctx)
	return r, err
}

// withIdle opens n connections to a new daemon and calls f with what it had taken before and after.
func (b *bench) withIdle(ctx context.Context, n int, f func(s *server, before, after reading, agents []*agent) error, env ...string) error {
	s, err := b.startKoppelfeld(ctx, false, env...)
	if err != nil {
		return err
	}
	defer s.stop()
	p, err := b.openPhones(ctx, s, b.callees[:100], silence)
	if err != nil {
		return err
	}
	defer p.close()
	if err := b.warmUp(ctx, s, p); err != nil {
		return err
	}
	before, err := s.read(ctx)
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
	accounts := b.accounts()
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
	after, err := s.read(ctx)
	if err != nil {
		return err
	}
	b.progress("idle: %d connections, %.0f MB in all", n, after.memory/1e6)
	return f(s, before, after, agents)
}
