package main

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// measureBackups compares the time from INVITE to 180 while one backup after the other is made and restored on trial with that of a daemon left alone.
func (b *bench) measureBackups(ctx context.Context) error {
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
	what := fmt.Sprintf("time from INVITE to 180, %d calls/s, ", b.rates.latency)
	p50 := &result{Name: what + "p50, while backups are made", Unit: "ms", Peer: "without"}
	p99 := &result{Name: what + "p99, while backups are made", Unit: "ms", Peer: "without"}
	for rep := -1; rep < b.reps; rep++ {
		for i := range 2 {
			stop := func() {}
			if i == 0 {
				stop = s.keepBackingUp(ctx)
			}
			rung, err := b.ringTimes(ctx, s, p, parties, b.seconds)
			stop()
			if err != nil {
				return err
			}
			b.progress("backups %v: p50 %.3f ms, p99 %.3f ms", i == 0, median(rung), quantile(rung, 0.99))
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

// keepBackingUp asks for a backup again and again, until the returned function is called and the last one is done.
func (s *server) keepBackingUp(ctx context.Context) func() {
	asking, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for asking.Err() == nil {
			_ = s.request(asking, http.MethodPost, "/api/backups", nil, nil) // refused while one is being made
			_ = pause(asking, 100*time.Millisecond)
		}
	}()
	return func() {
		cancel()
		<-done
		var v struct{ State struct{ Working string } }
		for s.request(ctx, http.MethodGet, "/api/backups", nil, &v) == nil && v.State.Working != "" {
			if pause(ctx, 100*time.Millisecond) != nil {
				return
			}
		}
	}
}
