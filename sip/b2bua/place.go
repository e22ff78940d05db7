package b2bua

import (
	"fmt"

	"github.com/koppelfeld/koppelfeld/internal/media"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// The phones that ring for one call may be at several interfaces, and speak different families of addresses. Each has to be
// described a media address of its own place. The callee's side of the streams is opened once, at the place of the phone that is
// expected to ring first; only a phone at another place makes an outpost there, which is shared by all that ring at that place.
// Whoever is heard before the answer, and in the end who answers, gets the caller bridged to its place; then the outposts end. A
// call whose phones share a place has none.

// spot is where one of the callee's endpoints is: the place by which the media plane tells its addresses apart, and the flow for
// which it was opened.
type spot struct {
	place int
	via   *transport.Flow
}

// outpost is the callee's side of the streams at another place than the first. Its endpoints change places with those in the
// streams while its phone is heard.
type outpost struct {
	spot
	ep      [maxStreams]Endpoint
	secured [maxStreams]bool
}

// seat is whose endpoints a description names: a side, and for the callee's which place, 0 being the first and others the
// outposts in their order.
type seat struct {
	side side
	at   uint8
}

func (l *leg) seat() seat { return seat{l.side, l.at} }

// expected is the flow to the phone that is going to ring first, nil when no phone keeps one open.
func (c *call) expected() *transport.Flow {
	if !c.u.cfg.Interfaces {
		return nil
	}
	var buf [8]Contact
	for i := range c.plan.Targets {
		for _, at := range c.contactsOf(buf[:0], &c.plan.Targets[i]) {
			if at.Flow != nil && !at.Flow.Closed() {
				return at.Flow
			}
		}
	}
	return nil
}

// mediaOptions are those of an endpoint for the peer at the end of a flow.
func (c *call) mediaOptions(s side, flow *transport.Flow) media.Options {
	o := media.Options{
		Timeout: c.u.cfg.MediaTimeout,
		Notify: func(e media.Event) {
			if e.Kind == media.Timeout {
				c.post(func() { c.silent(s) })
			}
		},
	}
	if c.u.cfg.Interfaces && flow != nil {
		o.Interface, o.Remote = flow.Interface(), flow.Remote().Addr()
	}
	return o
}

// spotOf is where media of the peer at the end of a flow belongs.
func (c *call) spotOf(flow *transport.Flow) spot {
	if !c.u.cfg.Interfaces || flow == nil {
		return spot{}
	}
	return spot{c.u.cfg.Media.Place(flow.Interface(), flow.Remote().Addr()), flow}
}

// sit finds the place for the media of a fork by its flow, and opens it where there is none yet.
func (f *fork) sit() error {
	c := f.c
	if !c.u.cfg.Interfaces || len(c.streams) == 0 {
		return nil
	}
	s := c.spotOf(f.dlg.Flow)
	if s.place == c.first.place {
		f.at = 0
		return nil
	}
	for i := range c.outposts {
		if c.outposts[i].place == s.place {
			f.at = uint8(i + 1)
			return nil
		}
	}
	if err := c.openOutpost(s); err != nil {
		return err
	}
	f.at = uint8(len(c.outposts))
	return nil
}

// openOutpost opens the callee's side of all streams at another place.
func (c *call) openOutpost(s spot) error {
	c.outposts = append(c.outposts, outpost{spot: s}) // known at once: a fault from here on must not lose an endpoint
	o := &c.outposts[len(c.outposts)-1]
	for i := range c.streams {
		near := c.streams[i].ep[callerSide]
		if near == nil {
			continue
		}
		ep, err := c.u.cfg.Media.Open(c.mediaOptions(calleeSide, s.via), near)
		if err != nil {
			o.close(c)
			c.outposts = c.outposts[:len(c.outposts)-1]
			return fmt.Errorf("opening the callee's side at another place: %w", err)
		}
		o.ep[i] = ep
	}
	return nil
}

func (o *outpost) close(c *call) {
	for i, ep := range o.ep {
		if ep != nil {
			o.ep[i] = nil
			c.attempt(ep.Close)
		}
	}
}

// endpoint is the one that a description for a seat names, nil when there is none.
func (c *call) endpoint(i int, to seat) Endpoint {
	switch {
	case i >= len(c.streams):
		return nil
	case to.side == callerSide || to.at == c.here:
		return c.streams[i].ep[to.side]
	case to.at == 0: // its endpoints are where those are from that serve now
		return c.outposts[c.here-1].ep[i]
	}
	return c.outposts[to.at-1].ep[i]
}

// turn brings the endpoints of one of the callee's places to the streams, and bridges the caller to them.
func (c *call) turn(at uint8) {
	if c.here == at {
		return
	}
	if c.here != 0 {
		c.swap(c.here)
	}
	if at != 0 {
		c.swap(at)
	}
	c.here = at
	for i := range c.streams {
		if ep := c.streams[i].ep; ep[callerSide] != nil && ep[calleeSide] != nil {
			c.u.cfg.Media.Bridge(ep[callerSide], ep[calleeSide])
		}
	}
}

// swap exchanges the callee's endpoints in the streams for those of an outpost.
func (c *call) swap(at uint8) {
	o := &c.outposts[at-1]
	for i := range c.streams {
		s := &c.streams[i]
		if ep := s.ep[calleeSide]; ep != nil {
			ep.SetRemote(media.Remote{})
		}
		s.ep[calleeSide], o.ep[i] = o.ep[i], s.ep[calleeSide]
		s.secured[calleeSide], o.secured[i] = o.secured[i], s.secured[calleeSide]
	}
}

// decamp gives up all places but that of who has answered.
func (c *call) decamp() {
	if c.outposts == nil {
		return
	}
	if c.here != 0 {
		c.first = c.outposts[c.here-1].spot
	}
	for i := range c.outposts {
		c.outposts[i].close(c)
	}
	c.outposts, c.here, c.b.at = nil, 0, 0
}
