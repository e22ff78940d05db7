package sip

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/trace"
	"github.com/koppelfeld/koppelfeld/sip/transaction"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// Owner is whom an event belongs to, usually a call. When the event panics, the shard
// survives and the owner is told, so that it can end itself.
type Owner interface {
	Panicked(v any)
}

// Shard owns a part of all calls. It is an executor, not a goroutine: what is
// posted to it runs one at a time and in order of arrival, on whichever goroutine drains its queue.
type Shard struct {
	stack *Stack
	index int
	wheel *transaction.Wheel
	tx    *transaction.Layer
	trace *trace.Book   // nil when messages are not kept
	wake  chan struct{} // asks the shard's own goroutine to drain
	timer *time.Timer   // wakes that goroutine for the wheel
	mint  minter

	mu       sync.Mutex
	draining bool
	stopped  bool
	shown    shown // what Stats may see of the rest
	lanes    lanes

	// The drainer's own.
	armed   time.Time // when the timer fires; zero when it is not set
	tidying bool      // a timer for tidyTrace runs
	owner   Owner
	running *message.Message    // being handled in this event
	request *transaction.Server // handed to a handler in it
	dialogs map[dialogKey]DialogUser
	passing map[string]*Shard // Call-IDs whose dialog has moved to another shard, see HandOver

	waiting  atomic.Int64           // events in queues and batches
	calls    atomic.Int32           // events in the queue of laneCall
	front    [numLanes]atomic.Int64 // when the oldest event of each came, unix nanoseconds, 0 when none waits
	counters shardCounters
}

type eventKind uint8

const (
	eventMessage eventKind = iota
	eventClosed
	eventFunc
)

// event is what waits in a shard's queue.
type event struct {
	kind eventKind
	lane lane
	at   int64 // when it was queued, unix nanoseconds
	msg  *message.Message
	flow *transport.Flow
	err  error
	fn   func()
}

// How long a drainer works for others before it hands the rest to the shard's own goroutine.
const (
	maxBorrowed     = 5 * time.Millisecond
	maxBorrowedRuns = 512
)

func newShard(s *Stack, index int, now time.Time) *Shard {
	sh := &Shard{
		stack: s, index: index, wheel: transaction.NewWheel(now),
		wake: make(chan struct{}, 1), timer: time.NewTimer(time.Hour),
		dialogs: map[dialogKey]DialogUser{}, lanes: lanes{behind: map[uint64]int{}},
	}
	sh.timer.Stop()
	sh.mint.init(s.mark, index)
	if s.cfg.Trace {
		sh.trace = trace.New(s.cfg.TraceLimits.Share(s.cfg.Shards))
	}
	sh.tx = transaction.New(transaction.Config{Wheel: sh.wheel, NewTag: sh.NewTag, Limit: s.cfg.MaxTransactions / s.cfg.Shards})
	return sh
}

// Index is the shard's number, from 0.
func (sh *Shard) Index() int { return sh.index }

// Post runs fn in the shard, after everything posted before, and before messages that begin something new. Any goroutine may call
// it; it does not wait for fn, and fn never runs on the caller's goroutine. Nothing runs before
// Stack.Run begins nor after it has ended.
func (sh *Shard) Post(fn func()) { sh.post(event{kind: eventFunc, fn: fn}, false) }

// post queues ev. A lender (a reader of the transport) that finds nobody draining does
// it itself, which spares a wake-up; all others leave it to the shard's own goroutine.
func (sh *Shard) post(ev event, lender bool) {
	sh.mu.Lock()
	if sh.stopped {
		sh.mu.Unlock()
		return
	}
	if sh.draining {
		sh.enqueue(ev)
		sh.mu.Unlock()
		return
	}
	sh.draining = true // so the queue is empty
	if !lender {
		sh.enqueue(ev)
		sh.mu.Unlock()
		sh.wake <- struct{}{} // never blocks: only who has set draining sends
		return
	}
	sh.mu.Unlock()
	sh.lend(&ev)
}

// drain works the queue off; the caller has set draining. When borrowed it may stop
// early, still draining, and return false.
func (sh *Shard) drain(borrowed bool) bool {
	var start time.Time
	for runs := 0; ; runs++ {
		ev, ok := sh.next()
		if !ok {
			return true
		}
		now := sh.stack.now()
		if runs == 0 {
			start = now
		}
		sh.run(&ev, now)
		sh.waiting.Add(-1)
		if borrowed && (runs >= maxBorrowedRuns || runs > 0 && now.Sub(start) > maxBorrowed) {
			return false
		}
	}
}

