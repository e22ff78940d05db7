package message

import (
	"strconv"
	"strings"
	"sync"
)

// Builder writes a message, appending only. Its buffer is borrowed from a pool until Finish, so that a message is one
// allocation of its own size: transactions keep it for half a minute.
type Builder struct {
	buf      []byte
	borrowed *[]byte
}

// usualSize is room for a usual message with SDP; buffers above mostSpare are not kept for reuse.
const (
	usualSize = 2048
	mostSpare = 16 << 10
)

// spare holds buffers of builders that have finished.
var spare = sync.Pool{New: func() any { b := make([]byte, 0, usualSize); return &b }}

// NewRequest starts a request. (It is short so that the compiler leaves the Builder on its caller's stack.)
func NewRequest(method Method, uri string) *Builder {
	borrowed, buf := requestLine(method, uri)
	return &Builder{buf, borrowed}
}

func requestLine(method Method, uri string) (borrowed *[]byte, b []byte) {
	borrowed = spare.Get().(*[]byte)
	b = append(*borrowed, method...)
	b = append(b, ' ')
	b = appendClean(b, uri)
	return borrowed, append(b, " SIP/2.0\r\n"...)
}

// NewResponse starts a response to req: Via (all, in order; the topmost with received
// and rport as the transport layer noted them is the transport's business and already
// in req), From, To with toTag added when To has none and toTag is not empty, Call-ID,
// CSeq, and Timestamp for 100, copied. phrase "" means the standard one.
func NewResponse(req *Message, status int, phrase, toTag string) *Builder {
	borrowed, buf := responseHead(req, status, phrase, toTag)
	return &Builder{buf, borrowed}
}

func responseHead(req *Message, status int, phrase, toTag string) (borrowed *[]byte, b []byte) {
	if phrase == "" {
		phrase = StatusText(status)
	}
	borrowed = spare.Get().(*[]byte)
	b = append(*borrowed, "SIP/2.0 "...)
	b = strconv.AppendInt(b, int64(status), 10)
	b = append(b, ' ')
	b = appendClean(b, phrase)
	b = append(b, "\r\n"...)
	b = appendCopy(b, req, HVia)
	b = appendFirst(b, req, HFrom) // a refused request may lack any of these
	if to := req.Header(HTo); to != "" {
		b = append(b, "To: "...)
		b = append(b, to...)
		if toTag != "" && req.to.tag.end == 0 {
			b = append(b, ";tag="...)
			b = append(b, toTag...)
		}
		b = append(b, "\r\n"...)
	}
	b = appendFirst(b, req, HCallID)
	b = appendFirst(b, req, HCSeq)
	if status == 100 {
		b = appendCopy(b, req, HTimestamp)
	}
	return borrowed, b
}

// Add appends a header line. CR, LF and NUL in value are replaced by blanks.
func (b *Builder) Add(name, value string) *Builder {
	b.buf = append(b.buf, name...)
	b.buf = append(b.buf, ": "...)
	b.buf = appendClean(b.buf, value)
	b.buf = append(b.buf, "\r\n"...)
	return b
}

// AddParts appends a header line with a value in several parts, under the rules of Add.
func (b *Builder) AddParts(name string, parts ...string) *Builder {
	b.buf = append(b.buf, name...)
	b.buf = append(b.buf, ": "...)
	for _, p := range parts {
		b.buf = appendClean(b.buf, p)
	}
	b.buf = append(b.buf, "\r\n"...)
	return b
}

// AddInt appends a header line with a number.
func (b *Builder) AddInt(name string, v int) *Builder {
	b.buf = append(b.buf, name...)
	b.buf = append(b.buf, ": "...)
	b.buf = strconv.AppendInt(b.buf, int64(v), 10)
	b.buf = append(b.buf, "\r\n"...)
	return b
}

// Copy appends all lines of a header of m as they are.
func (b *Builder) Copy(m *Message, id ID) *Builder {
	b.buf = appendCopy(b.buf, m, id)
	return b
}

// Finish appends Content-Type (if body is not empty) and Content-Length, the blank line and the body, and
// returns the message. The builder must not be used afterwards.
func (b *Builder) Finish(contentType string, body []byte) []byte {
	buf := b.buf
	if len(body) > 0 {
		buf = append(buf, "Content-Type: "...)
		buf = appendClean(buf, contentType)
		buf = append(buf, "\r\n"...)
	}
	buf = append(buf, "Content-Length: "...)
	buf = strconv.AppendInt(buf, int64(len(body)), 10)
	buf = append(buf, "\r\n\r\n"...)
	out := make([]byte, len(buf)+len(body))
	copy(out[copy(out, buf):], body)
	b.end(buf)
	return out
}

// Sender takes a message and does not keep its bytes.
type Sender interface {
	Send(b []byte) error
}

// Send finishes a message without a body for somebody who does not keep it, and returns what he says: nothing is allocated.
// The builder must not be used afterwards.
func (b *Builder) Send(to Sender) error {
	buf := append(b.buf, "Content-Length: 0\r\n\r\n"...)
	err := to.Send(buf)
	b.end(buf)
	return err
}

// end gives the buffer back.
func (b *Builder) end(buf []byte) {
	if b.borrowed != nil && cap(buf) <= mostSpare {
		*b.borrowed = buf[:0]
		spare.Put(b.borrowed)
	}
	*b = Builder{} // who uses it again disturbs nobody
}

func appendLine(b []byte, name, value string) []byte {
	b = append(b, name...)
	b = append(b, ": "...)
	b = append(b, value...)
	return append(b, "\r\n"...)
}

// appendFirst appends the first line of a header if there is one.
func appendFirst(b []byte, m *Message, id ID) []byte {
	if v := m.Header(id); v != "" {
		b = appendLine(b, headerNames[id], v)
	}
	return b
}

func appendCopy(b []byte, m *Message, id ID) []byte {
	for v := range m.Lines(id) {
		b = appendLine(b, headerNames[id], v)
	}
	return b
}

// appendClean appends text that cannot end its line.
func appendClean(b []byte, s string) []byte {
	start := len(b)
	b = append(b, s...)
	if strings.IndexByte(s, '\r') < 0 && strings.IndexByte(s, '\n') < 0 && strings.IndexByte(s, 0) < 0 {
		return b
	}
	for i := start; i < len(b); i++ {
		if c := b[i]; c == '\r' || c == '\n' || c == 0 {
			b[i] = ' '
		}
	}
	return b
}
