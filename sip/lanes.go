package sip

import (
	"hash/maphash"
	"time"
)

// lane is one of a shard's two queues.
type lane uint8

// What belongs to calls that are up goes first: requests in dialogs, responses, ACK, CANCEL, timers, media events, commands, and
// emergency calls. Whatever begins something new waits behind it. The messages of one Call-ID never overtake one another.
const (
	laneCall lane = iota
	laneNew
	numLanes
)

// maxStreak is how many events of calls may run while new ones wait, before one of these has its turn.
const maxStreak = 64

// lanes are the queues of a shard and the batches taken out of them.
type lanes struct {
	queue  [numLanes][]event // guarded by Shard.mu
	behind map[uint64]int    // messages in laneNew that have not begun, by hash of the Call-ID; guarded by Shard.mu

	// The drainer's own.
	batch  [numLanes][]event
	pos    [numLanes]int
	streak int
}

// has reports whether an event of l is at hand.
func (q *lanes) has(l lane) bool { return q.pos[l] < len(q.batch[l]) }

// enqueue appends ev; the caller holds mu.
func (sh *Shard) enqueue(ev event) {
	ev.at = sh.stack.now().UnixNano()
	if ev.msg != nil {
		key := maphash.String(sh.stack.seed, ev.msg.CallID())
		if sh.lanes.behind[key] > 0 {
			ev.lane = laneNew // its own INVITE waits there
		}
		if ev.lane == laneNew {
			sh.lanes.behind[key]++
		}
	}
	if sh.front[ev.lane].Load() == 0 {
		sh.front[ev.lane].Store(ev.at)
	}
	if ev.lane == laneCall {
		sh.calls.Add(1)
	}
	sh.lanes.queue[ev.lane] = append(sh.lanes.queue[ev.lane], ev)
	sh.waiting.Add(1)
}

// next takes the event that is to run now. With nothing left it arms the timer and ends the draining.
func (sh *Shard) next() (ev event, ok bool) {
	q := &sh.lanes
	if !q.has(laneCall) && (sh.calls.Load() > 0 || !q.has(laneNew)) && !sh.refill() {
		return event{}, false
	}
	l := laneCall
	switch {
	case !q.has(laneCall):
		l, q.streak = laneNew, 0
	case q.has(laneNew):
		if q.streak++; q.streak > maxStreak {
			l, q.streak = laneNew, 0
		}
	}
	ev = q.batch[l][q.pos[l]]
	q.batch[l][q.pos[l]] = event{}
	q.pos[l]++
	sh.front[l].Store(ev.at)
	if l == laneNew && ev.msg != nil {
		key := maphash.String(sh.stack.seed, ev.msg.CallID())
		sh.mu.Lock()
		if q.behind[key]--; q.behind[key] == 0 {
			delete(q.behind, key)
		}
		sh.mu.Unlock()
	}
	return ev, true
}

// refill takes what has been queued meanwhile in the lanes that are worked off. With nothing left at all it arms the timer and
// ends the draining.
func (sh *Shard) refill() bool {
	q := &sh.lanes
	sh.mu.Lock()
	defer sh.mu.Unlock()
	oldest := int64(0)
	for l := range numLanes {
		if q.has(l) {
			continue
		}
		if l == laneCall {
			sh.calls.Store(0)
		}
		if len(q.queue[l]) == 0 {
			sh.front[l].Store(0)
			continue
		}
		q.batch[l], q.queue[l], q.pos[l] = q.queue[l], q.batch[l][:0], 0
		if cap(q.queue[l]) > maxSpare {
			q.queue[l] = nil
		}
		at := q.batch[l][0].at
		sh.front[l].Store(at)
		if oldest == 0 || at < oldest {
			oldest = at
		}
	}
	sh.publish()
	if !q.has(laneCall) && !q.has(laneNew) {
		sh.arm()
		sh.draining = false
		return false
	}
	if oldest != 0 {
		now := sh.stack.now()
		sh.counters.lag(now.UnixNano()-oldest, now)
	}
	return true
}

// maxSpare is the largest queue that is kept for reuse.
const maxSpare = 8192

// lag is how long the oldest event has waited by now, 0 when none waits. Any goroutine may ask.
func (sh *Shard) lag(now time.Time) time.Duration {
	oldest := int64(0)
	for l := range numLanes {
		if at := sh.front[l].Load(); at != 0 && (oldest == 0 || at < oldest) {
			oldest = at
		}
	}
	if oldest == 0 {
		return 0
	}
	return max(0, time.Duration(now.UnixNano()-oldest))
}

// idle reports whether nothing waits, which is the rule and costs two loads.
func (sh *Shard) idle() bool { return sh.front[laneCall].Load()|sh.front[laneNew].Load() == 0 }
