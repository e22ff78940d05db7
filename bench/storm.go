package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/koppelfeld/koppelfeld/sip/auth"
)

// The storm: as many phones as there are in a house come back at once, as after a power cut, while
// calls are made.
const (
	stormPhones    = 10000
	stormPerSecond = 2000 // phones that begin
	stormCalls     = 50   // calls per second meanwhile
	stormTries     = 6    // of a phone whose request is lost or refused for now
)

// measureStorm measures how long it takes until all phones are registered, and how long calls take to ring meanwhile.
func (b *bench) measureStorm(ctx context.Context) error {
	s, err := b.startKoppelfeld(ctx, false)
	if err != nil {
		return err
	}
	defer s.stop()
	const parties = 1000
	p, err := b.openPhones(ctx, s, b.callees[:parties], silence)
	if err != nil {
		return err
	}
	defer p.close()
	accounts := append(slices.Clone(b.callers), b.callees[parties:]...)
	accounts = accounts[:min(len(accounts), stormPhones)]

	quiet, err := b.ringWhile(ctx, s, p, parties, func(ctx context.Context) error { return pause(ctx, 5*time.Second) })
	if err != nil {
		return err
	}
	var all time.Duration
	busy, err := b.ringWhile(ctx, s, p, parties, func(ctx context.Context) error {
		begin := time.Now()
		defer func() { all = time.Since(begin) }()
		return b.registerStorm(ctx, s, accounts)
	})
	if err != nil {
		return err
	}
	what := fmt.Sprintf("storm of %d phones registering with digest, %d of them beginning each second: ", len(accounts), stormPerSecond)
	b.result(&result{Name: what + "all are served after", Unit: "s", Koppelfeld: []float64{all.Seconds()}, Aim: "at most 30"})
	for _, q := range []struct {
		name string
		q    float64
	}{{"p50", 0.5}, {"p99", 0.99}} {
		b.result(&result{
			Name: fmt.Sprintf("%stime from INVITE to 180 meanwhile, %d calls/s, %s", what, stormCalls, q.name), Unit: "ms",
			Koppelfeld: []float64{quantile(busy, q.q)}, Aim: map[float64]string{0.99: "below 50"}[q.q], Note: fmt.Sprintf("%.2f before the storm", quantile(quiet, q.q)),
		})
	}
	return nil
}

// registerStorm registers all accounts, each from a socket that it shares with others.
func (b *bench) registerStorm(ctx context.Context, s *server, accounts []account) error {
	const sockets = 64
	agents := make([]*agent, sockets)
	for i := range agents {
		a, err := newAgent(fmt.Sprintf("127.0.2.%d", i+1), s.sip, silence, nil)
		if err != nil {
			return err
		}
		defer a.close()
		agents[i] = a
	}
	var again atomic.Int64
	err := atRate(ctx, stormPerSecond, len(accounts), func(i int) error {
		var err error
		for try := range stormTries {
			if err = agents[i%sockets].register(ctx, accounts[i], auth.NewClient(accounts[i].user, accounts[i].secret)); err == nil || ctx.Err() != nil {
				return err
			}
			again.Add(1)
			if err := pause(ctx, time.Duration(try+1)*time.Second); err != nil {
				return err
			}
		}
		return err
	})
	b.progress("storm: %d phones had to try again", again.Load())
	return err
}

// ringWhile makes calls while f runs and returns how many milliseconds each took to ring.
func (b *bench) ringWhile(ctx context.Context, s *server, p *phones, parties int, f func(context.Context) error) ([]float64, error) {
	calling, stop := context.WithCancel(ctx)
	defer stop()
	var mu sync.Mutex
	var rung []float64
	done := make(chan error, 1)
	go func() {
		done <- atRate(calling, stormCalls, stormCalls*300, func(i int) error {
			i %= parties
			t, err := p.caller.call(ctx, b.callers[i], s.target(b.callees[i]), silence())
			if err != nil {
				return err
			}
			mu.Lock()
			rung = append(rung, t.rung.Seconds()*1000)
			mu.Unlock()
			return errors.Join(pause(ctx, 20*time.Millisecond), p.caller.hangUp(ctx, t))
		})
	}()
	err := f(ctx)
	stop()
	if called := <-done; called != nil && !errors.Is(called, context.Canceled) {
		err = errors.Join(err, fmt.Errorf("a call meanwhile: %w", called))
	}
	return rung, err
}
