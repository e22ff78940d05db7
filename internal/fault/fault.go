// Package fault keeps a panic from ending the process. Who starts a goroutine says what a fault in it costs: one
// connection or call (Guard), or nothing but a pause, because a service is started again (Keep). Each fault is counted by
// the place where it was survived, and logged, at most once a second for each place, since a peer may be able to cause it at will.
//
// What Go does not let anybody survive still ends the process: concurrent writes to a map, a stack without bounds, no memory.
//
// The package is a leaf, and the one that other leaves may import. It owns no goroutine.
package fault

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"
)

// Log counts and logs faults. Use New; all methods are safe for concurrent use.
type Log struct {
	log    *slog.Logger
	mu     sync.Mutex
	places map[string]*place // as many as there are in the program
}

type place struct {
	n      uint64
	logged time.Time
}

// New makes a Log that writes to log; nil discards what is written.
func New(log *slog.Logger) *Log {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Log{log: log, places: map[string]*place{}}
}

// at is a place, made when it is new; mu is held.
func (l *Log) at(where string) *place {
	p := l.places[where]
	if p == nil {
		p = new(place)
		l.places[where] = p
	}
	return p
}

// declare makes a place known before anything has happened there, so that its counter begins with 0.
func (l *Log) declare(where string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.at(where)
}

// maxValue bounds how much of what a panic says stands in the log, in bytes.
const maxValue = 1024

// Note counts and logs a fault that somebody has recovered from. Call it while the panic unwinds: it logs the stack. place
// is one of the few names that the program knows, never made from what came from outside; attrs must not hold secrets.
func (l *Log) Note(where string, v any, attrs ...any) {
	l.mu.Lock()
	p := l.at(where)
	p.n++
	n, now := p.n, time.Now()
	quiet := n > 1 && now.Sub(p.logged) < time.Second
	if !quiet {
		p.logged = now
	}
	l.mu.Unlock()
	if quiet {
		return
	}
	text := fmt.Sprint(v)
	l.log.Error("a fault of the program was survived", append(attrs, "place", where, "faults", n, "panic", text[:min(len(text), maxValue)], "stack", string(debug.Stack()))...)
}

// Mend ends a panic; defer it directly.
func (l *Log) Mend(where string, attrs ...any) {
	if v := recover(); v != nil {
		l.Note(where, v, attrs...)
	}
}

// Guard is fn with its panics survived: one ends what fn does, and then calls then.
func (l *Log) Guard(where string, fn func(), then ...func()) func() {
	l.declare(where)
	return func() { l.try(where, fn, then) }
}

// try runs fn and reports whether it came to its end.
func (l *Log) try(where string, fn func(), then []func()) (ended bool) {
	defer func() {
		if v := recover(); v != nil {
			l.Note(where, v)
			for _, after := range then {
				l.try(where, after, nil)
			}
		}
	}()
	fn()
	return true
}

// How long a service that has failed rests before it is started again. It rests for the least after it has run for long.
const (
	leastRest, mostRest = 10 * time.Millisecond, time.Second
	long                = 10 * time.Second
)

// Keep is a service that outlives its faults: run is started again after each, with mend called in between, until it returns by
// itself or ctx ends. What run needs to begin again must not be lost with it.
func (l *Log) Keep(ctx context.Context, where string, run func(), mend ...func()) func() {
	l.declare(where)
	return func() {
		rest := leastRest
		for {
			began := time.Now()
			if l.try(where, run, mend) || ctx.Err() != nil {
				return
			}
			if time.Since(began) > long {
				rest = leastRest
			}
			t := time.NewTimer(rest)
			select {
			case <-t.C:
			case <-ctx.Done(): // once more: run sees it, and tidies up
				t.Stop()
			}
			rest = min(2*rest, mostRest)
		}
	}
}

// Counts are the faults that were survived so far, by place.
func (l *Log) Counts() map[string]uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make(map[string]uint64, len(l.places))
	for name, p := range l.places {
		out[name] = p.n
	}
	return out
}
