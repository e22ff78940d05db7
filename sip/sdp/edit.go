package sdp

import (
	"net/netip"
	"strconv"
	"strings"
)

// Edit is what Append changes. What is zero stays as it is; all other lines are written
// as they came, in their order.
type Edit struct {
	// Origin replaces the o= line when its Addr is valid.
	Origin OwnOrigin
	// Addr replaces the address in every c= line when it is valid, and is added where a
	// section has none.
	Addr netip.Addr
	// Media holds changes by index of the m= section; it may be shorter than the sections.
	Media []MediaEdit
	// Drop names attributes to leave out in all sections.
	Drop Drop
	// Attrs are attributes of the session to add, without "a=".
	Attrs []string
}

// OwnOrigin is an o= line that we write.
type OwnOrigin struct {
	User        string // "-" when empty
	ID, Version uint64
	Addr        netip.Addr
}

// MediaEdit changes one m= section.
type MediaEdit struct {
	// Port is the new port; Refuse writes 0. A section that is off (port 0) stays off.
	Port int
	// RTCP is the port of a=rtcp. With a new Port and RTCP 0 the attribute is left out,
	// so that RTCP is at Port+1 (RFC 3605).
	RTCP int
	// Direction replaces the direction attribute.
	Direction Direction
	// Formats replaces the format list; rtpmap, fmtp and rtcp-fb of payload types that are
	// not in it are left out.
	Formats string
	// Proto is the protocol to write in place of the section's own.
	Proto string
	// Attrs are attributes to add, without "a=". Where there are any, or Proto is set, those
	// of the groups of DropTransport that the section has are left out.
	Attrs []string
}

// Refuse as a MediaEdit's Port turns the section off.
const Refuse = -1

// Drop is a set of groups of attributes.
type Drop uint8

// Groups of attributes that end at a relay.
const (
	DropICE         Drop = 1 << iota // candidate, ice-*, remote-candidates, end-of-candidates
	DropRTCPMux                      // rtcp-mux, rtcp-mux-only, and bundling (RFC 9143): one port for several streams
	DropCrypto                       // crypto (RFC 4568)
	DropFingerprint                  // fingerprint, setup, tls-id (DTLS)
	DropFeedback                     // rtcp-fb, rtcp-rsize (RFC 4585), for a profile without feedback
	DropStreams                      // mid, msid, ssrc, extmap and their kin: what only means something within one transport

	// DropTransport is all that belongs to the transport of one leg.
	DropTransport = DropICE | DropRTCPMux | DropCrypto | DropFingerprint
)

// Append writes the description with the changes of e, which may be nil. Every line ends
// with CRLF. Missing o=, s= and t= lines are added, since many a peer insists on them.
func (s *Session) Append(dst []byte, e *Edit) []byte {
	if e == nil {
		e = &Edit{}
	}
	w := writer{s: s, e: e, b: dst}
	first := len(s.lines)
	if len(s.Media) > 0 {
		first = s.Media[0].first
	}
	w.sessionLevel(s.lines[:first])
	for i := range s.Media {
		w.section(i)
	}
	return w.b
}

// Marshal is Append to a new buffer.
func (s *Session) Marshal(e *Edit) []byte {
	return s.Append(make([]byte, 0, len(s.text)+64), e)
}

type writer struct {
	s *Session
	e *Edit
	b []byte
}

func (w *writer) line(l line) {
	w.b = append(w.b, w.s.text[l.off:l.end]...)
	w.b = append(w.b, "\r\n"...)
}

func (w *writer) attrInt(name string, v int) {
	w.b = append(w.b, "a="...)
	w.b = append(w.b, name...)
	w.b = append(w.b, ':')
	w.b = strconv.AppendInt(w.b, int64(v), 10)
	w.b = append(w.b, "\r\n"...)
}

func (w *writer) sessionLevel(lines []line) {
	var have [256]bool
	for _, l := range lines {
		have[l.kind] = true
	}
	seen := false // c= was written
	for _, l := range lines {
		switch {
		case l.kind == 'o' && w.e.Origin.Addr.IsValid():
			if have['o'] {
				w.origin()
				have['o'] = false // a second one is left out
			}
			w.missing(&have, 's')
			continue
		case l.kind == 'c' && w.e.Addr.IsValid():
			if !seen {
				w.connection(w.e.Addr)
				seen = true
			}
			continue
		case l.kind == 'a' && w.drops(l, w.e.Drop):
			continue
		}
		w.line(l)
		switch l.kind {
		case 'v':
			if !have['o'] && w.e.Origin.Addr.IsValid() && !w.hasOrigin(lines) {
				w.origin()
				w.missing(&have, 's')
			}
		case 'o':
			w.missing(&have, 's')
		}
	}
	if !have['t'] {
		w.b = append(w.b, "t=0 0\r\n"...)
	}
	w.attrs(w.e.Attrs)
}

func (w *writer) attrs(list []string) {
	for _, a := range list {
		w.b = append(w.b, "a="...)
		w.b = append(w.b, a...)
		w.b = append(w.b, "\r\n"...)
	}
}

func (w *writer) hasOrigin(lines []line) bool {
	for _, l := range lines {
		if l.kind == 'o' {
			return true
		}
	}
	return false
}

// missing adds the s= line behind o=.
func (w *writer) missing(have *[256]bool, kind byte) {
	if !have[kind] {
		have[kind] = true
		w.b = append(w.b, kind)
		w.b = append(w.b, "=-\r\n"...)
	}
}

