package sip

import (
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/transaction"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// Places of faults in the metrics.
const (
	placeShard    = "shard"
	placeDispatch = "dispatch"
)

// about are the attributes that show the message in hand, if there is one.
func about(m *message.Message, attrs ...any) []any {
	if m != nil {
		attrs = append(attrs, "message", message.Shown(m.Raw()))
	}
	return attrs
}

// survive ends a Receive that panicked outside of a shard: the request is refused, everything else goes on.
func (s *Stack) survive(in transport.Inbound) {
	v := recover()
	if v == nil {
		return
	}
	s.counters.panics.Add(1)
	s.cfg.Faults.Note(placeDispatch, v, about(in.Msg)...)
	if in.Msg.IsRequest() && in.Msg.Method() != message.ACK {
		_ = transaction.Reply(in.Flow, in.Msg, 500, "")
	}
}

// tellClosed calls one of those who want to hear of ended connections.
func (s *Stack) tellClosed(fn func(*transport.Flow, error), f *transport.Flow, err error) {
	defer func() {
		if v := recover(); v != nil {
			s.counters.panics.Add(1)
			s.cfg.Faults.Note(placeDispatch, v)
		}
	}()
	fn(f, err)
}

// LogPanic counts a panic in the shard that its owner has recovered from, and logs it like one that reached the shard. Call it while
// the panic unwinds.
func (sh *Shard) LogPanic(doing string, v any, attrs ...any) {
	sh.counters.panics.Add(1)
	sh.stack.cfg.Faults.Note(placeShard, v, about(sh.running, append(attrs, "doing", doing, "shard", sh.index)...)...)
}

// RefuseFaulty answers the request that is being handled with 500, unless it has an answer: what its handler would have said is lost
// with the panic that its owner has recovered from.
func (sh *Shard) RefuseFaulty() {
	if tx := sh.request; tx != nil && !tx.Answered() && tx.Request() != nil {
		_ = tx.Reply(500, "")
	}
}

// lend lets a reader run an event and what has come meanwhile, as long as it may.
func (sh *Shard) lend(ev *event) {
	defer sh.takeBack()
	sh.run(ev, sh.stack.now())
	if !sh.drain(true) {
		sh.wake <- struct{}{}
	}
}

// takeBack gives a shard whose drainer has failed outside of any event to its own goroutine: nobody else would drain it any more.
func (sh *Shard) takeBack() {
	if v := recover(); v != nil {
		sh.LogPanic("lending a reader", v)
		sh.resume()
	}
}

// resume makes the shard's own goroutine go on where a drainer has failed.
func (sh *Shard) resume() {
	sh.mu.Lock()
	draining := sh.draining
	sh.mu.Unlock()
	if !draining {
		return
	}
	select {
	case sh.wake <- struct{}{}:
	default: // it has been told
	}
}
