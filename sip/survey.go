package sip

import (
	"context"
	"fmt"
	"iter"

	"github.com/koppelfeld/koppelfeld/internal/ladder"
	"github.com/koppelfeld/koppelfeld/sip/trace"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// Survey runs fn in every shard and hands what it returns to take, in the order of the shards. Everything in a shard waits for fn, so it
// must look at a bounded number of things. An end of ctx ends the wait; fn may run later even so.
func Survey[T any](ctx context.Context, s *Stack, fn func(sh *Shard) T, take func(sh *Shard, v T)) error {
	answers := make([]chan T, len(s.shards))
	for i, sh := range s.shards {
		answer := make(chan T, 1)
		answers[i] = answer
		sh.Post(func() { answer <- fn(sh) })
	}
	for i, answer := range answers {
		select {
		case v := <-answer:
			take(s.shards[i], v)
		case <-ctx.Done():
			return fmt.Errorf("asking shard %d: %w", i, ctx.Err())
		}
	}
	return nil
}

// BoundDialogs lists Call-ID, local tag and user of the dialogs in no particular order. Call it in the shard only; nothing may be bound meanwhile.
func (sh *Shard) BoundDialogs() iter.Seq2[[2]string, DialogUser] {
	return func(yield func([2]string, DialogUser) bool) {
		for key, u := range sh.dialogs {
			if !yield([2]string{key.callID, key.tag}, u) {
				return
			}
		}
	}
}

// CallTrace shows what was signalled in a call, running or not long ended, by the ID under which its messages are kept. It is
// false when nothing is kept of it.
func (s *Stack) CallTrace(ctx context.Context, id string) (c ladder.Call, ok bool, err error) {
	var kept *trace.Kept
	err = Survey(ctx, s, func(sh *Shard) *trace.Kept {
		sh.trace.Expire(sh.Now())
		if r := sh.trace.Find(id); r != nil {
			return r.Copy()
		}
		return nil
	}, func(_ *Shard, k *trace.Kept) {
		if k != nil {
			kept = k
		}
	})
	if err != nil || kept == nil {
		return ladder.Call{}, false, err
	}
	return kept.Call(), true, nil
}

// Connections lists at most limit stream connections and says how many there are.
func (s *Stack) Connections(limit int) ([]transport.Connection, int) {
	return s.transport.Connections(limit)
}
