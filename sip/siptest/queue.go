package siptest

import (
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"
)

// packet is a datagram or a piece of a stream on its way.
type packet struct {
	due  time.Time
	from netip.AddrPort
	data []byte
}

// queue holds packets in order of arrival time; equal times keep their order.
type queue struct {
	mu      sync.Mutex
	packets []packet
	bytes   int
	err     error         // after the packets, or at once when they were discarded
	changed chan struct{} // closed and replaced at each change
}

func newQueue() *queue { return &queue{changed: make(chan struct{})} }

// wake tells all waiters to look again; q.mu is held.
func (q *queue) wake() {
	close(q.changed)
	q.changed = make(chan struct{})
}

func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.packets)
}

func (q *queue) put(p packet) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err != nil {
		return
	}
	i := len(q.packets)
	for i > 0 && q.packets[i-1].due.After(p.due) {
		i--
	}
	q.packets = slices.Insert(q.packets, i, p)
	q.bytes += len(p.data)
	q.wake()
}

// close discards what is queued and makes all waiters fail.
func (q *queue) close(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err == nil || len(q.packets) > 0 {
		q.err, q.packets, q.bytes = err, nil, 0
		q.wake()
	}
}

// end makes readers fail once they have read what is queued.
func (q *queue) end(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err == nil {
		q.err = err
		q.wake()
	}
}

// take waits for the first packet that is due.
func (q *queue) take(deadline time.Time) (packet, error) {
	for {
		q.mu.Lock()
		now := time.Now()
		wait, timed := time.Duration(0), false
		switch {
		case len(q.packets) > 0 && !q.packets[0].due.After(now):
			p := q.packets[0]
			q.packets = slices.Delete(q.packets, 0, 1)
			q.bytes -= len(p.data)
			q.wake()
			q.mu.Unlock()
			return p, nil
		case len(q.packets) > 0:
			wait, timed = q.packets[0].due.Sub(now), true
		case q.err != nil:
			err := q.err
			q.mu.Unlock()
			return packet{}, err
		}
		changed := q.changed
		q.mu.Unlock()
		if !deadline.IsZero() {
			if !deadline.After(now) {
				return packet{}, os.ErrDeadlineExceeded
			}
			if d := deadline.Sub(now); !timed || d < wait {
				wait, timed = d, true
			}
		}
		waitFor(changed, wait, timed)
	}
}

// poll takes the first packet if it is due.
func (q *queue) poll() (packet, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.packets) == 0 || q.packets[0].due.After(time.Now()) {
		return packet{}, false
	}
	p := q.packets[0]
	q.packets = slices.Delete(q.packets, 0, 1)
	q.bytes -= len(p.data)
	q.wake()
	return p, true
}

// room waits until less than limit bytes are queued.
func (q *queue) room(limit int, deadline time.Time) error {
	for {
		q.mu.Lock()
		full, err, changed := q.bytes >= limit, q.err, q.changed
		q.mu.Unlock()
		now := time.Now()
		switch {
		case err != nil:
			return err
		case !full:
			return nil
		case deadline.IsZero():
			<-changed
		case !deadline.After(now):
			return os.ErrDeadlineExceeded
		default:
			waitFor(changed, deadline.Sub(now), true)
		}
	}
}

func waitFor(changed <-chan struct{}, d time.Duration, timed bool) {
	if !timed {
		<-changed
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-changed:
	case <-timer.C:
	}
}
