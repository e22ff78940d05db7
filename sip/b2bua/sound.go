package b2bua

import (
	"sync"

	"github.com/koppelfeld/koppelfeld/internal/media"
)

// tune is what the media plane lets a side hear in place of the other side.
type tune uint8

const (
	noTune   tune = iota
	ringback      // the caller: a phone rings, and no early media is to be heard
	music         // who is on hold
	sign          // what a call that the system answers itself has to say, see treatment
)

// clips are the sounds of all calls, made when first needed.
type clips struct {
	ringback, music           func() *media.Clip
	accepted, refused, prompt func() *media.Clip
	keyIn                     func() *media.Clip
}

func newClips() clips {
	return clips{
		ringback: sync.OnceValue(func() *media.Clip { return media.NewTone(media.Ringback) }),
		music:    sync.OnceValue(media.NewMusic),
		accepted: sync.OnceValue(func() *media.Clip { return media.NewTone(media.Accepted) }),
		refused:  sync.OnceValue(func() *media.Clip { return media.NewTone(media.Refused) }),
		prompt:   sync.OnceValue(func() *media.Clip { return media.NewTone(media.Prompt) }),
		keyIn:    sync.OnceValue(func() *media.Clip { return media.NewTone(media.KeyIn) }),
	}
}

func (c *clips) of(t tune) *media.Clip {
	if t == music {
		return c.music()
	}
	return c.ringback()
}

// hears is what a side has to hear of us in the present state of the call.
//
// A caller that was given an answer to its offer plays no ringback of its own any more. It hears the
// early media of a phone as long as exactly one of those that ring has some, and else ours: of two at
// once neither could be told from the other, and when the one that was heard has gone there
// would be silence. Nor is there any when it has promised early media and sends none (see listen). Who is put on hold hears music and is told nothing.
func (c *call) hears(s side) tune {
	l, other := &c.a, c.b
	if s == calleeSide {
		l, other = c.b, &c.a
	}
	switch {
	case c.treated != nil:
		return c.heard[s]
	case c.desk != nil:
		switch {
		case s == callerSide || c.phase != up:
		case c.heard[s] == sign:
			return sign
		case c.desk.rung:
			return ringback
		}
		return noTune
	case c.phase == ringing:
		if s == callerSide && c.anchor != nil && (c.calling || c.ringingForks() > 0) && (c.early == nil || c.earlyVoices() > 1 || c.quiet) {
			return ringback
		}
	case c.phase == holding:
		return c.heard[s] // until the caller is told of the answer
	case c.phase == up && c.transfer.rings(l):
		return ringback
	case c.phase == up && l != nil && l.remote != nil && other != nil && other.remote != nil:
		if other.remote.Held() && !l.remote.Held() {
			return music
		}
	}
	return noTune
}

// earlyVoices counts the phones that ring and have early media.
func (c *call) earlyVoices() (n int) {
	for _, f := range c.forks {
		if f.state != forkRinging {
			continue
		}
		if f.leg.speaksEarly() {
			n++
			continue
		}
		for _, l := range f.siblings {
			if l.speaksEarly() {
				n++
				break
			}
		}
	}
	return n
}

func (l *leg) speaksEarly() bool { return l.phase == legEarly && l.remote != nil }

// sound lets both sides hear what the state of the call asks for. It is to be called after
// whatever may change that.
func (c *call) sound() {
	if c.phase == ended || len(c.streams) == 0 {
		return
	}
	if c.phase == ringing && c.anchor != nil && len(c.forks) > 1 && !c.anchored {
		// Another phone may win than the one heard: for the caller it is to be one stream.
		c.anchored = true
		if ep, _ := c.audio(&c.a); ep != nil {
			ep.Anchor()
		}
	}
	for s := range c.heard {
		c.play(side(s), c.hears(side(s)))
	}
}

// play changes what one side hears of us.
func (c *call) play(s side, t tune) {
	if c.heard[s] == t {
		return
	}
	l := &c.a
	if s == calleeSide {
		l = c.b
	}
	if l == nil {
		return
	}
	ep, _ := c.audio(l)
	if ep == nil {
		return
	}
	before := c.heard[s]
	c.heard[s] = t
	if t == noTune {
		ep.Stop()
		return
	}
	if before == noTune {
		c.plumb(l) // with the formats
	}
	ep.Play(c.u.clips.of(t), media.PlayOptions{Loop: true})
}

// audio is the endpoint of a leg's first audio section, and its index, nil when there is none.
func (c *call) audio(l *leg) (Endpoint, int) {
	if l == nil || l.remote == nil {
		return nil, 0
	}
	for i := range c.streams {
		if i < len(l.remote.Media) && l.remote.Media[i].Type == "audio" && l.remote.Media[i].Port != 0 {
			return c.streams[i].ep[l.side], i
		}
	}
	return nil, 0
}
