package sip

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/trace"
	"github.com/koppelfeld/koppelfeld/sip/transaction"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// Drop is why a message went no further.
type Drop string

// Reasons for drops.
const (
	DropCallID     Drop = "call_id"    // overlong Call-ID: 400
	DropVia        Drop = "via"        // overlong branch or sent-by: 400
	DropRefused    Drop = "refused"    // refused by its form: 416, 420, 483, 501
	DropMethod     Drop = "method"     // no handler: 405 (481 for methods of dialogs)
	DropNoDialog   Drop = "no_dialog"  // in-dialog request for a dialog we do not have: 481
	DropAck        Drop = "ack"        // ACK for neither a transaction nor a dialog, such as that of a stateless answer
	DropMerged     Drop = "merged"     // 482
	DropOverload   Drop = "overload"   // 503: delay, queue or transactions over the limit
	DropUnanswered Drop = "unanswered" // counted with its reason, too: a refusal that was not sent, because there were too many
	DropHardQueue  Drop = "hard_queue" // queue full: dropped without a word
	DropVias       Drop = "vias"       // response with more than one Via
	DropStray      Drop = "stray"      // response without a transaction
)

var dropReasons = [...]Drop{
	DropCallID, DropVia, DropRefused, DropMethod, DropNoDialog, DropAck, DropMerged, DropOverload, DropUnanswered, DropHardQueue, DropVias,
}

type counters struct {
	requests  [len(methods) + 1]atomic.Uint64 // the last is for unknown methods
	responses [7]atomic.Uint64                // by class
	drops     [len(dropReasons)]atomic.Uint64
	stateless atomic.Uint64
	urgent    atomic.Uint64
	panics    atomic.Uint64 // outside of shards
}

func (c *counters) message(m *message.Message) {
	if !m.IsRequest() {
		c.responses[min(max(m.Status()/100, 0), 6)].Add(1)
		return
	}
	method := m.Method()
	for i := range methods {
		if methods[i] == method {
			c.requests[i].Add(1)
			return
		}
	}
	c.requests[len(methods)].Add(1)
}

func (c *counters) drop(d Drop) {
	for i := range dropReasons {
		if dropReasons[i] == d {
			c.drops[i].Add(1)
			return
		}
	}
}

type shardCounters struct {
	panics           atomic.Uint64
	lastLag, peakLag atomic.Int64 // nanoseconds
	recent           recentPeak
}

// peakWindow is how long a peak is shown at least; it is forgotten after twice the time.
const peakWindow = time.Minute

// recentPeak is the greatest lag of this window and of the one before.
type recentPeak struct {
	mu           sync.Mutex
	window       int64
	this, before int64
}

// note takes a lag; what is short is left out, so that the lock costs nothing in a shard that keeps up.
func (p *recentPeak) note(ns int64, now time.Time) {
	if ns < int64(time.Millisecond) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.turn(now)
	p.this = max(p.this, ns)
}

func (p *recentPeak) turn(now time.Time) {
	switch w := now.UnixNano() / int64(peakWindow); w - p.window {
	case 0:
	case 1:
		p.window, p.before, p.this = w, p.this, 0
	default:
		p.window, p.before, p.this = w, 0, 0
	}
}

func (p *recentPeak) value(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.turn(now)
	return time.Duration(max(p.this, p.before))
}

// lag notes how long the oldest event of a batch has waited.
func (c *shardCounters) lag(ns int64, now time.Time) {
	c.lastLag.Store(ns)
	c.recent.note(ns, now)
	if ns > c.peakLag.Load() { // only the drainer writes
		c.peakLag.Store(ns)
	}
}

// shown is the part of a shard's state that Stats reads, copied under the lock of the queue.
type shown struct {
	transactions, dialogs, timers int
	counts                        transaction.Counts
	trace                         trace.Stats
}

// publish copies it; the drainer holds mu.
func (sh *Shard) publish() {
	sh.shown = shown{sh.tx.Len(), len(sh.dialogs), sh.wheel.Len(), sh.tx.Counts(), sh.trace.Stats()}
}

// Transactions is the number of transactions, lingering ones included. Any goroutine may ask; while
// events are being worked off the answer is a little old. The same holds for Dialogs and Timers.
func (sh *Shard) Transactions() int { return sh.look().transactions }

// Dialogs is the number of bound dialogs.
func (sh *Shard) Dialogs() int { return sh.look().dialogs }

// Timers is the number of pending timers.
func (sh *Shard) Timers() int { return sh.look().timers }

func (sh *Shard) look() shown {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	return sh.shown
}

// ShardStats is the state of one shard.
type ShardStats struct {
	Queue        int           // events waiting
	Lag          time.Duration // how long the oldest waiting event has waited; 0 when none waits
	LastLag      time.Duration // the same when the last batch was begun
	PeakLag      time.Duration // the greatest of those
	RecentPeak   time.Duration // the greatest of the last one to two minutes, 0 below 1 ms
	Transactions int
	Dialogs      int
	Timers       int
	Panics       uint64
	Counts       transaction.Counts
	Trace        trace.Stats
}

// Stats are the state of all shards and counters since New, for a metrics collector.
type Stats struct {
	Shards    []ShardStats
	Requests  map[message.Method]uint64 // received, by method; "" holds the unknown ones
	Responses [7]uint64                 // received, by class (index 1 to 6)
	Drops     map[Drop]uint64
	Stateless uint64 // requests answered by a StatelessHandler
	Urgent    uint64 // INVITEs to emergency numbers that were served first
	Panics    uint64 // faults of ours that were survived outside of the shards
	Transport transport.Stats
}

// Stats takes a snapshot.
func (s *Stack) Stats() Stats {
	st := Stats{
		Requests: make(map[message.Method]uint64, len(methods)+1), Drops: make(map[Drop]uint64, len(dropReasons)+1),
		Stateless: s.counters.stateless.Load(), Urgent: s.counters.urgent.Load(), Panics: s.counters.panics.Load(), Transport: s.transport.Stats(),
	}
	for i, m := range methods {
		st.Requests[m] = s.counters.requests[i].Load()
	}
	st.Requests[""] = s.counters.requests[len(methods)].Load()
	for i := range st.Responses {
		st.Responses[i] = s.counters.responses[i].Load()
	}
	for i, d := range dropReasons {
		st.Drops[d] = s.counters.drops[i].Load()
	}
	now := s.now()
	for _, sh := range s.shards {
		v := sh.look()
		one := ShardStats{
			Queue: int(sh.waiting.Load()), LastLag: time.Duration(sh.counters.lastLag.Load()), PeakLag: time.Duration(sh.counters.peakLag.Load()), RecentPeak: sh.counters.recent.value(now),
			Transactions: v.transactions, Dialogs: v.dialogs, Timers: v.timers, Panics: sh.counters.panics.Load(), Counts: v.counts, Trace: v.trace,
		}
		one.Lag = sh.lag(now)
		st.Drops[DropStray] += v.counts.Stray
		st.Shards = append(st.Shards, one)
	}
	return st
}
