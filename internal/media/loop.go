package media

import (
	"errors"
	"fmt"
	"math"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

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
	file   *os.File // of epoll, for the runtime's poller
	conn   syscall.RawConn
	until  time.Duration // deadline of file, forever when there is none
	event  int           // eventfd that ends a wait
	stop   atomic.Bool
	events [batch]unix.EpollEvent
	buf    [maxDatagram]byte
	work   [1024]byte // for what is made here
	beat   beat
	from   sockaddr
	out    outbox
	due    []*Endpoint // scratch of tick

	mu        sync.Mutex
	endpoints []*Endpoint
	count     atomic.Int64 // len(endpoints)

	busy    atomic.Int64     // percent of time spent on packets, as of the last tick
	relayed [2]atomic.Uint64 // by socket
	bytes   atomic.Uint64
	made    atomic.Uint64 // RTP packets that nobody sent to us
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
	l := &loop{plane: p, epoll: -1, event: -1, until: forever, beat: beat{timer: -1}}
	var err error
	if l.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("creating epoll: %w", err)
	}
	if err = unix.SetNonblock(l.epoll, true); err != nil { // else os.NewFile leaves it to itself
		l.release()
		return nil, fmt.Errorf("creating epoll: %w", err)
	}
	l.file = os.NewFile(uintptr(l.epoll), "epoll")
	if l.conn, err = l.file.SyscallConn(); err != nil {
		l.release()
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
	if err = l.openBeat(); err != nil {
		l.release()
		return nil, err
	}
	return l, nil
}

func (l *loop) release() {
	for _, fd := range [...]int{l.event, l.beat.timer} {
		if fd >= 0 {
			_ = unix.Close(fd)
		}
	}
	switch {
	case l.file != nil:
		_ = l.file.Close()
	case l.epoll >= 0:
		_ = unix.Close(l.epoll)
	}
	l.event, l.beat.timer, l.epoll, l.file = -1, -1, -1, nil
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

// forever is the deadline of a wait without one.
const forever = time.Duration(math.MaxInt64)

// Places of faults in the metrics.
const (
	placeLoop      = "media"
	placeHandshake = "dtls"
)

// run is the loop's goroutine.
func (l *loop) run() error {
	last := l.plane.now()
	next, used := last+tickEvery, time.Duration(0)
	for !l.stop.Load() {
		n, err := l.wait(next)
		if err != nil {
			return fmt.Errorf("waiting for packets: %w", err)
		}
		now := l.plane.now()
		if n > 0 {
			l.wakes.Add(1)
			l.serve(n)
			began := now
			now = l.plane.now()
			used += now - began
		}
		if now >= next {
			l.busy.Store(int64(100 * used / (now - last)))
			last, used, next = now, 0, now+tickEvery
			l.tick(now)
		}
	}
	return nil
}

// deadline is until when to wait for packets: the next tick, or forever without endpoints.
func (l *loop) deadline(next time.Duration) time.Duration {
	if l.count.Load() == 0 {
		return forever
	}
	return next
}

// wait returns how many sockets are ready, 0 when it is time for the next tick; without
// endpoints it waits for ever. The epoll descriptor itself waits in the runtime's poller: a
// thread that blocks in epoll_wait loses its processor each time and gets it back, which at
// 10,000 packets a second costs as much as a third of the relaying.
func (l *loop) wait(next time.Duration) (n int, err error) {
	if until := l.deadline(next); until != l.until {
		l.until = until
		var at time.Time
		if until != forever {
			at = l.plane.epoch.Add(until)
		}
		if err := l.file.SetReadDeadline(at); err != nil {
			return 0, err
		}
	}
	var errno syscall.Errno
	err = l.conn.Read(func(fd uintptr) bool {
		r, _, e := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, fd, uintptr(unsafe.Pointer(&l.events[0])), batch, 0, 0, 0)
		if errno = e; e != 0 {
			return true
		}
		n = int(r)
		return n > 0
	})
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return 0, nil
	case err != nil:
		return 0, err
	case errno != 0 && errno != unix.EINTR:
		return 0, errno
	}
	return n, nil
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
		if ev.Fd == beatEvent {
			l.onBeat()
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
		p.drop = p.peer.deliver(e, p.sock, l.buf[:p.size], p.at)
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
	e.tick(now, l.work[:], &l.out)
	l.flush(e)
}

// mend keeps a panic from ending the daemon.
func (l *loop) mend() {
	if v := recover(); v != nil {
		l.out.n = 0
		l.dropped[DropPanic].Add(1)
		l.plane.cfg.Faults.Note(placeLoop, v)
	}
}
