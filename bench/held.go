package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/koppelfeld/koppelfeld/sip/message"
)

// held are calls that are up, with what the callee was offered in each.
type held struct {
	talks  []*talk
	offers map[string][]byte // by the caller's Call-ID
}

// phones are the agents on both sides of a server.
type phones struct {
	caller, callee *agent

	mu    sync.Mutex
	offer []byte // of the latest INVITE that reached the callee
}

// openPhones registers callees and readies callers. Callers come from another address
// than callees, so that limits per source count them apart.
func (b *bench) openPhones(ctx context.Context, s *server, callees []account, session func() string) (*phones, error) {
	p := &phones{}
	var err error
	if p.caller, err = newAgent("127.0.0.2", s.sip, session, nil); err != nil {
		return nil, err
	}
	onInvite := func(m *message.Message) {
		p.mu.Lock()
		p.offer = m.Body()
		p.mu.Unlock()
	}
	if p.callee, err = newAgent("127.0.0.1", s.sip, session, onInvite); err != nil {
		p.caller.close()
		return nil, err
	}
	if err := p.callee.registerAll(ctx, callees); err != nil {
		p.close()
		return nil, fmt.Errorf("%s: %w", s.name, err)
	}
	return p, nil
}

func (p *phones) close() { p.caller.close(); p.callee.close() }

// holdCalls starts koppelfeld with relaying and sets up calls, one after the other, with these offers and answers.
func (b *bench) holdCalls(ctx context.Context, calls int, offer, answer func() string) (*server, *held, func(), error) {
	s, err := b.startKoppelfeld(ctx, true)
	if err != nil {
		return nil, nil, nil, err
	}
	p, err := b.openPhones(ctx, s, b.callees[:calls], answer)
	if err != nil {
		s.stop()
		return nil, nil, nil, err
	}
	stop := func() { s.stop(); p.close() }
	h, err := b.setUp(ctx, s, p, calls, offer)
	if err != nil {
		stop()
		return nil, nil, nil, err
	}
	return s, h, stop, nil
}

// setUp calls each callee once.
func (b *bench) setUp(ctx context.Context, s *server, p *phones, calls int, session func() string) (*held, error) {
	h := &held{offers: map[string][]byte{}}
	for i := range calls {
		t, err := p.caller.call(ctx, b.callers[i], s.target(b.callees[i]), session())
		if err != nil {
			return nil, fmt.Errorf("%s: call %d: %w", s.name, i, err)
		}
		p.mu.Lock()
		h.talks, h.offers[t.id] = append(h.talks, t), p.offer
		p.mu.Unlock()
	}
	return h, nil
}

// measureLatency compares the time from the INVITE with credentials to 180.
func (b *bench) measureLatency(ctx context.Context) error {
	servers, stop, err := b.pair(ctx)
	if err != nil {
		return err
	}
	defer stop()
	what := fmt.Sprintf("time from INVITE to 180, %d calls/s, ", b.rates.latency)
	p50 := &result{Name: what + "p50", Unit: "ms", Peer: "Kamailio"}
	p99 := &result{Name: what + "p99", Unit: "ms", Peer: "Kamailio"}
	const parties = 1000
	var both [2]*phones
	for i, s := range servers {
		if both[i], err = b.openPhones(ctx, s, b.callees[:parties], silence); err != nil {
			return err
		}
		defer both[i].close()
	}
	for rep := -1; rep < b.reps; rep++ {
		for i, s := range servers {
			seconds := b.seconds
			if rep < 0 {
				seconds = min(seconds, warmUpSeconds)
			}
			rung, err := b.ringTimes(ctx, s, both[i], parties, seconds)
			if err != nil {
				return err
			}
			b.progress("%s: p50 %.3f ms, p99 %.3f ms", s.name, median(rung), quantile(rung, 0.99))
			if rep >= 0 {
				p50.add(i, median(rung))
				p99.add(i, quantile(rung, 0.99))
			}
		}
	}
	b.result(p50)
	b.result(p99)
	return nil
}

// ringTimes makes calls of 20 ms at the rate and returns how many milliseconds each took to ring.
func (b *bench) ringTimes(ctx context.Context, s *server, p *phones, parties, seconds int) ([]float64, error) {
	var mu sync.Mutex
	var rung []float64
	err := atRate(ctx, b.rates.latency, b.rates.latency*seconds, func(i int) error {
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
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.name, err)
	}
	return rung, nil
}