func (w *writer) origin() {
	o := w.e.Origin
	if o.User == "" {
		o.User = "-"
	}
	w.b = append(w.b, "o="...)
	w.b = append(w.b, o.User...)
	w.b = append(w.b, ' ')
	w.b = strconv.AppendUint(w.b, o.ID, 10)
	w.b = append(w.b, ' ')
	w.b = strconv.AppendUint(w.b, o.Version, 10)
	w.b = append(w.b, ' ')
	w.b = appendAddr(w.b, o.Addr)
	w.b = append(w.b, "\r\n"...)
}

func (w *writer) connection(a netip.Addr) {
	w.b = append(w.b, "c="...)
	w.b = appendAddr(w.b, a)
	w.b = append(w.b, "\r\n"...)
}

func appendAddr(b []byte, a netip.Addr) []byte {
	a = a.Unmap().WithZone("")
	if a.Is4() {
		b = append(b, "IN IP4 "...)
	} else {
		b = append(b, "IN IP6 "...)
	}
	return a.AppendTo(b)
}

// section writes the i-th m= section.
func (w *writer) section(i int) {
	m := &w.s.Media[i]
	var e MediaEdit
	if i < len(w.e.Media) {
		e = w.e.Media[i]
	}
	w.mediaLine(m, e)
	addr := w.e.Addr.IsValid()
	if addr && !m.ownAddr && w.s.Addr == "" {
		w.connection(w.e.Addr)
	}
	seen, directed, rtcp := false, false, false
	drop := w.e.Drop
	if e.Proto != "" || e.Attrs != nil {
		drop |= DropTransport
	}
	for _, l := range w.s.lines[m.first+1 : m.last] {
		if l.kind == 'c' && addr {
			if !seen {
				w.connection(w.e.Addr)
			}
			seen = true
			continue
		}
		if l.kind == 'a' {
			name, value := w.s.attr(l)
			switch {
			case w.drops(l, drop):
				continue
			case e.Direction != 0 && parseDirection(name) != 0:
				if !directed {
					w.direction(e.Direction)
				}
				directed = true
				continue
			case name == "rtcp" && (e.Port != 0 || e.RTCP != 0):
				if e.RTCP != 0 && !rtcp {
					w.attrInt("rtcp", e.RTCP)
				}
				rtcp = true
				continue
			case e.Formats != "" && (name == "rtpmap" || name == "fmtp" || name == "rtcp-fb"):
				if pt, _ := field(value); pt != "*" && !hasWord(e.Formats, pt) {
					continue
				}
			}
		}
		w.line(l)
	}
	if e.RTCP != 0 && !rtcp && m.IsRTP() && m.Port != 0 && e.Port != Refuse {
		w.attrInt("rtcp", e.RTCP)
	}
	if e.Direction != 0 && !directed {
		w.direction(e.Direction)
	}
	if e.Port != Refuse {
		w.attrs(e.Attrs)
	}
}

func (w *writer) direction(d Direction) {
	w.b = append(w.b, "a="...)
	w.b = append(w.b, d.String()...)
	w.b = append(w.b, "\r\n"...)
}

func (w *writer) mediaLine(m *Media, e MediaEdit) {
	proto := m.Proto
	if e.Proto != "" {
		proto = e.Proto
	}
	if (e.Port == 0 || m.Port == 0) && e.Formats == "" && proto == m.Proto {
		w.line(w.s.lines[m.first])
		return
	}
	port := m.Port
	switch {
	case e.Port == Refuse:
		port = 0
	case e.Port != 0 && m.Port != 0:
		port = e.Port
	}
	formats := m.Formats
	if e.Formats != "" {
		formats = e.Formats
	}
	w.b = appendMedia(w.b, m.Type, port, proto, formats)
}

func appendMedia(b []byte, kind string, port int, proto, formats string) []byte {
	b = append(b, "m="...)
	b = append(b, kind...)
	b = append(b, ' ')
	b = strconv.AppendInt(b, int64(port), 10)
	b = append(b, ' ')
	b = append(b, proto...)
	if formats != "" {
		b = append(b, ' ')
		b = append(b, formats...)
	}
	return append(b, "\r\n"...)
}

// drops reports whether an attribute belongs to a group that is left out.
func (w *writer) drops(l line, d Drop) bool {
	if d == 0 {
		return false
	}
	name, value := w.s.attr(l)
	switch name {
	case "group":
		return d&DropRTCPMux != 0 && strings.HasPrefix(value, "BUNDLE")
	case "candidate", "end-of-candidates", "remote-candidates":
		return d&DropICE != 0
	case "rtcp-mux", "rtcp-mux-only", "bundle-only":
		return d&DropRTCPMux != 0
	case "crypto":
		return d&DropCrypto != 0
	case "fingerprint", "setup", "tls-id":
		return d&DropFingerprint != 0
	case "rtcp-fb", "rtcp-rsize":
		return d&DropFeedback != 0
	case "mid", "msid", "msid-semantic", "ssrc", "ssrc-group", "extmap", "extmap-allow-mixed":
		return d&DropStreams != 0
	}
	return d&DropICE != 0 && strings.HasPrefix(name, "ice-")
}

func hasWord(list, w string) bool {
	for list != "" {
		var f string
		if f, list = field(list); f == w && f != "" {
			return true
		}
	}
	return false
}
