package b2bua

import (
	"errors"
	"strings"

	"github.com/koppelfeld/koppelfeld/internal/media"
	"github.com/koppelfeld/koppelfeld/sip/sdp"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// How media is protected is a matter of each leg. A phone is answered in the way it has asked for, and asked in the way
// that its connection suggests; between the legs the relay opens and protects.

// Protection is the policy on the protection of media.
type Protection string

// Policies.
const (
	ProtectAuto     Protection = "auto"     // what the phone asks for; asked first where signalling is secure
	ProtectOff      Protection = "off"      // never
	ProtectRequired Protection = "required" // always
)

// valid reports whether p is a policy; empty means auto.
func (p Protection) valid() bool {
	return p == "" || p == ProtectAuto || p == ProtectOff || p == ProtectRequired
}

// kindFor is how a phone that is reached over a protocol is asked to protect its media.
func (p Protection) kindFor(over transport.Proto) sdp.Kind {
	switch {
	case p == ProtectOff:
		return sdp.Plain
	case over == "WS" || over == "WSS":
		return sdp.DTLS // browsers know nothing else
	case over == transport.TLS || p == ProtectRequired:
		return sdp.SDES
	}
	return sdp.Plain
}

// ask is how the phone at the end of a flow is asked to protect its media.
func (u *UA) ask(flow *transport.Flow) sdp.Kind {
	if u.cfg.Media == nil {
		return sdp.Plain
	}
	return u.cfg.SRTP.kindFor(u.protoOf(flow))
}

// canMeet reports whether the phone at the end of a flow can take an offer as it is. Without the relay nobody is between
// them to open and to protect, and of browsers and others it is known that they cannot meet.
func (u *UA) canMeet(offer *sdp.Session, flow *transport.Flow) bool {
	if u.cfg.Media != nil || offer == nil {
		return true
	}
	m := offer.First("audio")
	return m == nil || (m.Kind() == sdp.DTLS) == (ProtectAuto.kindFor(u.protoOf(flow)) == sdp.DTLS)
}

// errShield says that an answer does not protect media as it was asked to.
var errShield = errors.New("the answer does not protect the media as offered")

// shield is how the sections of one leg are carried. Nil: all are plain.
type shield [maxStreams]section

// section is how one section is carried.
type section struct {
	kind   sdp.Kind
	proto  string // that we write; "" for what the other side wrote, without protection
	refuse bool   // it cannot be carried on this leg

	cryptos []sdp.Crypto // SDES: ours; several while they are offered
	setup   string       // DTLS: our role
	ice     *media.ICE   // nil: without
	mux     bool         // RTCP on the RTP port
	mid     string
	bundle  bool

	security media.Security // for the endpoint, once agreed on
}

// at is the i-th section, an empty one when there is nothing to say.
func (s *shield) at(i int) *section {
	if s == nil || i >= len(s) {
		return &section{}
	}
	return &s[i]
}

// agree answers how a leg's media is to be protected when its peer has made an offer. Keys of before
// stay where they can. Sections that cannot be taken like that are refused; ok is false when none is left.
func (c *call) agree(l *leg, offer *sdp.Session) (*shield, bool) {
	u := c.u
	if u.cfg.Media == nil {
		return nil, true
	}
	var s shield
	used, dtls, carried, refused := false, false, false, false
	for i := range min(len(offer.Media), maxStreams) {
		m, before := &offer.Media[i], l.shield.at(i)
		if m.Port == 0 || !m.IsRTP() {
			continue
		}
		kind := m.Kind()
		if kind == sdp.SDES && u.cfg.SRTP == ProtectOff && !strings.Contains(m.Proto, "/SAVP") {
			kind = sdp.Plain
		}
		sec := section{kind: kind, proto: m.Proto, mux: m.Muxed()}
		ok := true
		switch {
		case kind == sdp.Plain:
			ok = u.cfg.SRTP != ProtectRequired
		case u.cfg.SRTP == ProtectOff:
			ok = false
		case kind == sdp.SDES:
			ok = sec.answerKeys(m, before)
		case kind == sdp.DTLS && (dtls || m.Type != "audio"):
			sec = section{refuse: true}
		case kind == sdp.DTLS:
			dtls = true
			sec.answerHandshake(offer, m, before)
		default:
			ok = false
		}
		if !ok {
			sec = section{refuse: true}
		}
		carried, refused = carried || !sec.refuse, refused || sec.refuse
		if kind != sdp.Plain || sec.refuse || sec.mux || sec.proto != "RTP/AVP" {
			s[i], used = sec, true
		}
	}
	switch {
	case refused && !carried:
		return nil, false
	case !used && !refused:
		return nil, true
	}
	return &s, true
}

// preferred suites, the best first: AES-GCM costs half of AES-CM with HMAC.
func suites() [4]media.Suite {
	return [...]media.Suite{media.AESGCM128, media.AESCM80, media.AESGCM256, media.AESCM32}
}

// answerKeys takes the best of the keys that the peer offers. It is false when there is none.
func (sec *section) answerKeys(m *sdp.Media, before *section) bool {
	for _, suite := range suites() {
		for theirs := range m.Cryptos() {
			if theirs.Suite != suite.String() || len(theirs.Key) != suite.Size() {
				continue
			}
			ours := sdp.Crypto{Tag: theirs.Tag, Suite: theirs.Suite}
			if len(before.cryptos) == 1 && before.cryptos[0].Suite == theirs.Suite {
				ours.Key = before.cryptos[0].Key
			} else {
				ours.Key = media.NewKeys(suite).Secret
			}
			sec.keyed(suite, theirs, ours)
			return true
		}
	}
	return false
}

// keyed notes the keys that were agreed on.
func (sec *section) keyed(s media.Suite, theirs, ours sdp.Crypto) {
	sec.cryptos = []sdp.Crypto{ours}
	sec.security = media.Security{In: media.Keys{Suite: s, Secret: theirs.Key}, Out: media.Keys{Suite: s, Secret: ours.Key}}
}

// answerHandshake takes an offer to shake hands.
func (sec *section) answerHandshake(offer *sdp.Session, m *sdp.Media, before *section) {
	sum, _ := m.Fingerprint()
	d := &media.DTLS{Fingerprint: sum}
	switch old := before.security.DTLS; m.Setup() {
	case "passive":
		d.Client = true
	case "active":
	default: // either: as it was, else the peer begins
		d.Client = old != nil && old.Client && old.Fingerprint == sum
	}
	sec.setup = role(d.Client)
	sec.security.DTLS = d
	sec.mid, sec.bundle = m.MID, offer.Bundled(m)
	if ufrag, _, ok := m.ICE(); ok && sec.mux {
		ice := media.NewICE()
		if before.ice != nil && before.ice.RemoteUfrag == ufrag {
			ice = *before.ice // else the peer begins anew, and so do we (RFC 8445 section 9)
		}
		ice.RemoteUfrag = ufrag
		sec.ice, sec.security.ICE = &ice, &ice
	}
}

func role(client bool) string {
	if client {
		return "active"
	}
	return "passive"
}

// propose makes what we offer a leg for the sections of s.
func (c *call) propose(kind sdp.Kind, s *sdp.Session) *shield {
	if kind == sdp.Plain {
		return nil
	}
	var sh shield
	dtls := false
	for i := range min(len(s.Media), maxStreams) {
		m := &s.Media[i]
		switch {
		case m.Port == 0 || !m.IsRTP():
		case kind == sdp.SDES:
			sh[i] = section{kind: kind, proto: "RTP/SAVP"}
			for n, suite := range suites() {
				sh[i].cryptos = append(sh[i].cryptos, sdp.Crypto{Tag: n + 1, Suite: suite.String(), Key: media.NewKeys(suite).Secret})
			}
		case dtls || m.Type != "audio":
			sh[i].refuse = true
		default:
			dtls = true
			ice := media.NewICE()
			sh[i] = section{kind: kind, proto: "UDP/TLS/RTP/SAVPF", setup: "actpass", mux: true, mid: itoa(i), bundle: true, ice: &ice}
		}
	}
	return &sh
}

// settle takes the peer's answer to what we offered. What the leg has stays as it is, since
// several dialogs may answer one offer.
func (s *shield) settle(answer *sdp.Session) (*shield, error) {
	if s == nil || answer == nil {
		return s, nil
	}
	next := *s
	for i := range next {
		sec := &next[i]
		if i >= len(answer.Media) || answer.Media[i].Port == 0 || sec.refuse || !answer.Media[i].IsRTP() {
			continue
		}
		m := &answer.Media[i]
		switch ok := false; sec.kind {
		case sdp.SDES:
			if ok = m.Kind() == sdp.SDES && sec.takeKeys(m); !ok {
				return nil, errShield
			}
		case sdp.DTLS:
			if ok = m.Kind() == sdp.DTLS; !ok {
				return nil, errShield
			}
			sec.takeHandshake(m)
		default:
			sec.mux = sec.mux && m.Muxed()
		}
	}
	return &next, nil
}

// takeKeys takes the key with which the peer has answered.
func (sec *section) takeKeys(m *sdp.Media) bool {
	for theirs := range m.Cryptos() {
		for _, ours := range sec.cryptos {
			suite, known := media.SuiteNamed(theirs.Suite)
			if ours.Tag == theirs.Tag && ours.Suite == theirs.Suite && known && len(theirs.Key) == suite.Size() {
				sec.keyed(suite, theirs, ours)
				sec.mux = sec.mux && m.Muxed()
				return true
			}
		}
	}
	return false
}

// takeHandshake takes the peer's part in a handshake that we offered.
func (sec *section) takeHandshake(m *sdp.Media) {
	sum, _ := m.Fingerprint()
	d := &media.DTLS{Client: m.Setup() == "passive", Fingerprint: sum}
	if old := sec.security.DTLS; old != nil && sec.setup != "actpass" {
		d.Client = sec.setup == "active"
	}
	sec.setup = role(d.Client)
	sec.security = media.Security{DTLS: d}
	sec.mux = sec.mux && m.Muxed()
	ufrag, _, ok := m.ICE()
	if !ok || !sec.mux || sec.ice == nil {
		sec.ice = nil
		return
	}
	ice := *sec.ice
	ice.RemoteUfrag = ufrag
	sec.ice, sec.security.ICE = &ice, &ice
}

// attrs are the lines that say how a section is carried. The endpoint is where its media comes to.
func (c *call) attrs(sec *section, ep Endpoint) []string {
	var lines []string
	if sec.mid != "" {
		lines = append(lines, "mid:"+sec.mid)
	}
	if sec.mux {
		lines = append(lines, "rtcp-mux")
	}
	if sec.ice != nil {
		at := ep.Local()
		lines = append(lines, "ice-ufrag:"+sec.ice.Ufrag, "ice-pwd:"+sec.ice.Password,
			"candidate:1 1 udp 2130706431 "+at.Addr().String()+" "+itoa(int(at.Port()))+" typ host", "end-of-candidates")
	}
	switch sec.kind {
	case sdp.SDES:
		for _, k := range sec.cryptos {
			lines = append(lines, k.Line())
		}
	case sdp.DTLS:
		lines = append(lines, sdp.FingerprintLine(c.u.cfg.Media.Fingerprint()), "setup:"+sec.setup)
	}
	return lines
}

// dress adds to an edit how the sections of a leg are carried.
func (c *call) dress(e *sdp.Edit, sh *shield, to seat, s *sdp.Session) {
	e.Drop |= sdp.DropTransport
	lite := false
	for i := range e.Media {
		m, me, sec := &s.Media[i], &e.Media[i], sh.at(i)
		if sec.refuse || to.side == calleeSide && c.a.shield.at(i).refuse || sh != nil && sec.proto == "" && m.IsRTP() && sh.protects() {
			me.Port = sdp.Refuse
		}
		if !m.IsRTP() {
			continue
		}
		switch {
		case sec.proto != "":
			me.Proto = sec.proto
		case m.Proto != "RTP/AVP" && m.Proto != "RTP/AVPF":
			me.Proto = "RTP/AVP"
		}
		if me.Proto != "" && me.Proto != m.Proto || sec.kind != sdp.Plain {
			e.Drop |= sdp.DropFeedback | sdp.DropStreams
		}
		ep := c.endpoint(i, to)
		if ep == nil || me.Port == sdp.Refuse || m.Port == 0 {
			continue
		}
		me.Attrs = c.attrs(sec, ep)
		lite = lite || sec.ice != nil
		if sec.bundle {
			e.Attrs = append(e.Attrs, "group:BUNDLE "+sec.mid)
		}
	}
	if lite {
		e.Attrs = append(e.Attrs, "ice-lite")
	}
}

// protects reports whether a section is protected at all.
func (s *shield) protects() bool {
	for i := range s {
		if s[i].kind != sdp.Plain {
			return true
		}
	}
	return false
}

// describe is what a contact is offered: what all of its kind are, or, where media is to be protected or at another place, its
// own.
func (f *fork) describe() []byte {
	c := f.c
	offer, kind, at := c.offer, sdp.Plain, f.at
	if offer == nil {
		return nil
	}
	if f.wide {
		offer = c.wide
	}
	if !f.exposed {
		kind = c.u.ask(f.dlg.Flow)
	}
	_ = f.sit() // the flow may be another one than in begin; where that place cannot be had the old one has to do
	if f.offer.Last() != nil && f.kind == kind && f.at == at {
		return f.offer.Last() // again, for another reason
	}
	f.kind, f.asked, f.offer = kind, c.propose(kind, offer), sdp.Leg{}
	if f.asked == nil && !f.wide && f.at == 0 {
		return c.offerBody
	}
	f.offer = sdp.Leg{Origin: newOrigin(c.sh.Now().Unix())}
	return c.write(&f.offer, f.asked, f.seat(), f.dlg.Flow.Local().Addr(), offer, c.forkDirection())
}

// described is what describe has given.
func (f *fork) described() sdp.Leg {
	if f.offer.Last() != nil {
		return f.offer
	}
	return f.c.forkSDP
}

// expose asks a contact without protection that has refused it, where that is allowed. It is false when that is no way
// out. A browser is not asked: it never does without.
func (f *fork) expose() bool {
	if f.asked == nil || f.exposed || f.c.u.cfg.SRTP == ProtectRequired || f.kind != sdp.SDES ||
		f.state == forkCancelling || f.c.phase != ringing {
		return false
	}
	f.asked, f.offer, f.exposed = nil, sdp.Leg{}, true
	f.restart()
	f.send()
	return true
}

// shielded settles how one dialog of a contact protects its media by what it describes. *d becomes nil when that does not do. Without an
// offer of ours it is the contact's.
func (f *fork) shielded(l *leg, d **sdp.Session) *shield {
	if *d == nil {
		return nil
	}
	if f.c.offer == nil {
		sh, ok := f.c.agree(l, *d)
		if !ok {
			*d = nil
		}
		return sh
	}
	sh, err := f.asked.settle(*d)
	if err != nil {
		*d = nil
	}
	return sh
}

// security says how the media of a leg was protected.
func (l *leg) security(st *media.Stats) string {
	switch {
	case st.Suite == 0:
		return ""
	case st.DTLS:
		return "DTLS " + st.Suite.String()
	case !l.dlg.Flow.Secure():
		return "SDES " + st.Suite.String() + ", keys sent in the clear"
	}
	return "SDES " + st.Suite.String()
}
