package b2bua

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/media"
	"github.com/koppelfeld/koppelfeld/routing"
)

// Commands carries out what function codes want changed. It is called off the shards, may block until ctx ends, and does all of an
// order or nothing.
type Commands interface {
	Command(ctx context.Context, o routing.Order) error
}

const (
	// orderFor bounds an order; the caller hears it ring meanwhile.
	orderFor = 5 * time.Second
	// maxOrders bounds the orders under way. One more is refused, so that a database that is away holds nothing up.
	maxOrders = 32
)

var (
	errOrders   = errors.New("too many orders are under way")
	errRefused  = errors.New("refused, see the reasons")
	errCommands = errors.New("nothing can be changed by function codes")
)

// begin does what the code wants.
func (t *treatment) begin() {
	c := t.c
	if t.order.Refused {
		t.done(nil, errRefused)
		return
	}
	switch t.order.Action {
	case routing.CodeEcho:
		t.told = "done"
		t.answer(c.u.clips.prompt())
	case routing.CodeOwnNumber:
		t.later(func(context.Context) (*media.Clip, error) { return media.NewDigits(t.order.Number), nil })
	case routing.OrderPIN:
		t.askPIN()
	case routing.CodePickupGroup, routing.CodePickupNumber:
		t.pickUp()
	default:
		t.later(func(ctx context.Context) (*media.Clip, error) {
			if c.u.cfg.Commands == nil {
				return nil, errCommands
			}
			return nil, c.u.cfg.Commands.Command(ctx, t.order)
		})
	}
}

// later does something off the shard and answers with its outcome. fn must not touch the call.
func (t *treatment) later(fn func(context.Context) (*media.Clip, error)) {
	t.off(func(ctx context.Context) func() {
		clip, err := fn(ctx)
		return func() { t.done(clip, err) }
	})
}

// off runs fn off the shard, and what it returns in the call, whether that has ended or not. fn must not touch the call.
func (t *treatment) off(fn func(context.Context) (then func())) {
	c := t.c
	select {
	case c.u.orders <- struct{}{}:
	default:
		t.done(nil, errOrders)
		return
	}
	if !c.offerless() { // the first response to who requires an offer in it is the answer
		c.ring()
	}
	t.work(fn)
}

// work runs fn in one of the places of orders, which has been taken.
func (t *treatment) work(fn func(context.Context) (then func())) {
	c := t.c
	go c.u.cfg.Faults.Guard(placeOrder, func() {
		defer func() { <-c.u.orders }()
		ctx, cancel := context.WithTimeout(context.Background(), orderFor)
		defer cancel()
		c.post(c.u.guarded(ctx, t, fn))
	})()
}

// placeOrder names faults in the metrics.
const placeOrder = "orders"

// guarded is fn(ctx), but for a fault, which costs the order alone.
func (u *UA) guarded(ctx context.Context, t *treatment, fn func(context.Context) func()) (then func()) {
	defer func() {
		if v := recover(); v != nil {
			u.panics.Add(1)
			u.cfg.Faults.Note(placeOrder, v, "call_id", t.c.id) // not by the shard, which we are not in
			then = func() { t.done(nil, errors.New("internal error")) }
		}
	}()
	return fn(ctx)
}

// done lets the caller hear the outcome.
func (t *treatment) done(clip *media.Clip, err error) {
	c := t.c
	if t.pin != nil { // the check of a PIN has failed
		t.pin.fail(err)
		return
	}
	if t.told = "done"; err != nil {
		t.told = clipped(fmt.Sprintf("failed: %v", err))
		clip = c.u.clips.refused()
	}
	if clip == nil {
		clip = c.u.clips.accepted()
	}
	t.answer(clip)
}
