package sip

import (
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/transaction"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// maxLogged bounds how much of a message stands in the log, in bytes.
const maxLogged = 4096

// faults logs panics that were survived: the first and at most one a second, since a peer may be able to cause them at will.
type faults struct {
	log  *slog.Logger
	n    atomic.Uint64
	last atomic.Int64 // unix nanoseconds
}

// note counts a panic and logs it with the message that was being handled, if there was one, without its secrets. It is to be called
// while the panic unwinds: it logs the stack.
func (f *faults) note(now time.Time, text string, v any, m *message.Message, attrs ...any) {
	n := f.n.Add(1)
	last := f.last.Load()
	if n > 1 && now.UnixNano()-last < int64(time.Second) || !f.last.CompareAndSwap(last, now.UnixNano()) {
		return
	}
	attrs = append(attrs, "panics", n, "panic", v)
	if m != nil {
		masked := message.Mask(m.Raw())
		attrs = append(attrs, "message", string(masked[:min(len(masked), maxLogged)]))
	}
	f.log.Error(text, append(attrs, "stack", string(debug.Stack()))...)
}

// survive ends a Receive that panicked outside of a shard: the request is refused, everything else goes on.
func (s *Stack) survive(in transport.Inbound) {
	v := recover()
	if v == nil {
		return
	}
	s.counters.panics.Add(1)
	s.faults.note(s.now(), "panic while a message was received", v, in.Msg)
	if in.Msg.IsRequest() && in.Msg.Method() != message.ACK {
		_ = transaction.Reply(in.Flow, in.Msg, 500, "")
	}
}

// tellClosed calls one of those who want to hear of ended connections.
func (s *Stack) tellClosed(fn func(*transport.Flow, error), f *transport.Flow, err error) {
	defer func() {
		if v := recover(); v != nil {
			s.counters.panics.Add(1)
			s.faults.note(s.now(), "panic while a connection ended", v, nil)
		}
	}()
	fn(f, err)
}

// LogPanic counts a panic in the shard that its owner has recovered from, and logs it like one that reached the shard. Call it while
// the panic unwinds.
func (sh *Shard) LogPanic(text string, v any, attrs ...any) {
	sh.counters.panics.Add(1)
	sh.stack.faults.note(sh.wheel.Now(), text, v, sh.running, append(attrs, "shard", sh.index)...)
}

// RefuseFaulty answers the request that is being handled with 500, unless it has an answer: what its handler would have said is lost
// with the panic that its owner has recovered from.
func (sh *Shard) RefuseFaulty() {
	if tx := sh.request; tx != nil && !tx.Answered() && tx.Request() != nil {
		_ = tx.Reply(500, "")
	}
}
