package sdp

import (
	"bytes"
	"errors"
	"strings"
)

// Errors of Answer.
var (
	ErrNoCodec  = errors.New("offer has no codec in common with the running session")
	ErrMismatch = errors.New("offer changes the media of the running session")
	ErrNothing  = errors.New("no description was sent yet")
)

// Leg writes the descriptions that we send on one call leg. It keeps the rules of the o=
// line (RFC 3264 section 8): the session id never changes, the version grows by one
// with each change, and stays when nothing changes. It belongs to the call.
type Leg struct {
	Origin OwnOrigin // version of what was sent last

	base []byte // what Write was given last: all codecs that the other side of the call can take
	last []byte // what was sent last
}

// NewLeg begins a leg. The first description carries the version of o.
func NewLeg(o OwnOrigin) *Leg { return &Leg{Origin: o} }

// Last is what was sent last, nil when nothing was.
func (l *Leg) Last() []byte { return l.last }

// Write makes the description to send from another one, e being applied and the o= line
// being ours. When it says the same as the last one, the last one is returned.
func (l *Leg) Write(s *Session, e Edit) []byte {
	b := l.write(s, e)
	l.base = b
	return b
}

func (l *Leg) write(s *Session, e Edit) []byte {
	e.Origin = l.Origin
	if l.last != nil {
		e.Origin.Version++
	}
	b := s.Marshal(&e)
	if l.last != nil && SameButOrigin(l.last, b) {
		return l.last
	}
	l.Origin, l.last = e.Origin, b
	return b
}

// Offer makes our description again with a direction for all active sections and with all
// codecs, also those that an answer in between had left out: for hold, resume, session
// refresh, and the offer that a re-INVITE without one asks for. With direction 0 each
// section has the direction that Write gave it.
func (l *Leg) Offer(d Direction) ([]byte, error) {
	if l.base == nil {
		return nil, ErrNothing
	}
	s, err := Parse(l.base)
	if err != nil {
		return nil, err
	}
	e := Edit{Media: make([]MediaEdit, len(s.Media))}
	for i := range s.Media {
		if m := &s.Media[i]; m.Port != 0 && m.Direction != d {
			e.Media[i].Direction = d
		}
	}
	return l.write(s, e), nil
}

// Answer answers a new offer within a call out of what Write was given last, without asking
// the other leg: for hold and resume, session refresh, a new address, or a new order of
// codecs. wish is what we would do with the media if asked freely. Sections that the offer
// adds are refused. It returns ErrMismatch or ErrNoCodec when the offer must be carried to
// the other leg instead. own says how we carry the sections from now on, by Proto and Attrs, and
// what the session says of it.
func (l *Leg) Answer(offer *Session, wish Direction, own Edit) ([]byte, error) {
	if l.base == nil {
		return nil, ErrNothing
	}
	base, err := Parse(l.base)
	if err != nil {
		return nil, err
	}
	if len(offer.Media) < len(base.Media) {
		return nil, ErrMismatch
	}
	if n := len(base.Media); len(offer.Media) > n {
		b := base.Marshal(nil)
		for i := n; i < len(offer.Media); i++ {
			m := &offer.Media[i]
			b = appendMedia(b, m.Type, 0, m.Proto, m.Formats)
		}
		if base, err = Parse(b); err != nil {
			return nil, err
		}
	}
	e := Edit{Media: make([]MediaEdit, len(base.Media)), Drop: own.Drop, Attrs: own.Attrs}
	for i := range base.Media {
		if e.Media[i], err = answerMedia(&offer.Media[i], &base.Media[i], wish); err != nil {
			return nil, err
		}
		if i < len(own.Media) && e.Media[i].Port != Refuse && base.Media[i].Port != 0 {
			e.Media[i].Proto, e.Media[i].Attrs = own.Media[i].Proto, own.Media[i].Attrs
		}
	}
	l.base = []byte(base.text)
	return l.write(base, e), nil
}

func answerMedia(offer, last *Media, wish Direction) (MediaEdit, error) {
	switch {
	case offer.Type != last.Type || !sameProtocol(offer, last):
		if offer.Port == 0 && last.Port == 0 {
			return MediaEdit{}, nil
		}
		return MediaEdit{}, ErrMismatch
	case offer.Port == 0:
		return MediaEdit{Port: Refuse}, nil
	case last.Port == 0:
		return MediaEdit{}, nil // was refused, stays refused
	}
	formats := last.CommonFormats(offer)
	if formats == "" {
		return MediaEdit{}, ErrNoCodec
	}
	if formats == last.Formats {
		formats = ""
	}
	e := MediaEdit{Formats: formats}
	if d := AnswerDirection(offer.Direction, wish); d != last.Direction {
		e.Direction = d
	}
	return e, nil
}

// sameProtocol reports whether two sections carry the same kind of media, protected or not.
func sameProtocol(a, b *Media) bool {
	return strings.EqualFold(a.Proto, b.Proto) || a.IsRTP() && b.IsRTP()
}

// SameButOrigin reports whether two descriptions differ in nothing but their o= lines.
func SameButOrigin(a, b []byte) bool {
	a1, a2 := cutOrigin(a)
	b1, b2 := cutOrigin(b)
	return bytes.Equal(a1, b1) && bytes.Equal(a2, b2)
}

// cutOrigin returns what stands before and behind the o= line.
func cutOrigin(b []byte) (before, behind []byte) {
	i := 0
	if !bytes.HasPrefix(b, []byte("o=")) {
		if i = bytes.Index(b, []byte("\no=")) + 1; i == 0 {
			return b, nil
		}
	}
	n := bytes.IndexByte(b[i:], '\n')
	if n < 0 {
		return b[:i], nil
	}
	return b[:i], b[i+n+1:]
}

// Change says in what two descriptions differ.
type Change uint8

// Kinds of change.
const (
	ChangedMedia     Change = 1 << iota // number, type or protocol of sections; one turned on or off
	ChangedCodecs                       // formats, their order or parameters
	ChangedAddress                      // connection address or port
	ChangedDirection                    // hold, resume
	ChangedSecurity                     // profile, keys, fingerprint, ICE
)

// Compare says what a later description of the same side changes.
func Compare(before, after *Session) Change {
	if len(before.Media) != len(after.Media) {
		return ChangedMedia
	}
	var c Change
	for i := range before.Media {
		a, b := &before.Media[i], &after.Media[i]
		if a.Type != b.Type || !sameProtocol(a, b) || (a.Port == 0) != (b.Port == 0) {
			c |= ChangedMedia
			continue
		}
		if a.Port == 0 {
			continue
		}
		if !sameFormats(a, b) {
			c |= ChangedCodecs
		}
		if a.Port != b.Port || a.Addr != b.Addr || a.RTCPPort != b.RTCPPort {
			c |= ChangedAddress
		}
		if a.Direction != b.Direction {
			c |= ChangedDirection
		}
		if !sameSecurity(a, b) {
			c |= ChangedSecurity
		}
	}
	return c
}

func sameFormats(a, b *Media) bool {
	if a.Formats != b.Formats {
		return false
	}
	if !a.IsRTP() {
		return true
	}
	var codecs [MaxFormats]Codec
	n := 0
	for c := range a.Codecs() {
		codecs[n] = c
		n++
	}
	i := 0
	for c := range b.Codecs() {
		if i < n {
			d := codecs[i]
			if !strings.EqualFold(c.Name, d.Name) || c.Clock != d.Clock || c.Channels != d.Channels || c.Fmtp != d.Fmtp {
				return false
			}
		}
		i++
	}
	return true
}
