package media

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

const (
	rtpSocket  = 0
	rtcpSocket = 1
	// tickEvery is how often a loop that has endpoints looks for timeouts.
	tickEvery = 250 * time.Millisecond
	// batch is the most sockets served per wake.
	batch = 128
	// wakeEvent marks the loop's own eventfd among the epoll events.
	wakeEvent = -1
)

// loop is one poll loop. Its goroutine alone uses the buffers; the counters and
// the list of endpoints may be used by anyone.
type loop struct {
	plane  *Plane
	epoll  int
	event  int // eventfd that ends a wait
	stop   atomic.Bool
	events [batch]unix.EpollEvent
	buf    [maxDatagram]byte
	from   sockaddr
	out    outbox
	due    []*Endpoint // scratch of tick
	logged time.Time   // when a panic was logged last

	mu        sync.Mutex
	endpoints []*Endpoint
	count     atomic.Int64 // len(endpoints)

	busy    atomic.Int64     // percent of time the thread ran, as of the last tick
	relayed [2]atomic.Uint64 // by socket
	bytes   atomic.Uint64
	wakes   atomic.Uint64
	dropped [drops]atomic.Uint64
}

// outbox collects the events of one packet until no lock is held.
type outbox struct {
	n      int
	events [4]Event
}

func (o *outbox) add(e Event) {
	if o.n < len(o.events) {
		o.events[o.n] = e
		o.n++
	}
}

func newLoop(p *Plane) (*loop, error) {
	l := &loop{plane: p, epoll: -1, event: -1}
	var err error
	if l.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("creating epoll: %w", err)
	}
	if l.event, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		l.release()
		return nil, fmt.Errorf("creating eventfd: %w", err)
	}
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: wakeEvent}
	if err = unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, l.event, &ev); err != nil {
		l.release()
		return nil, fmt.Errorf("watching eventfd: %w", err)
	}
	return l, nil
}

func (l *loop) release() {
	for _, fd := range []*int{&l.event, &l.epoll} {
		if *fd >= 0 {
			_ = unix.Close(*fd)
			*fd = -1
		}
	}
}

// add puts an endpoint under the loop's care.
func (l *loop) add(e *Endpoint) error {
	for i, fd := range e.fd {
		ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(e.pair<<1 | i), Pad: e.serial}
		if err := unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, fd, &ev); err != nil {
			return fmt.Errorf("watching a socket: %w", err)
		}
	}
	l.mu.Lock()
	e.index = len(l.endpoints)
	l.endpoints = append(l.endpoints, e)
	first := len(l.endpoints) == 1
	l.count.Store(int64(len(l.endpoints)))
	l.mu.Unlock()
	if first {
		l.wake() // begin to tick
	}
	return nil
}

// remove takes an endpoint off the list; epoll forgets its sockets by itself
// when they are closed.
func (l *loop) remove(e *Endpoint) {
	l.mu.Lock()
	defer l.mu.Unlock()
	last := len(l.endpoints) - 1
	l.endpoints[e.index] = l.endpoints[last]
	l.endpoints[e.index].index = e.index
	l.endpoints[last] = nil
	l.endpoints = l.endpoints[:last]
	l.count.Store(int64(last))
}

func (l *loop) wake() {
	one := [8]byte{1}
	_, _ = unix.Write(l.event, one[:])
}

// run is the loop's goroutine.
func (l *loop) run() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	last, used := l.plane.now(), threadTime()
	next := last + tickEvery
	for !l.stop.Load() {
		n, err := unix.EpollWait(l.epoll, l.events[:], l.patience(next))
		if err != nil && err != unix.EINTR {
			return fmt.Errorf("waiting for packets: %w", err)
		}
		if n > 0 {
			l.wakes.Add(1)
			l.serve(n)
		}
		if now := l.plane.now(); now >= next {
			cpu := threadTime()
			l.busy.Store(int64(100 * (cpu - used) / (now - last)))
			last, used, next = now, cpu, now+tickEvery
			l.tick(now)
		}
	}
	return nil
}

// threadTime is the CPU time of the calling thread.
func threadTime() time.Duration {
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts) != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}

// patience is how long to wait for packets, in milliseconds: until the next
// tick, or for ever (-1) while there are no endpoints.
func (l *loop) patience(next time.Duration) int {
	if l.count.Load() == 0 {
		return -1
	}
	return max(0, int((next-l.plane.now())/time.Millisecond)+1)
}

// serve handles one datagram of each of n ready sockets. Sockets that have more
// are found ready again, after the others had their turn.
func (l *loop) serve(n int) {
	defer l.mend()
	for i := range n {
		ev := &l.events[i]
		if ev.Fd == wakeEvent {
			var b [8]byte
			_, _ = unix.Read(l.event, b[:])
			continue
		}
		e := l.plane.table[ev.Fd>>1].Load()
		if e == nil || e.serial != ev.Pad {
			continue // closed a moment ago
		}
		l.datagram(e, int(ev.Fd&1))
	}
}

// datagram reads one datagram of a socket of e and relays it to e's peer.
func (l *loop) datagram(e *Endpoint, sock int) {
	p := e.take(l, sock)
	if p.size > 0 {
		p.drop = p.peer.deliver(e, p.sock, l.buf[:p.size])
		if p.drop == relayed {
			l.relayed[p.sock].Add(1)
			l.bytes.Add(uint64(p.size))
		}
	}
	if p.drop != relayed {
		l.dropped[p.drop].Add(1)
	}
	if l.out.n > 0 {
		l.flush(e)
	}
}

// flush hands out the collected events of e.
func (l *loop) flush(e *Endpoint) {
	n := l.out.n
	l.out.n = 0
	if e.notify == nil {
		return
	}
	for i := range n {
		e.notify(l.out.events[i])
	}
}

// tick looks for timeouts.
func (l *loop) tick(now time.Duration) {
	l.mu.Lock()
	l.due = append(l.due[:0], l.endpoints...)
	l.mu.Unlock()
	for _, e := range l.due {
		l.tickOne(e, now)
	}
	clear(l.due)
}

func (l *loop) tickOne(e *Endpoint, now time.Duration) {
	defer l.mend()
	e.tick(now, &l.out)
	l.flush(e)
}

// mend keeps a panic from ending the daemon.
func (l *loop) mend() {
	if r := recover(); r != nil {
		l.out.n = 0
		n := l.dropped[DropPanic].Add(1)
		if now := time.Now(); now.Sub(l.logged) >= time.Second { // a peer may be able to cause them at will
			l.logged = now
			l.plane.log.Error("panic in a media poll loop", "panics", n, "panic", r, "stack", string(debug.Stack()))
		}
	}
}
