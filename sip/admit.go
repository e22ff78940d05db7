package sip

import (
	"sync/atomic"
	"time"

	"github.com/koppelfeld/koppelfeld/sip/budget"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// Budgets of admission. The first two count under pressure alone: an idle system challenges everybody.
const (
	strangerRate, strangerBurst = 20, 50   // requests without credentials of one source
	freshRate, freshBurst       = 500, 250 // the same of all sources together
	refusalRate, refusalBurst   = 500, 500 // refusals over UDP that are sent at all
	urgentRate, urgentBurst     = 2, 10    // INVITEs to emergency numbers from one source that go first
	urgentTotal, urgentAtOnce   = 50, 100  // the same of all sources together
)

// severe is at how many times MaxLag in a shard requests with credentials, which cost a challenge already, are refused, too. That a socket
// is not found empty says nothing about how long somebody waits in it, so it does not count here.
const severe = 4

// admission decides whether new work is taken, before anything is made for it.
//
// Pressure is measured as delay, not as length: how long the oldest event of the request's shard has waited, or how long the UDP
// socket it came from has not been found empty. Under pressure strangers are served as far as their budgets go; when a shard's events
// wait too long everything new is refused. What belongs to calls that are up is never looked at here.
type admission struct {
	strangers *budget.Table
	fresh     *budget.Shared
	refusals  *budget.Shared
	urgent    *budget.Table
	urgentAll *budget.Shared
	until     atomic.Int64 // refusals are bounded until then, unix nanoseconds
}

func newAdmission() admission {
	return admission{
		strangers: budget.New(strangerRate, strangerBurst), fresh: budget.NewShared(freshRate, freshBurst),
		refusals: budget.NewShared(refusalRate, refusalBurst),
		urgent:   budget.New(urgentRate, urgentBurst), urgentAll: budget.NewShared(urgentTotal, urgentAtOnce),
	}
}

// admit looks at a request that begins something new. It is false when the request has been refused or dropped.
func (s *Stack) admit(in transport.Inbound, sh *Shard) (lane, bool) {
	m := in.Msg
	if m.Method() == message.INVITE && s.cfg.Urgent != nil && s.cfg.Urgent(m.URI()) {
		now := s.now()
		if s.adm.urgent.TakeFrom(in.Flow.Remote().Addr(), now) && s.adm.urgentAll.Take(now) {
			s.counters.urgent.Add(1)
			return laneCall, true
		}
	}
	if int(sh.waiting.Load()) >= s.cfg.SoftQueue {
		s.press(s.now())
		s.refuse(in, DropOverload, 503, "", retryAfter(m))
		return laneNew, false
	}
	if in.Late == 0 && sh.idle() {
		return laneNew, true
	}
	now := s.now()
	lag := sh.lag(now)
	if max(in.Late, lag) <= s.cfg.MaxLag {
		return laneNew, true
	}
	s.press(now)
	known := m.Has(message.HAuthorization) || m.Has(message.HProxyAuthorization)
	if lag <= severe*s.cfg.MaxLag && (known || s.adm.strangers.TakeFrom(in.Flow.Remote().Addr(), now) && s.adm.fresh.Take(now)) {
		return laneNew, true
	}
	s.refuse(in, DropOverload, 503, "", retryAfter(m))
	return laneNew, false
}

// pressedFor is how long after the last sign of pressure refusals are bounded.
const pressedFor = time.Second

func (s *Stack) press(now time.Time) { s.adm.until.Store(now.Add(pressedFor).UnixNano()) }

// silent reports whether a refusal is not to be sent, because there are too many of them already. Clients on UDP ask again by
// themselves; on a connection nobody does, and its sender cannot be forged.
func (s *Stack) silent(flow *transport.Flow) bool {
	until := s.adm.until.Load()
	if until == 0 || flow.Proto().Reliable() {
		return false
	}
	now := s.now()
	return now.UnixNano() < until && !s.adm.refusals.Take(now)
}
