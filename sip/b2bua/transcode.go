package b2bua

import (
	"github.com/koppelfeld/koppelfeld/internal/media"
	"github.com/koppelfeld/koppelfeld/sip/sdp"
)

// Two legs that share no codec are joined by the media plane, which turns G.711 and G.722 into one another. That is the
// last resort: a contact is first offered what the caller offers, and only when it refuses that, what can be made of it. So who
// shares a codec is never recoded.

// widen asks a contact again, that has refused the caller's codecs, with those that can be made of them. It is false
// when that is no way out.
func (f *fork) widen() bool {
	c := f.c
	if f.wide || c.u.cfg.Media == nil || c.offer == nil || f.state == forkCancelling || c.phase != ringing {
		return false
	}
	if c.wide == nil {
		c.wide = sdp.Widen(c.offer)
	}
	if c.wide == c.offer {
		return false
	}
	f.wide, f.exposed, f.asked, f.offer = true, false, nil, sdp.Leg{} // protected as at first
	f.restart()
	f.send()
	return true
}

// bridged is a description of the other side as a leg is to see it: with codecs that it can take, where it could
// take none of them.
func (l *leg) bridged(s *sdp.Session) *sdp.Session {
	if !l.c.recoded || l.remote == nil {
		return s
	}
	s, _ = sdp.Recode(s, l.remote)
	return s
}

// exchanged is what the media plane has to know of a leg's formats: what it takes and, where the two legs differ, what
// it sends, which is what we have told it that we take.
func (c *call) exchanged(l *leg, i int, r *media.Remote) {
	if !c.recoded && c.heard[l.side] == noTune {
		return
	}
	ours, err := sdp.Parse(l.sdp.Last())
	if err != nil || i >= len(ours.Media) {
		r.Formats = formatsOf(&l.remote.Media[i], nil)
		return
	}
	r.Formats = formatsOf(&l.remote.Media[i], &ours.Media[i])
	if c.recoded {
		r.Sends = formatsOf(&ours.Media[i], nil)
	}
}

// formatsOf lists the formats of a section in its order, those only that another one has too, if it is not nil.
func formatsOf(m, common *sdp.Media) (list media.Formats) {
	n := 0
	for c := range m.Codecs() {
		if n == len(list) {
			break
		}
		if common != nil && !has(common, c) {
			continue
		}
		list[n] = media.Format{PayloadType: c.PT, Name: c.Name, ClockRate: c.Clock}
		n++
	}
	return list
}

func has(m *sdp.Media, codec sdp.Codec) bool {
	for c := range m.Codecs() {
		if c.Same(codec) {
			return true
		}
	}
	return false
}
