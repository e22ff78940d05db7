package media

import (
	"encoding/binary"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// beatEvent marks the loop's timer among the epoll events.
	beatEvent = -2
	// maxCatchUp is how many missed beats are made up for; what is beyond is lost time.
	maxCatchUp = 5
)

// beat is the clock of what a loop plays: one timer for all its endpoints, which ticks every 20 ms
// while something plays and else does not.
type beat struct {
	timer   int  // timerfd
	running bool // guarded by loop.mu, as the next
	players []*Endpoint
	due     []*Endpoint // scratch
}

// openBeat makes the timer and puts it among what the loop waits for.
func (l *loop) openBeat() (err error) {
	if l.beat.timer, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK); err != nil {
		return fmt.Errorf("creating a timer: %w", err)
	}
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: beatEvent}
	if err = unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, l.beat.timer, &ev); err != nil {
		return fmt.Errorf("watching a timer: %w", err)
	}
	return nil
}

// stir puts an endpoint among those that play. The caller holds its lock.
func (l *loop) stir(e *Endpoint) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.beat.players = append(l.beat.players, e)
	if !l.beat.running {
		l.beat.running = true
		l.setBeat(frame)
	}
}

// setBeat starts the timer, or stops it with 0.
func (l *loop) setBeat(every time.Duration) {
	t := unix.NsecToTimespec(int64(every))
	_ = unix.TimerfdSettime(l.beat.timer, 0, &unix.ItimerSpec{Interval: t, Value: t}, nil) // fails on a closed one only
}

// onBeat plays a frame at each endpoint that plays, or more when beats were missed.
func (l *loop) onBeat() {
	var b [8]byte
	if n, err := unix.Read(l.beat.timer, b[:]); n != len(b) || err != nil {
		return // someone has stopped it
	}
	n := binary.NativeEndian.Uint64(b[:])
	late := n > maxCatchUp
	if late {
		n = 1
	}
	l.mu.Lock()
	l.beat.due = append(l.beat.due[:0], l.beat.players...)
	l.beat.players = l.beat.players[:0]
	l.mu.Unlock()
	now := l.plane.now()
	more := l.beat.due[:0]
	for _, e := range l.beat.due {
		if l.beatOne(e, int(n), late, now) {
			more = append(more, e)
		}
	}
	l.mu.Lock()
	l.beat.players = append(l.beat.players, more...)
	if len(l.beat.players) == 0 {
		l.beat.running = false
		l.setBeat(0)
	}
	l.mu.Unlock()
	clear(l.beat.due)
}

func (l *loop) beatOne(e *Endpoint, n int, late bool, now time.Duration) (more bool) {
	defer l.mend()
	more = e.sound(l.work[:], n, late, now, &l.out)
	l.flush(e)
	return more
}
