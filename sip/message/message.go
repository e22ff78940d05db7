// Package message reads and writes SIP messages (RFC 3261 section 7 and 25).
//
// Reading is one pass over the bytes that notes offsets; nothing is allocated for
// what nobody reads. All strings that accessors return are views into the message's
// bytes, which never change after Parse: clone (strings.Clone) what is kept longer
// than the message. Writing is append-only through Builder.
//
// The package starts no goroutine and imports no other package of the project.
package message

import (
	"iter"
	"math"
	"unsafe"
)

// Method is a SIP method in its canonical (case-sensitive) form.
type Method string

// Methods the project knows.
const (
	INVITE    Method = "INVITE"
	ACK       Method = "ACK"
	CANCEL    Method = "CANCEL"
	BYE       Method = "BYE"
	REGISTER  Method = "REGISTER"
	OPTIONS   Method = "OPTIONS"
	INFO      Method = "INFO"
	UPDATE    Method = "UPDATE"
	PRACK     Method = "PRACK"
	REFER     Method = "REFER"
	SUBSCRIBE Method = "SUBSCRIBE"
	NOTIFY    Method = "NOTIFY"
	MESSAGE   Method = "MESSAGE"
	PUBLISH   Method = "PUBLISH"
)

// internMethod returns the constant for a known method, so that it does not hold the
// message's bytes, and the view itself for any other.
func internMethod(s string) Method {
	switch Method(s) {
	case INVITE:
		return INVITE
	case ACK:
		return ACK
	case CANCEL:
		return CANCEL
	case BYE:
		return BYE
	case REGISTER:
		return REGISTER
	case OPTIONS:
		return OPTIONS
	case INFO:
		return INFO
	case UPDATE:
		return UPDATE
	case PRACK:
		return PRACK
	case REFER:
		return REFER
	case SUBSCRIBE:
		return SUBSCRIBE
	case NOTIFY:
		return NOTIFY
	case MESSAGE:
		return MESSAGE
	case PUBLISH:
		return PUBLISH
	}
	return Method(s)
}

// span is a part of the message's bytes; messages are at most MaxSize bytes long.
type span struct{ off, end uint16 }

// line is a header line: offsets of its name and its trimmed value.
type line struct {
	name, nameEnd uint16
	val, valEnd   uint16
	id            ID
}

// addrAt is where the parts of From and To are.
type addrAt struct{ display, uri, params, tag span }

// usualLines is how many header lines fit into a Message without a further allocation.
const usualLines = 32

// Message is a parsed SIP message. It is read-only after Parse and may be read
// from several goroutines.
type Message struct {
	raw    []byte
	text   string // raw, as a string
	lines  []line
	method Method

	cseq        uint32
	status      int16
	maxForwards int16
	request     bool
	room        bool // the capacity of raw is ours, too
	viaPort     uint16

	methodAt, phrase, uri, callID, body   span
	viaValue, viaHost, viaParams, viaProt span
	branch                                span
	from, to                              addrAt

	first  [numIDs]uint16 // 1 + index of the first line of each header
	inline [usualLines]line
}

// view makes a string of bytes that do not change any more.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

func (m *Message) str(s span) string { return m.text[s.off:s.end] }

// spanOf locates a view; sub must be a part of m.text.
func (m *Message) spanOf(sub string) span {
	if sub == "" {
		return span{}
	}
	off := uintptr(unsafe.Pointer(unsafe.StringData(sub))) - uintptr(unsafe.Pointer(unsafe.StringData(m.text)))
	return span{uint16(off), uint16(off) + uint16(len(sub))}
}

func (m *Message) value(l *line) string { return m.text[l.val:l.valEnd] }

// Raw returns the message's bytes: without what came before its first line and behind
// its body, and with folded header lines joined.
func (m *Message) Raw() []byte { return m.raw[:len(m.raw):len(m.raw)] }

// IsRequest reports whether m is a request.
func (m *Message) IsRequest() bool { return m.request }

// Method is the request's method, or the method of CSeq in a response.
func (m *Message) Method() Method { return m.method }

// URI is the Request-URI as written, "" in a response.
func (m *Message) URI() string { return m.str(m.uri) }

// Status is the status code of a response, 0 in a request.
func (m *Message) Status() int { return int(m.status) }

// Phrase is the reason phrase of a response.
func (m *Message) Phrase() string { return m.str(m.phrase) }

// CallID, CSeq, FromTag, ToTag: the fields that name transaction and dialog.
func (m *Message) CallID() string { return m.str(m.callID) }

// CSeq is the sequence number.
func (m *Message) CSeq() uint32 { return m.cseq }

// FromTag is the tag of From, "" if absent.
func (m *Message) FromTag() string { return m.str(m.from.tag) }

