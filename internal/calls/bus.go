package calls

import (
	"slices"
	"sync"
	"sync/atomic"
)

// Bus carries events from the shards to readers who can stand a gap: metrics,
// lamps, pages. Publishing never blocks; a reader whose queue is full loses the
// event and is told how many it lost. What must not be lost, such as call
// records, does not travel on the bus.
//
// The zero Bus is ready. It owns no goroutine.
type Bus struct {
	mu   sync.Mutex // serialises Subscribe and Cancel
	subs atomic.Pointer[[]*Subscription]
}

// Subscription is one reader's queue.
type Subscription struct {
	// C delivers the events in the order of publishing by any one shard. It is
	// closed by Cancel.
	C <-chan Event

	name    string
	bus     *Bus
	mu      sync.Mutex
	c       chan Event
	closed  bool
	dropped atomic.Uint64
}

// Active reports whether anyone reads. Publishers ask it before they build an
// event.
func (b *Bus) Active() bool {
	subs := b.subs.Load()
	return subs != nil && len(*subs) > 0
}

// Publish hands the event to every reader that has room. What the event points
// to must not change afterwards.
func (b *Bus) Publish(e Event) {
	subs := b.subs.Load()
	if subs == nil {
		return
	}
	for _, s := range *subs {
		s.send(&e)
	}
}

func (s *Subscription) send(e *Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	select {
	case s.c <- *e:
	default:
		s.dropped.Add(1)
	}
}

// Subscribe adds a reader with a queue of size events, at least 1. The name is
// for figures. The reader must call Cancel when it stops reading.
func (b *Bus) Subscribe(name string, size int) *Subscription {
	c := make(chan Event, max(size, 1))
	s := &Subscription{C: c, name: name, bus: b, c: c}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.replace(func(subs []*Subscription) []*Subscription { return append(subs, s) })
	return s
}

func (b *Bus) replace(change func([]*Subscription) []*Subscription) {
	var subs []*Subscription
	if old := b.subs.Load(); old != nil {
		subs = slices.Clone(*old)
	}
	subs = change(subs)
	b.subs.Store(&subs)
}

// Cancel ends the subscription and closes C. It may be called more than once.
func (s *Subscription) Cancel() {
	s.bus.mu.Lock()
	defer s.bus.mu.Unlock()
	s.bus.replace(func(subs []*Subscription) []*Subscription {
		return slices.DeleteFunc(subs, func(o *Subscription) bool { return o == s })
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.closed = true
		close(s.c)
	}
}

// Name returns the name given to Subscribe.
func (s *Subscription) Name() string { return s.name }

// Dropped counts the events lost because the queue was full.
func (s *Subscription) Dropped() uint64 { return s.dropped.Load() }

// Queue is the state of one reader's queue.
type Queue struct {
	Name    string
	Len     int
	Cap     int
	Dropped uint64
}

// Queues lists the readers' queues for metrics.
func (b *Bus) Queues() []Queue {
	subs := b.subs.Load()
	if subs == nil {
		return nil
	}
	queues := make([]Queue, len(*subs))
	for i, s := range *subs {
		queues[i] = Queue{Name: s.name, Len: len(s.c), Cap: cap(s.c), Dropped: s.Dropped()}
	}
	return queues
}
