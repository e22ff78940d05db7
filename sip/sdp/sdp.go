// Package sdp reads and rewrites session descriptions (RFC 8866) line by line.
//
// A B2BUA must pass on what it does not know. So a Session keeps every line as it came
// and notes only where the lines are that calls need; Append writes them again with the
// few changes of an Edit. Faults that other parsers refuse (missing s= or t=, lines in
// the wrong order, unknown types, T.38, bare LF) are accepted. On top of that stand offer
// and answer (RFC 3264) as pure functions, and Leg, which keeps the o= line of one call leg.
//
// The package starts no goroutine and imports no other package of the project.
package sdp

import (
	"errors"
	"fmt"
	"iter"
	"strings"
	"unsafe"
)

// Limits of what Parse accepts.
const (
	MaxSize  = 65535 // bytes
	MaxLines = 2048
	MaxMedia = 32
	// MaxFormats is the number of formats of a section.
	MaxFormats = 128
)

// ErrMalformed is returned by Parse, wrapped with the reason.
var ErrMalformed = errors.New("malformed session description")

// line is one line without its end. media is the index of its m= section, -1 before the first.
type line struct {
	off, end uint16
	media    int16
	kind     byte // the letter before "=", 0 for a line of another form
}

const (
	usualLines = 40
	usualMedia = 2
)

// Session is a parsed description. All strings are views into the bytes given to Parse.
// It is read-only.
type Session struct {
	Origin Origin
	Addr   string // session-level connection address, "" when absent
	Media  []Media

	text      string
	lines     []line
	direction Direction // session-level attribute
	has       attrs     // of the session level

	inlineLines [usualLines]line
	inlineMedia [usualMedia]Media
}

// Origin is the o= line. ID and Version are kept as text: they may exceed 64 bits.
type Origin struct {
	User, ID, Version string
	Addr              string
}

// Media is an m= section.
type Media struct {
	Type      string    // audio, video, image …
	Port      int       // 0: refused or off
	Proto     string    // RTP/AVP, udptl …
	Formats   string    // payload types or other formats, separated by blanks
	Addr      string    // connection address of the section, else of the session
	Direction Direction // as it takes effect: its own, the session's, or sendrecv; never to receive at 0.0.0.0
	RTCPPort  int       // of a=rtcp, 0 when absent
	MID       string    // of a=mid
	PTime     int       // of a=ptime in milliseconds, 0 when absent

	s           *Session
	first, last int // its lines in s.lines: first is m=, last is behind
	ownAddr     bool
	has         attrs // of its own
}

// Parse reads a description and keeps b, which must not change any more.
func Parse(b []byte) (*Session, error) {
	if len(b) > MaxSize {
		return nil, fmt.Errorf("%w: %d bytes", ErrMalformed, len(b))
	}
	s := &Session{text: unsafe.String(unsafe.SliceData(b), len(b))}
	s.lines = s.inlineLines[:0]
	s.Media = s.inlineMedia[:0]
	if strings.IndexByte(s.text, 0) >= 0 {
		return nil, fmt.Errorf("%w: NUL byte", ErrMalformed)
	}
	version := false
	for pos := 0; pos < len(s.text); {
		end, next := lineEnd(s.text, pos)
		if end == pos {
			pos = next
			continue
		}
		if len(s.lines) == MaxLines {
			return nil, fmt.Errorf("%w: too many lines", ErrMalformed)
		}
		l := line{off: uint16(pos), end: uint16(end), media: int16(len(s.Media)) - 1}
		if end-pos >= 2 && s.text[pos+1] == '=' {
			l.kind = s.text[pos]
		}
		version = version || l.kind == 'v'
		if err := s.add(l); err != nil {
			return nil, err
		}
		pos = next
	}
	if !version {
		return nil, fmt.Errorf("%w: no v= line", ErrMalformed)
	}
	s.settle()
	return s, nil
}

// lineEnd finds the end of the line at pos, without trailing blanks, and the next line.
func lineEnd(text string, pos int) (end, next int) {
	n := strings.IndexByte(text[pos:], '\n')
	end, next = len(text), len(text)
	if n >= 0 {
		end, next = pos+n, pos+n+1
	}
	for end > pos {
		if c := text[end-1]; c != '\r' && c != ' ' && c != '\t' {
			break
		}
		end--
	}
	return end, next
}

// add takes one line into the session.
func (s *Session) add(l line) error {
	value := ""
	if l.kind != 0 {
		value = s.text[l.off+2 : l.end]
	}
	var m *Media
	if len(s.Media) > 0 {
		m = &s.Media[len(s.Media)-1]
	}
	switch l.kind {
	case 'o':
		if m == nil && s.Origin == (Origin{}) {
			s.Origin = parseOrigin(value)
		}
	case 'c':
		addr := parseConnection(value)
		switch {
		case m == nil && s.Addr == "":
			s.Addr = addr
		case m != nil && !m.ownAddr:
			m.Addr, m.ownAddr = addr, true
		}
	case 'm':
		if len(s.Media) == MaxMedia {
			return fmt.Errorf("%w: too many media", ErrMalformed)
		}
		media, ok := parseMedia(value)
		if !ok {
			return fmt.Errorf("%w: line %.60q", ErrMalformed, s.text[l.off:l.end])
		}
		media.first = len(s.lines)
		s.Media = append(s.Media, media)
		l.media++
	case 'a':
		s.attribute(m, value)
	}
	s.lines = append(s.lines, l)
	return nil
}

