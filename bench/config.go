package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// measureStart measures the time from starting the daemon until it is ready.
func (b *bench) measureStart(ctx context.Context) error {
	r := &result{Name: fmt.Sprintf("start until ready, %d users with 3 numbers and 3 slots each", b.users), Unit: "ms"}
	m := &result{Name: fmt.Sprintf("memory after start, %d users with 3 numbers and 3 slots each", b.users), Unit: "MB"}
	for range b.reps {
		s, err := b.startKoppelfeld(ctx, true)
		if err != nil {
			return err
		}
		memory, err := s.memory()
		s.stop()
		if err != nil {
			return err
		}
		b.progress("ready after %v, %.0f MB", s.started.Round(time.Millisecond), memory/1e6)
		r.Koppelfeld = append(r.Koppelfeld, float64(s.started.Microseconds())/1000)
		m.Koppelfeld = append(m.Koppelfeld, memory/1e6)
	}
	b.result(r)
	b.result(m)
	return nil
}

// explained is the part of an explanation that is looked at.
type explained struct {
	Targets []struct {
		SlotID string `json:"slot_id"`
	} `json:"targets"`
}

// measureChange measures the time from a PUT of a user's matrix until it is answered, when
// the next explanation and the next call must follow it.
func (b *bench) measureChange(ctx context.Context) error {
	s, err := b.startKoppelfeld(ctx, false)
	if err != nil {
		return err
	}
	defer s.stop()
	if err := s.login(ctx); err != nil {
		return err
	}
	const rounds = 50
	p, err := b.openPhones(ctx, s, b.callees[:rounds], silence)
	if err != nil {
		return err
	}
	defer p.close()
	var put, called []float64
	for i := range rounds {
		callee := b.callees[i]
		for _, slots := range [][]string{{}, {callee.slot}} {
			begin := time.Now()
			path := "/api/users/" + callee.login + "/matrix"
			if err := s.request(ctx, http.MethodPut, path, map[string][]string{callee.number: slots}, nil); err != nil {
				return err
			}
			put = append(put, time.Since(begin).Seconds()*1000)
			var e explained
			ask := map[string]string{"from": b.callers[i].number, "to": callee.number}
			if err := s.request(ctx, http.MethodPost, "/api/explain", ask, &e); err != nil {
				return err
			}
			if rings := slices.ContainsFunc(e.Targets, func(t struct {
				SlotID string `json:"slot_id"`
			},
			) bool {
				return t.SlotID == callee.slot
			}); rings != (len(slots) > 0) {
				return fmt.Errorf("the explanation after a change does not follow it: %+v", e)
			}
			t, err := p.caller.call(ctx, b.callers[i], callee.number, silence())
			if len(slots) == 0 {
				if err == nil {
					return errors.New("a call rings a slot without a tick")
				}
				continue
			}
			if err != nil {
				return fmt.Errorf("a call after a change does not follow it: %w", err)
			}
			called = append(called, time.Since(begin).Seconds()*1000)
			if err := p.caller.hangUp(ctx, t); err != nil {
				return err
			}
		}
	}
	b.progress("a change is answered after %.1f ms, p99 %.1f ms", median(put), quantile(put, 0.99))
	name := fmt.Sprintf("change of a matrix until in force, %d users, ", b.users)
	b.result(&result{Name: name + "p50", Unit: "ms", Koppelfeld: []float64{median(put)}, Note: "the next explanation and call followed every change"})
	b.result(&result{Name: name + "p99", Unit: "ms", Koppelfeld: []float64{quantile(put, 0.99)}})
	b.result(&result{Name: "the same until a call was answered by the new slot, p50", Unit: "ms", Koppelfeld: []float64{median(called)}, Note: "with explanation and digest in between"})
	return nil
}
