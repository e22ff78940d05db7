package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/selfcall"
	"github.com/koppelfeld/koppelfeld/internal/systemd"
)

const (
	// vigilAnswer is how long each part may take to show that it lives.
	vigilAnswer = 5 * time.Second
	// vigilStore is how old the last word of the store may be. It speaks every second, and of a database that does not answer
	// after ten.
	vigilStore = 30 * time.Second
)

// vigil feeds the service manager's watchdog as long as the daemon does its work: the store answers, every shard takes an event,
// and a SIP OPTIONS to one of its own addresses comes back. Whether the database is up does not count: calls go on without it,
// and starting anew would end them.
type vigil struct {
	manager systemd.Manager
	asked   map[string]func(ctx context.Context) error
	log     func(msg string, args ...any)
}

// run asks three times within what the watchdog waits, until ctx ends. Whoever does not answer is named in the log, so that it says
// why the daemon was ended.
func (v *vigil) run(ctx context.Context) error {
	if v.manager.Watchdog == 0 {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(v.manager.Watchdog / 3)
	defer tick.Stop()
	for {
		v.look(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// look asks everybody and feeds the watchdog when all have answered.
func (v *vigil) look(ctx context.Context) {
	alive := true
	for name, ask := range v.asked {
		asking, cancel := context.WithTimeout(ctx, vigilAnswer)
		err := ask(asking)
		cancel()
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			alive = false
			v.log("the watchdog is not fed", "silent", name, "err", err)
		}
	}
	if !alive {
		return
	}
	if err := v.manager.Tell(systemd.Alive); err != nil {
		v.log("the watchdog is not fed", "err", err)
	}
}

// newVigil says whom to ask.
func (a *App) newVigil() *vigil {
	return &vigil{manager: a.manager, log: a.log.With("part", "watchdog").Warn, asked: map[string]func(context.Context) error{
		"store": func(context.Context) error { return storeAlive(a.store.LastBeat(), time.Now()) }, "shards": a.askShards(), "sip": a.askSIP,
	}}
}

func storeAlive(last, now time.Time) error {
	if silent := now.Sub(last); silent > vigilStore {
		return fmt.Errorf("silent for %v", silent.Round(time.Second))
	}
	return nil
}

// askShards posts an event to each shard and waits until all are through. A shard that still has the one of before gets no other.
func (a *App) askShards() func(context.Context) error {
	waiting := make([]atomic.Bool, len(a.stack.Shards()))
	return func(ctx context.Context) error {
		through := make(chan struct{}, len(waiting))
		posted := 0
		for i, sh := range a.stack.Shards() {
			if !waiting[i].CompareAndSwap(false, true) {
				return fmt.Errorf("shard %d has not taken an event since it was last asked", i)
			}
			posted++
			sh.Post(func() {
				waiting[i].Store(false)
				through <- struct{}{}
			})
		}
		for range posted {
			select {
			case <-through:
			case <-ctx.Done():
				return errors.New("a shard takes no event")
			}
		}
		return nil
	}
}

// vigilTransports are those over which the daemon asks itself, in this order.
var vigilTransports = []string{"udp", "tcp", "tls"}

// askSIP sends an OPTIONS to the first own address of each transport until one answers.
func (a *App) askSIP(ctx context.Context) error {
	var faults []error
	for _, transport := range vigilTransports {
		server, err := listener(a.cfg, transport)
		if err != nil {
			continue
		}
		asking, cancel := context.WithTimeout(ctx, vigilAnswer/time.Duration(len(vigilTransports)))
		err = selfcall.Options(asking, server, transport)
		cancel()
		if err == nil {
			return nil
		}
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

// tell tells the service manager; it is no fault of the daemon's when nobody listens.
func (a *App) tell(states ...string) {
	if err := a.manager.Tell(states...); err != nil {
		a.log.Warn("the service manager is not told", "err", err)
	}
}

// openManager finds the service manager, when there is one.
func (a *App) openManager(context.Context) error {
	var err error
	a.manager, err = systemd.FromEnv(os.Getenv, os.Getpid())
	return err
}
