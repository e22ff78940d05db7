package sdp

import (
	"iter"
	"strconv"
	"strings"
)

// Codec is one payload type of a section.
type Codec struct {
	PT       int    // 0 to 127
	Name     string // as written in rtpmap, or the registered name of a static type; "" when unknown
	Clock    int    // Hz
	Channels int    // 1 when not given
	Fmtp     string // format parameters, "" when absent
}

// TelephoneEvent is the codec name of RFC 4733.
const TelephoneEvent = "telephone-event"

// Same reports whether two payload types mean the same encoding. The numbers and the
// format parameters may differ.
func (c Codec) Same(d Codec) bool {
	return c.Name != "" && strings.EqualFold(c.Name, d.Name) && c.Clock == d.Clock && c.Channels == d.Channels
}

// static are the payload types of RFC 3551 that need no rtpmap.
func static(pt int) Codec {
	c := Codec{PT: pt, Clock: 8000, Channels: 1}
	switch pt {
	case 0:
		c.Name = "PCMU"
	case 3:
		c.Name = "GSM"
	case 4:
		c.Name = "G723"
	case 7:
		c.Name = "LPC"
	case 8:
		c.Name = "PCMA"
	case 9:
		c.Name = "G722"
	case 13:
		c.Name = "CN"
	case 15:
		c.Name = "G728"
	case 18:
		c.Name = "G729"
	case 26:
		c.Name, c.Clock = "JPEG", 90000
	case 31:
		c.Name, c.Clock = "H261", 90000
	case 34:
		c.Name, c.Clock = "H263", 90000
	default:
		c.Clock = 0
	}
	return c
}

// FormatList yields the formats of the m= line in order of preference.
func (m *Media) FormatList() iter.Seq[string] {
	return func(yield func(string) bool) {
		for rest := m.Formats; ; {
			var f string
			if f, rest = field(rest); f == "" || !yield(f) {
				return
			}
		}
	}
}

// Codecs yields the payload types of an RTP section in order of preference.
func (m *Media) Codecs() iter.Seq[Codec] {
	return func(yield func(Codec) bool) {
		var rtpmap, fmtp [128]uint16 // 1 + index of the line
		for i := m.first; i < m.last; i++ {
			l := m.s.lines[i]
			if l.kind != 'a' {
				continue
			}
			name, value := m.s.attr(l)
			table := &rtpmap
			switch name {
			case "rtpmap":
			case "fmtp":
				table = &fmtp
			default:
				continue
			}
			num, _ := field(value)
			if pt, ok := number(num, 127); ok && table[pt] == 0 {
				table[pt] = uint16(i) + 1
			}
		}
		for f := range m.FormatList() {
			pt, ok := number(f, 127)
			if !ok {
				continue
			}
			c := static(pt)
			if i := rtpmap[pt]; i != 0 {
				c.Name, c.Clock, c.Channels = m.s.rtpmap(m.s.lines[i-1])
			}
			if i := fmtp[pt]; i != 0 {
				_, value := m.s.attr(m.s.lines[i-1])
				_, rest := field(value)
				c.Fmtp = strings.TrimSpace(rest)
			}
			if !yield(c) {
				return
			}
		}
	}
}

// rtpmap reads "101 telephone-event/8000/1".
func (s *Session) rtpmap(l line) (name string, clock, channels int) {
	_, value := s.attr(l)
	_, value = field(value)
	value, _ = field(value)
	name, rest, _ := strings.Cut(value, "/")
	rate, ch, _ := strings.Cut(rest, "/")
	clock, _ = number(rate, 1<<30)
	channels = 1
	if n, ok := number(ch, 255); ok && n > 0 {
		channels = n
	}
	return name, clock, channels
}

// Codec finds a payload type of the section by its encoding name.
func (m *Media) Codec(name string) (Codec, bool) {
	for c := range m.Codecs() {
		if strings.EqualFold(c.Name, name) {
			return c, true
		}
	}
	return Codec{}, false
}

// CommonFormats is the format list of m without what has no counterpart in other: for RTP
// the same encoding, else the same word. "" when nothing but telephone-event and comfort
// noise is left.
func (m *Media) CommonFormats(other *Media) string {
	var b []byte
	useful := false
	if !m.IsRTP() {
		for f := range m.FormatList() {
			for g := range other.FormatList() {
				if f == g {
					b = appendWord(b, f)
					useful = true
					break
				}
			}
		}
	} else {
		var theirs [MaxFormats]Codec
		n := 0
		for c := range other.Codecs() {
			theirs[n] = c
			n++
		}
		for c := range m.Codecs() {
			for _, d := range theirs[:n] {
				if c.Same(d) || c.Name == "" && c.PT == d.PT {
					b = appendWord(b, strconv.Itoa(c.PT))
					useful = useful || !strings.EqualFold(c.Name, TelephoneEvent) && !strings.EqualFold(c.Name, "CN")
					break
				}
			}
		}
	}
	if !useful {
		return ""
	}
	return string(b)
}

func appendWord(b []byte, w string) []byte {
	if len(b) > 0 {
		b = append(b, ' ')
	}
	return append(b, w...)
}