// arm sets the timer to what the wheel has next. One that would fire too early is left: it finds
// nothing to do and is set anew, which is cheaper than setting it for every timer that is stopped.
func (sh *Shard) arm() {
	at, ok := sh.wheel.Next()
	if !ok || !sh.armed.IsZero() && !sh.armed.After(at) {
		return
	}
	sh.armed = at
	sh.timer.Reset(at.Sub(sh.stack.now()))
}

// loop is the shard's own goroutine: it drains when asked to, and when the timer fires.
func (sh *Shard) loop(done <-chan struct{}) {
	defer sh.timer.Stop()
	for {
		select {
		case <-done:
			sh.mu.Lock()
			sh.stopped = true
			sh.mu.Unlock()
			return
		case <-sh.wake:
			sh.drain(false)
		case <-sh.timer.C:
			sh.tick()
		}
	}
}

// tick runs the wheel, unless somebody drains already, who does it with each event: then the timer is only noted as fired.
func (sh *Shard) tick() {
	sh.mu.Lock()
	if sh.draining {
		sh.enqueue(event{kind: eventFunc, fn: func() { sh.armed = time.Time{} }})
		sh.mu.Unlock()
		return
	}
	sh.draining = true
	sh.mu.Unlock()
	sh.armed = time.Time{}
	sh.expire(sh.stack.now())
	sh.drain(false)
}

// run executes one event, after the timers that are due before it.
func (sh *Shard) run(ev *event, now time.Time) {
	sh.expire(now)
	defer sh.settle()
	switch ev.kind {
	case eventMessage:
		sh.running = ev.msg
		sh.receive(ev.msg, ev.flow)
	case eventClosed:
		sh.tx.FlowClosed(ev.flow, ev.err)
	case eventFunc:
		ev.fn()
	}
}

// expire runs the timers that are due, each as an event of its own.
func (sh *Shard) expire(now time.Time) {
	for fire := sh.wheel.Due(now); fire != nil; fire = sh.wheel.Due(now) {
		sh.fire(fire)
	}
}

func (sh *Shard) fire(fn func()) {
	defer sh.settle()
	fn()
}

// settle ends an event. A panic in it costs its owner, not the shard.
func (sh *Shard) settle() {
	if v := recover(); v != nil {
		sh.survive(v)
	}
	sh.owner, sh.request, sh.running = nil, nil, nil
	sh.tx.Sweep()
}

// survive logs and counts a panic, tells the owner and answers the request that was being handled.
func (sh *Shard) survive(v any) {
	sh.LogPanic("running an event", v)
	owner := sh.owner
	sh.owner = nil
	defer func() {
		if v := recover(); v != nil {
			sh.LogPanic("ending the owner of a fault", v)
		}
	}()
	if owner != nil {
		owner.Panicked(v)
	}
	sh.RefuseFaulty()
}

// Own names the owner of the event that is running, until its end.
func (sh *Shard) Own(o Owner) { sh.owner = o }

// Now is the shard's clock: the time at which the running event began. Call it in the shard only.
func (sh *Shard) Now() time.Time { return sh.wheel.Now() }

// After runs fn in the shard after d (resolution 10 ms). Call it in the shard only.
func (sh *Shard) After(d time.Duration, fn func()) *transaction.Timer { return sh.wheel.After(d, fn) }

// Tx is the shard's transaction layer. Use it in the shard only.
func (sh *Shard) Tx() *transaction.Layer { return sh.tx }

// tidyTrace lets the messages of long calls be compressed, while there are any.
func (sh *Shard) tidyTrace() {
	more, again := sh.trace.Pack(sh.Now())
	switch {
	case more:
		sh.After(2*transaction.Tick, sh.tidyTrace)
	case again:
		sh.After(trace.PackEvery, sh.tidyTrace)
	default:
		sh.tidying = false
	}
}

// OpenTrace begins to keep the messages of a call; nil, which does nothing, when they are not to be kept. Call it in the shard only.
func (sh *Shard) OpenTrace(id string) *trace.Ring {
	if sh.trace != nil && !sh.tidying {
		sh.tidying = true
		sh.After(trace.PackEvery, sh.tidyTrace)
	}
	return sh.trace.Open(id, sh.Now())
}

// TraceStats are the figures of the messages that are kept. Call it in the shard only.
func (sh *Shard) TraceStats() trace.Stats { return sh.trace.Stats() }

// Log is the stack's logger.
func (sh *Shard) Log() *slog.Logger { return sh.stack.log }

// Stack is the stack the shard belongs to.
func (sh *Shard) Stack() *Stack { return sh.stack }