func (s *Session) attribute(m *Media, value string) {
	name, arg, _ := strings.Cut(value, ":")
	if d := parseDirection(name); d != 0 {
		switch {
		case m == nil && s.direction == 0:
			s.direction = d
		case m != nil && m.Direction == 0:
			m.Direction = d
		}
		return
	}
	if m == nil {
		s.has |= noted(name)
		return
	}
	m.has |= noted(name)
	switch name {
	case "rtcp":
		port, _, _ := strings.Cut(strings.TrimSpace(arg), " ")
		if n, ok := number(port, 65535); ok && m.RTCPPort == 0 {
			m.RTCPPort = n
		}
	case "mid":
		m.MID = strings.TrimSpace(arg)
	case "ptime":
		m.PTime, _ = number(strings.TrimSpace(arg), 1000)
	}
}

// settle gives each section what it inherits.
func (s *Session) settle() {
	for i := range s.Media {
		m := &s.Media[i]
		m.s = s
		m.last = len(s.lines)
		if i+1 < len(s.Media) {
			m.last = s.Media[i+1].first
		}
		if !m.ownAddr {
			m.Addr = s.Addr
		}
		if m.Direction == 0 {
			m.Direction = s.direction
		}
		if m.Direction == 0 {
			m.Direction = SendRecv
		}
		if isUnspecified(m.Addr) && (m.has|s.has)&hasICE == 0 { // with ICE it says that candidates come later
			m.Direction &^= canReceive
		}
	}
}

// parseOrigin reads from the right, for the user name may hold blanks.
func parseOrigin(s string) Origin {
	var f [5]string
	for i := len(f) - 1; i >= 0; i-- {
		s = strings.TrimRight(s, " \t")
		cut := strings.LastIndexAny(s, " \t") + 1
		f[i], s = s[cut:], s[:cut]
	}
	return Origin{User: strings.TrimSpace(s), ID: f[0], Version: f[1], Addr: f[4]}
}

// parseConnection reads "IN IP4 192.0.2.1/127" to the address.
func parseConnection(s string) string {
	_, s = field(s)
	_, s = field(s)
	s, _ = field(s)
	s, _, _ = strings.Cut(s, "/")
	return s
}

func parseMedia(s string) (m Media, ok bool) {
	var port string
	n := 0
	m.Type, s = field(s)
	port, s = field(s)
	m.Proto, s = field(s)
	m.Formats = strings.TrimSpace(s)
	port, _, _ = strings.Cut(port, "/")
	m.Port, ok = number(port, 65535)
	for range m.FormatList() {
		n++
	}
	return m, ok && m.Proto != "" && n <= MaxFormats
}

// field cuts the first word off s.
func field(s string) (word, rest string) {
	i := 0
	for i < len(s) && (s[i] == ' ' || s[i] == '\t') {
		i++
	}
	j := i
	for j < len(s) && s[j] != ' ' && s[j] != '\t' {
		j++
	}
	return s[i:j], s[j:]
}

func number(s string, limit int) (int, bool) {
	n := 0
	for i := 0; i < len(s); i++ {
		c := s[i] - '0'
		if c > 9 {
			return 0, false
		}
		if n = n*10 + int(c); n > limit {
			return 0, false
		}
	}
	return n, s != ""
}

func isUnspecified(addr string) bool {
	return addr == "0.0.0.0" || addr == "::" || addr == "0:0:0:0:0:0:0:0"
}

// Held reports whether the description puts the call on hold: it has active media, and
// the sender wants to receive none of it.
func (s *Session) Held() bool {
	active := false
	for i := range s.Media {
		if m := &s.Media[i]; m.Port != 0 {
			if m.Direction.Receives() {
				return false
			}
			active = true
		}
	}
	return active
}

// First returns the first active section of a type, nil when there is none.
func (s *Session) First(mediaType string) *Media {
	for i := range s.Media {
		if m := &s.Media[i]; m.Port != 0 && m.Type == mediaType {
			return m
		}
	}
	return nil
}

// String is the whole description as it came.
func (s *Session) String() string { return s.text }

// IsRTP reports whether the section carries RTP, and formats are payload types.
func (m *Media) IsRTP() bool { return strings.Contains(m.Proto, "RTP/") }

// Attrs yields the values of an attribute of the section: "" for one without value.
func (m *Media) Attrs(name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, l := range m.s.lines[m.first:m.last] {
			if n, v := m.s.attr(l); l.kind == 'a' && n == name && !yield(v) {
				return
			}
		}
	}
}

// Attr returns the first value of an attribute of the section.
func (m *Media) Attr(name string) (value string, ok bool) {
	for v := range m.Attrs(name) {
		return v, true
	}
	return "", false
}

// attr splits an a= line.
func (s *Session) attr(l line) (name, value string) {
	if l.kind != 'a' {
		return "", ""
	}
	name, value, _ = strings.Cut(s.text[l.off+2:l.end], ":")
	return name, value
}