// ToTag is the tag of To, "" if absent.
func (m *Message) ToTag() string { return m.str(m.to.tag) }

// From is the parsed From header.
func (m *Message) From() Addr { return m.addr(&m.from) }

// To is the parsed To header.
func (m *Message) To() Addr { return m.addr(&m.to) }

func (m *Message) addr(a *addrAt) Addr {
	return Addr{Display: unquote(m.str(a.display)), URI: m.str(a.uri), Params: m.str(a.params)}
}

// Via is the topmost Via.
func (m *Message) Via() Via {
	return Via{
		Transport: upperTransport(m.str(m.viaProt)),
		Host:      m.str(m.viaHost),
		Port:      int(m.viaPort),
		Params:    m.str(m.viaParams),
	}
}

// Branch is the branch of the topmost Via, "" if absent.
func (m *Message) Branch() string { return m.str(m.branch) }

// Contact is the first Contact; ok is false when there is none or it is "*".
func (m *Message) Contact() (a Addr, ok bool) {
	for v := range m.Values(HContact) {
		a, err := ParseAddr(v)
		return a, err == nil
	}
	return Addr{}, false
}

// ContactStar reports whether the first Contact is "*" (RFC 3261 section 10.2.2).
func (m *Message) ContactStar() bool { return m.Header(HContact) == "*" }

// DefaultExpires stands for an Expires that is no number (RFC 3261 section 10.2.1.1).
const DefaultExpires = 3600

// Expires is the value of Expires in seconds; ok is false when it is absent. A value
// too large for 32 bits is the largest that fits, one that is no number is DefaultExpires.
func (m *Message) Expires() (seconds int, ok bool) {
	if !m.Has(HExpires) {
		return 0, false
	}
	return ParseSeconds(m.Header(HExpires)), true
}

// ParseSeconds reads delta-seconds by the rules of Expires, for the expires parameter
// of a Contact as well.
func ParseSeconds(s string) int {
	s = trim(s)
	if s == "" {
		return DefaultExpires
	}
	var n uint64
	for i := 0; i < len(s); i++ {
		c := s[i] - '0'
		if c > 9 {
			return DefaultExpires
		}
		n = min(n*10+uint64(c), math.MaxUint32)
	}
	return int(n)
}

// MaxForwards is the value of Max-Forwards, -1 when absent.
func (m *Message) MaxForwards() int { return int(m.maxForwards) }

// Has reports whether the header is present.
func (m *Message) Has(id ID) bool { return m.first[id] != 0 }

// Header returns the first value of a header, trimmed, "" when absent.
func (m *Message) Header(id ID) string {
	if i := m.first[id]; i != 0 {
		return m.value(&m.lines[i-1])
	}
	return ""
}

// HeaderNamed does the same for a header without an ID, case-insensitively.
func (m *Message) HeaderNamed(name string) string {
	if id := Lookup(name); id != HOther {
		return m.Header(id)
	}
	for i := range m.lines {
		if l := &m.lines[i]; l.id == HOther && equalFold(m.text[l.name:l.nameEnd], name) {
			return m.value(l)
		}
	}
	return ""
}

// All yields name and value of every header line in order, unsplit, names as written.
func (m *Message) All() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for i := range m.lines {
			if l := &m.lines[i]; !yield(m.text[l.name:l.nameEnd], m.value(l)) {
				return
			}
		}
	}
}

// Lines yields the values of all lines of a header, unsplit.
func (m *Message) Lines(id ID) iter.Seq[string] {
	return func(yield func(string) bool) {
		if m.first[id] == 0 {
			return
		}
		for i := int(m.first[id]) - 1; i < len(m.lines); i++ {
			if l := &m.lines[i]; l.id == id && !yield(m.value(l)) {
				return
			}
		}
	}
}

// Values yields the comma-separated elements over all lines of a header; commas
// inside quotes and angle brackets do not split. Empty elements are left out.
func (m *Message) Values(id ID) iter.Seq[string] {
	return func(yield func(string) bool) {
		for rest := range m.Lines(id) {
			for rest != "" {
				var v string
				if v, rest = nextValue(rest); v != "" && !yield(v) {
					return
				}
			}
		}
	}
}

// HasToken reports whether a list header (Supported, Require, Allow …) contains token, case-insensitively.
func (m *Message) HasToken(id ID, token string) bool {
	for v := range m.Values(id) {
		if equalFold(v, token) {
			return true
		}
	}
	return false
}

// Body returns the body, nil when empty.
func (m *Message) Body() []byte {
	if m.body.off == m.body.end {
		return nil
	}
	return m.raw[m.body.off:m.body.end:m.body.end]
}
