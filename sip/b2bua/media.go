package b2bua

import (
	"cmp"
	"fmt"
	"net/netip"
	"strings"

	"github.com/koppelfeld/koppelfeld/internal/media"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/sdp"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

const contentSDP = "application/sdp"

// maxStreams bounds the media sections that are relayed; further ones are refused.
const maxStreams = 4

// stream is one relayed media section: an endpoint for each side.
type stream struct {
	ep      [2]Endpoint // by side
	secured [2]bool     // by side: Secure was called
}

// describe reads the session description of a message, also from a multipart body. It returns nil
// when there is none, and a status when the body is not one.
func describe(m *message.Message) (*sdp.Session, int) {
	body := m.Body()
	if len(body) == 0 {
		return nil, 0
	}
	if mediaType(m) != "" {
		var ok bool
		if body, ok = sdp.FromBody(m.Header(message.HContentType), body); !ok {
			return nil, 415
		}
	}
	if e := m.Header(message.HContentEncoding); e != "" && !strings.EqualFold(e, "identity") {
		return nil, 415
	}
	s, err := sdp.Parse(body)
	if err != nil {
		return nil, 400
	}
	return s, 0
}

// fitted is an answer with the sections of its offer, nil when it does not belong to it.
func fitted(answer, offer *sdp.Session) *sdp.Session {
	if answer == nil || offer == nil {
		return answer
	}
	answer, err := sdp.Fit(answer, offer)
	if err != nil {
		return nil
	}
	return answer
}

// mediaType is the Content-Type without parameters.
func mediaType(m *message.Message) string {
	kind, _, _ := strings.Cut(m.Header(message.HContentType), ";")
	return strings.TrimSpace(kind)
}

// openStreams opens what the sections of s need and is not open yet, on the callee's side for the phone at the end of a flow; nil:
// for the one that is expected to ring first.
func (c *call) openStreams(s *sdp.Session, callee *transport.Flow) error {
	if c.u.cfg.Media == nil || s == nil {
		return nil
	}
	if len(c.streams) == 0 {
		c.first = c.spotOf(cmp.Or(callee, c.expected(), c.a.dlg.Flow))
	}
	n := min(len(s.Media), maxStreams)
	for len(c.streams) < n {
		c.streams = append(c.streams, stream{})
	}
	for i := range c.streams[:n] {
		if c.streams[i].ep[0] != nil || s.Media[i].Port == 0 {
			continue
		}
		if err := c.openStream(i); err != nil {
			return err
		}
	}
	return nil
}

// noMedia logs that no media could be opened, once per second at most: phones may try again and again.
func (c *call) noMedia(err error) {
	now, last := c.sh.Now().Unix(), c.u.mediaLogged.Load()
	if now != last && c.u.mediaLogged.CompareAndSwap(last, now) {
		c.u.cfg.Log.Error("opening media for a call failed", "call_id", c.id, "error", err)
	}
}

func (c *call) openStream(i int) error {
	m := c.u.cfg.Media
	a, err := m.Open(c.mediaOptions(callerSide, c.a.dlg.Flow), nil)
	if err != nil {
		return fmt.Errorf("opening the caller's side: %w", err)
	}
	ep := &c.streams[i].ep
	ep[0] = a // known at once: a fault from here on must not lose it
	b, err := m.Open(c.mediaOptions(calleeSide, c.first.via), a)
	if err != nil {
		ep[0] = nil
		a.Close()
		return fmt.Errorf("opening the callee's side: %w", err)
	}
	ep[1] = b
	m.Bridge(a, b)
	return nil
}

// silent ends a call from one side of which nothing has been heard for too long.
func (c *call) silent(s side) {
	if c.phase != up || c.streams == nil {
		return
	}
	c.hangup(bySystem, "no audio came from the "+s.String()+" for "+c.u.cfg.MediaTimeout.String(), nil)
}

// newOrigin begins the o= lines of a leg. The address is filled in by write.
func newOrigin(now int64) sdp.OwnOrigin {
	return sdp.OwnOrigin{ID: uint64(now), Version: 1}
}

// write makes the description that the leg is sent when the other side said s. A direction
// other than 0 replaces the one in s.
func (l *leg) write(s *sdp.Session, dir sdp.Direction) []byte {
	b := l.c.write(&l.sdp, l.shield, l.seat(), l.dlg.Flow.Local().Addr(), l.bridged(s), dir)
	if l.c.recoded {
		l.c.plumb(l) // what it sends is what it is told here
	}
	return b
}

// write is leg.write for any who are described in the same way.
func (c *call) write(leg *sdp.Leg, sh *shield, to seat, local netip.Addr, s *sdp.Session, dir sdp.Direction) []byte {
	if c.u.cfg.Media == nil {
		leg.Origin.Addr = local
		e := sdp.Edit{}
		if dir != 0 {
			e.Media = make([]sdp.MediaEdit, len(s.Media))
			for i := range e.Media {
				e.Media[i].Direction = dir
			}
		}
		return leg.Write(s, e)
	}
	var edits [maxStreams]sdp.MediaEdit
	e := sdp.Edit{Media: edits[:0]}
	for i := range s.Media {
		me := sdp.MediaEdit{Port: sdp.Refuse, Direction: dir}
		if ep := c.endpoint(i, to); ep != nil {
			at := ep.Local()
			me.Port = int(at.Port())
			e.Addr = at.Addr()
		}
		e.Media = append(e.Media, me)
	}
	if !e.Addr.IsValid() {
		e.Addr = local
	}
	c.dress(&e, sh, to, s)
	leg.Origin.Addr = e.Addr
	return leg.Write(s, e)
}

// plumb points the endpoints of a leg to where its last description says.
func (c *call) plumb(l *leg) {
	if l.remote == nil || len(c.streams) == 0 || l.side == calleeSide && l != c.b && l != c.early {
		return
	}
	if l.side == calleeSide {
		if c.turn(l.at); l == c.b {
			c.decamp()
		}
	}
	held := l.remote.Held()
	for i := range c.streams {
		ep := c.streams[i].ep[l.side]
		if ep == nil {
			continue
		}
		if i >= len(l.remote.Media) {
			ep.SetRemote(media.Remote{})
			ep.Expect(false)
			continue
		}
		m, sec := &l.remote.Media[i], l.shield.at(i)
		c.secure(&c.streams[i], l, sec)
		r := remoteOf(m, l.dlg.Flow.Remote().Addr())
		if sec.mux {
			r.RTCP = r.RTP
		}
		c.exchanged(l, i, &r)
		ep.SetRemote(r)
		ep.Expect(c.phase == up && !held && m.Port != 0 && m.Direction.Sends())
	}
	c.sound()
}

// secure tells an endpoint how its media is protected.
func (c *call) secure(s *stream, l *leg, sec *section) {
	if l.shield == nil && !s.secured[l.side] {
		return
	}
	s.secured[l.side] = true
	if err := s.ep[l.side].Secure(sec.security); err != nil {
		c.u.cfg.Log.Error("protecting the media of a call failed", "call_id", c.id, "leg", l.side.String(), "error", err)
	}
}

// hush lets nothing be heard of the callee's side while no early media counts.
func (c *call) hush() {
	for i := range c.streams {
		if ep := c.streams[i].ep[calleeSide]; ep != nil {
			ep.SetRemote(media.Remote{})
		}
	}
	c.sound()
}

// remoteOf is where a section says that its media is.
func remoteOf(m *sdp.Media, signalling netip.Addr) media.Remote {
	if m.Port == 0 {
		return media.Remote{}
	}
	addr, err := netip.ParseAddr(m.Addr)
	if err != nil {
		addr = signalling // a host name: what is sent from there will be learned
	}
	r := media.Remote{
		RTP:  netip.AddrPortFrom(addr.Unmap(), uint16(m.Port)),
		Send: m.Direction.Receives(), Receive: m.Direction.Sends(), Signalling: signalling,
	}
	if m.RTCPPort != 0 {
		r.RTCP = netip.AddrPortFrom(r.RTP.Addr(), uint16(m.RTCPPort))
	}
	if !m.IsRTP() {
		return r
	}
	for codec := range m.Codecs() {
		switch {
		case strings.EqualFold(codec.Name, sdp.TelephoneEvent):
			r.DTMFPayloadType = codec.PT
		case r.ClockRate == 0:
			r.ClockRate, r.Codec = codec.Clock, codec.Name
		}
		if r.ClockRate != 0 && r.DTMFPayloadType != 0 {
			break
		}
	}
	return r
}

// expect starts the clocks of the media once the call is up.
func (c *call) expect() {
	for _, l := range [...]*leg{&c.a, c.b} {
		if l == nil || l.remote == nil || l.remote.Held() {
			continue
		}
		for i := range c.streams {
			if ep := c.streams[i].ep[l.side]; ep != nil && i < len(l.remote.Media) && l.remote.Media[i].Port != 0 {
				ep.Expect(l.remote.Media[i].Direction.Sends())
			}
		}
	}
}

// refusal answers an offer by turning every section off.
func refusal(offer *sdp.Session, local netip.Addr, now int64) []byte {
	e := sdp.Edit{Origin: newOrigin(now), Media: make([]sdp.MediaEdit, len(offer.Media))}
	e.Origin.Addr = local
	for i := range e.Media {
		e.Media[i].Port = sdp.Refuse
	}
	return offer.Marshal(&e)
}
