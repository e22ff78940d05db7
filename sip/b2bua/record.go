package b2bua

import (
	"math"
	"slices"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/internal/media"
)

// enter makes a call that rings visible: record, table, event. One that is refused at once
// has only its finished record.
func (c *call) enter() {
	c.u.cfg.Recorder.Started(c.rec)
	c.u.cfg.Table.Put(c.view(), func(cause string) {
		c.post(func() { c.hangup(bySystem, cause, nil) })
	})
	c.held.entered = true
	if c.u.cfg.Bus.Active() {
		c.u.cfg.Bus.Publish(c.event(calls.CallStarted))
	}
}

// view is the call for lists.
func (c *call) view() calls.Call {
	v := calls.Call{
		ID: c.id, State: calls.Routing, Class: c.rec.Class, From: c.rec.From, FromName: c.rec.FromName,
		FromSlot: c.rec.FromSlot, FromUser: c.rec.FromUser, FromHidden: c.rec.FromHidden, To: c.rec.To, Number: c.rec.Number, CallerNumber: c.held.callerNumber,
		ToUser: c.rec.ToUser, ToSlot: c.rec.ToSlot, Start: c.rec.Start, AnswerAt: c.rec.AnswerAt,
	}
	if v.Also = c.held.more; c.held.number != v.Number && c.held.number != "" {
		v.Also = append(slices.Clone(v.Also), c.held.number)
	}
	switch {
	case c.phase == ended:
		v.State = calls.Ended
	case c.phase != ringing:
		v.State = calls.Up
	case c.rung:
		v.State = calls.Ringing
	}
	if c.phase == ringing {
		v.Ringing = make([]string, 0, len(c.plan.Targets))
		for _, f := range c.forks {
			if n := len(v.Ringing); !f.over() && f.target.SlotID != "" && (n == 0 || v.Ringing[n-1] != f.target.SlotID) {
				v.Ringing = append(v.Ringing, f.target.SlotID)
			}
		}
	}
	if d, ok := c.front.(*dialling); ok && d.desk.phase == ringing {
		v.Ringing = append(v.Ringing, d.order.SlotID)
	}
	return v
}

// publish shows the call's new state.
func (c *call) publish(t calls.EventType) {
	if c.desk != nil {
		return
	}
	if t != calls.CallEnded {
		c.u.cfg.Table.Update(c.view())
	}
	if c.u.cfg.Bus.Active() {
		c.u.cfg.Bus.Publish(c.event(t))
	}
}

func (c *call) event(t calls.EventType) calls.Event {
	v := c.view()
	e := calls.Event{Type: t, At: c.sh.Now(), Call: &v}
	if t == calls.CallStarted || t == calls.CallEnded {
		r := c.rec
		e.Record = &r
	}
	return e
}

// finishLegs writes how each contact went.
func (c *call) finishLegs(now time.Time) {
	if len(c.forks) == 0 {
		return
	}
	c.rec.Legs = make([]calls.Leg, len(c.forks))
	for i, f := range c.forks {
		leg := calls.Leg{
			SlotID: f.target.SlotID, Number: f.target.Outside, Contact: f.contact, Start: f.start, RingAt: f.ringAt,
			End: f.endAt, Status: f.status, Result: f.result,
		}
		if leg.End.IsZero() {
			leg.End = now
		}
		if leg.Result == "" {
			leg.Result = "error"
		}
		c.rec.Legs[i] = leg
	}
}

// finishMedia writes the figures of the first relayed stream and what was wrong with it.
func (c *call) finishMedia() {
	if len(c.streams) == 0 || c.streams[0].ep[0] == nil || c.b == nil {
		return
	}
	a, b := c.streams[0].ep[callerSide].Stats(), c.streams[0].ep[calleeSide].Stats()
	c.rec.MediaCaller, c.rec.MediaCallee = figures(&a), figures(&b)
	c.rec.MediaCaller.Security, c.rec.MediaCallee.Security = c.a.security(&a), c.b.security(&b)
	c.rec.MediaNote = c.mediaNote(&a, &b)
}

func figures(s *media.Stats) *calls.Media {
	m := &calls.Media{
		Codec: s.Codec, Packets: s.Packets, Bytes: s.Bytes, Lost: s.Lost, JitterMS: s.JitterMS, FirstMS: -1,
		MOS: round(s.MOS), ReportedLost: s.RemoteLost, ReportedJitterMS: s.RemoteJitterMS, ReportedMOS: round(s.RemoteMOS),
	}
	if s.RoundTrip > 0 {
		m.RoundTripMS = float64(s.RoundTrip.Microseconds()) / 1000
	}
	if s.Packets > 0 && s.FirstAfter >= 0 {
		m.FirstMS = s.FirstAfter.Milliseconds()
	}
	if s.Source.IsValid() {
		m.Source = s.Source.String()
	}
	m.Dropped, m.Forged, m.Replayed = s.Dropped[media.DropSource], s.Dropped[media.DropAuth], s.Dropped[media.DropReplay]
	return m
}

// round keeps two decimals: an estimate has no more to say.
func round(f float64) float64 { return math.Round(100*f) / 100 }

// shortCall is too short for anyone to have missed the audio.
const shortCall = time.Second

// mediaNote says in words what was wrong with the audio.
func (c *call) mediaNote(a, b *media.Stats) string {
	if c.rec.End.Sub(c.rec.AnswerAt) < shortCall {
		return ""
	}
	callee := "callee (" + c.nameOf(c.rec.ToSlot, c.won.target.Outside) + ")"
	caller := "caller (" + c.nameOf(c.rec.FromSlot, c.rec.From) + ")"
	switch {
	case a.Packets == 0 && b.Packets == 0:
		return "no audio in either direction: " + silence(caller, &c.streams[0], callerSide, a) +
			"; " + silence(callee, &c.streams[0], calleeSide, b)
	case a.Packets == 0:
		return silence(caller, &c.streams[0], callerSide, a)
	case b.Packets == 0:
		return silence(callee, &c.streams[0], calleeSide, b)
	}
	if note := moved(caller, a); note != "" {
		return note
	}
	return moved(callee, b)
}

func silence(who string, s *stream, at side, st *media.Stats) string {
	note := "no audio came from the " + who + ": no packet arrived at " + s.ep[at].Local().String()
	if st.Announced.IsValid() {
		note += ", it had offered " + st.Announced.String()
	}
	switch {
	case st.DTLS && st.Suite == 0:
		note += "; the handshake for encryption did not come about"
	case st.Dropped[media.DropAuth] > 0:
		note += "; what came was encrypted with another key than agreed on"
	}
	if st.Rejected.IsValid() {
		note += "; packets from " + st.Rejected.String() + " were not accepted"
	}
	return note
}

// moved notes that packets came from another address than was offered.
func moved(who string, st *media.Stats) string {
	if !st.Source.IsValid() || !st.Announced.IsValid() || st.Source == st.Announced || st.ICE {
		return ""
	}
	note := "packets of the " + who + " came from " + st.Source.String() + ", not from the offered " + st.Announced.String()
	if st.FirstAfter >= 0 {
		note += "; latched after " + st.FirstAfter.Round(time.Millisecond).String()
	}
	return note
}
