package sdp

import (
	"strconv"
	"strings"
)

// What a relay can turn into one another: PCMA, PCMU and G722, all with a clock of 8000 Hz.

// Recodable reports whether a relay can turn a codec into others.
func (c Codec) Recodable() bool {
	return c.Clock == 8000 && c.Channels == 1 &&
		(strings.EqualFold(c.Name, "PCMA") || strings.EqualFold(c.Name, "PCMU") || strings.EqualFold(c.Name, "G722"))
}

// Widen offers what a relay can make of an offer: to an audio section that has at least one of the codecs
// that can be recoded it adds the others, behind its own and before telephone-event. It returns s itself when
// there is nothing to add.
func Widen(s *Session) *Session {
	e := Edit{Media: make([]MediaEdit, len(s.Media))}
	wider := false
	for i := range s.Media {
		if f := s.Media[i].widened(); f != s.Media[i].Formats {
			e.Media[i].Formats, wider = f, true
		}
	}
	if !wider {
		return s
	}
	w, err := Parse(s.Marshal(&e))
	if err != nil {
		return s
	}
	return w
}

// widened is the format list with all codecs that can be recoded, by their static payload types.
func (m *Media) widened() string {
	if m.Type != "audio" || m.Port == 0 || !m.IsRTP() {
		return m.Formats
	}
	var taken [128]bool
	var have [3]bool
	static := [...]struct {
		name string
		pt   int
	}{{"PCMA", 8}, {"PCMU", 0}, {"G722", 9}}
	some, n, at := false, 0, -1
	for c := range m.Codecs() {
		taken[c.PT] = true
		if at < 0 && (strings.EqualFold(c.Name, TelephoneEvent) || strings.EqualFold(c.Name, "CN")) {
			at = n
		}
		n++
		for k := range static {
			if c.Recodable() && strings.EqualFold(c.Name, static[k].name) {
				have[k], some = true, true
			}
		}
	}
	if !some || n+len(static) > MaxFormats {
		return m.Formats
	}
	var b []byte
	add := func() {
		for k, f := range static {
			if !have[k] && !taken[f.pt] {
				b = appendWord(b, strconv.Itoa(f.pt))
			}
		}
	}
	n = 0
	for f := range m.FormatList() {
		if n == at {
			add()
		}
		b = appendWord(b, f)
		n++
	}
	if at < 0 {
		add()
	}
	return string(b)
}

// Covers reports whether after takes all that before describes, by the same numbers, so that who was told before need
// not be told after. How sections are protected is not looked at.
func Covers(before, after *Session) bool {
	if len(before.Media) != len(after.Media) {
		return false
	}
	for i := range before.Media {
		b, a := &before.Media[i], &after.Media[i]
		if b.Type != a.Type || (b.Port == 0) != (a.Port == 0) || b.IsRTP() != a.IsRTP() {
			return false
		}
		if b.Port != 0 && !b.coveredBy(a) {
			return false
		}
	}
	return true
}

func (m *Media) coveredBy(other *Media) bool {
	if !m.IsRTP() {
		return m.Formats == other.Formats
	}
	var theirs [MaxFormats]Codec
	n := 0
	for c := range other.Codecs() {
		theirs[n] = c
		n++
	}
next:
	for c := range m.Codecs() {
		for _, d := range theirs[:n] {
			if c.PT == d.PT && (c.Same(d) || c.Name == "" && d.Name == "") && c.Fmtp == d.Fmtp {
				continue next
			}
		}
		return false
	}
	return true
}

// Recode rewrites what one side of a relay has described for the other side, of which able says what it can
// take: an audio section without a codec in common gets those of able's codecs that can be recoded, if
// one of its own can, and able's telephone-event if it has one itself. It returns s itself and false
// when there is nothing to do.
func Recode(s, able *Session) (*Session, bool) {
	var sections []recoded
	for i := range s.Media {
		if i < len(able.Media) {
			if codecs := s.Media[i].recoded(&able.Media[i]); codecs != nil {
				sections = append(sections, recoded{i, codecs})
			}
		}
	}
	if sections == nil {
		return s, false
	}
	r, err := Parse(s.replaceCodecs(sections))
	if err != nil {
		return s, false
	}
	return r, true
}

// recoded is a section and the codecs that take the place of its own.
type recoded struct {
	section int
	codecs  []Codec
}

// recoded is what Recode makes of one section, nil for nothing.
func (m *Media) recoded(able *Media) []Codec {
	if m.Type != "audio" || able.Type != "audio" || m.Port == 0 || able.Port == 0 || !m.IsRTP() || !able.IsRTP() || m.meets(able) ||
		m.CommonFormats(able) != "" {
		return nil
	}
	can, events := false, false
	for c := range m.Codecs() {
		can = can || c.Recodable()
		events = events || strings.EqualFold(c.Name, TelephoneEvent)
	}
	if !can {
		return nil
	}
	var codecs []Codec
	audio := false
	for c := range able.Codecs() {
		switch {
		case c.Recodable():
			audio = true
		case events && strings.EqualFold(c.Name, TelephoneEvent) && c.Clock == 8000:
		default:
			continue
		}
		codecs = append(codecs, c)
	}
	if !audio {
		return nil
	}
	return codecs
}

// meets reports without much work what is the rule: the preferred format of m is a static one that other has too.
func (m *Media) meets(other *Media) bool {
	first, _ := field(m.Formats)
	pt, ok := number(first, 34)
	return ok && static(pt).Clock != 0 && hasWord(other.Formats, first)
}

// replaceCodecs writes s with other codecs in some sections.
func (s *Session) replaceCodecs(sections []recoded) []byte {
	b := make([]byte, 0, len(s.text)+256)
	for i, l := range s.lines {
		var r *recoded
		for k := range sections {
			if m := &s.Media[sections[k].section]; i >= m.first && i < m.last {
				r = &sections[k]
			}
		}
		if r == nil {
			b = append(append(b, s.text[l.off:l.end]...), "\r\n"...)
			continue
		}
		m := &s.Media[r.section]
		switch {
		case i == m.first:
			b = appendMedia(b, m.Type, m.Port, m.Proto, formatList(r.codecs))
		case l.kind == 'a' && s.describesCodec(l):
		default:
			b = append(append(b, s.text[l.off:l.end]...), "\r\n"...)
		}
		if i == m.last-1 {
			b = appendCodecs(b, r.codecs)
		}
	}
	return b
}

func (s *Session) describesCodec(l line) bool {
	name, _ := s.attr(l)
	return name == "rtpmap" || name == "fmtp" || name == "rtcp-fb"
}

func formatList(codecs []Codec) string {
	var list []byte
	for _, c := range codecs {
		list = appendWord(list, strconv.Itoa(c.PT))
	}
	return string(list)
}

// appendCodecs writes the attributes of codecs.
func appendCodecs(b []byte, codecs []Codec) []byte {
	for _, c := range codecs {
		b = append(b, "a=rtpmap:"...)
		b = strconv.AppendInt(b, int64(c.PT), 10)
		b = append(append(append(b, ' '), c.Name...), '/')
		b = strconv.AppendInt(b, int64(c.Clock), 10)
		b = append(b, "\r\n"...)
		if c.Fmtp != "" {
			b = append(b, "a=fmtp:"...)
			b = strconv.AppendInt(b, int64(c.PT), 10)
			b = append(append(append(b, ' '), c.Fmtp...), "\r\n"...)
		}
	}
	return b
}
