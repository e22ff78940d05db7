// Package message reads and writes SIP messages (RFC 3261 section 7 and 25).
//
// Reading is one pass over the bytes that notes offsets; nothing is allocated for
// what nobody reads. All strings that accessors return are views into the message's
// bytes, which never change after Parse: clone (strings.Clone) what is kept longer
// than the message. Writing is append-only through Builder.
//
// The package starts no goroutine and imports no other package of the project.
package message

import "iter"

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

// ID is a known header. Compact forms are folded into the long name.
type ID uint8

// Message is a parsed SIP message. It is read-only after Parse and may be read
// from several goroutines.
type Message struct {
	raw []byte
}

// ParseError says why bytes are not an acceptable message. Status is the SIP
// status with which a request is to be refused (400, 413, 505 …), or 0 when it
// is to be dropped because it cannot be answered.
type ParseError struct {
	Status int
	Reason string
}

func (e *ParseError) Error() string { return e.Reason }

// Parse reads one whole message (a datagram, or a frame that Frame cut out of a
// stream) and takes ownership of raw. On a *ParseError with Status > 0 the message
// returned is good enough to build a response from.
func Parse(raw []byte) (*Message, error) { panic("unimplemented") }

// Raw returns the message's bytes.
func (m *Message) Raw() []byte { return m.raw }

// IsRequest reports whether m is a request.
func (m *Message) IsRequest() bool { panic("unimplemented") }

// Method is the request's method, or the method of CSeq in a response.
func (m *Message) Method() Method { panic("unimplemented") }

// URI is the Request-URI as written, "" in a response.
func (m *Message) URI() string { panic("unimplemented") }

// Status is the status code of a response, 0 in a request.
func (m *Message) Status() int { panic("unimplemented") }

// Phrase is the reason phrase of a response.
func (m *Message) Phrase() string { panic("unimplemented") }

// CallID, CSeq, FromTag, ToTag: the fields that name transaction and dialog.
func (m *Message) CallID() string { panic("unimplemented") }

// CSeq is the sequence number.
func (m *Message) CSeq() uint32 { panic("unimplemented") }

// FromTag is the tag of From, "" if absent.
func (m *Message) FromTag() string { panic("unimplemented") }

// ToTag is the tag of To, "" if absent.
func (m *Message) ToTag() string { panic("unimplemented") }

// From is the parsed From header.
func (m *Message) From() Addr { panic("unimplemented") }

// To is the parsed To header.
func (m *Message) To() Addr { panic("unimplemented") }

// Via is the topmost Via.
func (m *Message) Via() Via { panic("unimplemented") }

// Contact is the first Contact; ok is false when there is none or it is "*".
func (m *Message) Contact() (a Addr, ok bool) { panic("unimplemented") }

// MaxForwards is the value of Max-Forwards, -1 when absent.
func (m *Message) MaxForwards() int { panic("unimplemented") }

// Has reports whether the header is present.
func (m *Message) Has(id ID) bool { panic("unimplemented") }

// Header returns the first value of a header, trimmed, "" when absent.
func (m *Message) Header(id ID) string { panic("unimplemented") }

// HeaderNamed does the same for a header without an ID, case-insensitively.
func (m *Message) HeaderNamed(name string) string { panic("unimplemented") }

// Lines yields the values of all lines of a header, unsplit.
func (m *Message) Lines(id ID) iter.Seq[string] { panic("unimplemented") }

// Values yields the comma-separated elements over all lines of a header; commas
// inside quotes and angle brackets do not split.
func (m *Message) Values(id ID) iter.Seq[string] { panic("unimplemented") }

// HasToken reports whether a list header (Supported, Require, Allow …) contains token, case-insensitively.
func (m *Message) HasToken(id ID, token string) bool { panic("unimplemented") }

// Body returns the body, nil when empty.
func (m *Message) Body() []byte { panic("unimplemented") }

// Addr is a name-addr or addr-spec with header parameters (RFC 3261 section 20.10).
type Addr struct {
	Display string // without quotes, quoted pairs resolved
	URI     string // as written, without angle brackets
	Params  string // header parameters after the address, without the first ";"
}

// Via is one Via value (RFC 3261 section 20.42).
type Via struct {
	Transport string // upper case: UDP, TCP, TLS, WS, WSS
	Host      string
	Port      int // 0 when absent
	Params    string
}

// URI is a parsed SIP, SIPS or tel URI.
type URI struct {
	Scheme   string // lower case
	User     string // as written (escaped)
	Password string
	Host     string // without brackets for IPv6
	Port     int    // 0 when absent
	Params   string
	Headers  string
}

// ParseAddr reads one name-addr.
func ParseAddr(s string) (Addr, error) { panic("unimplemented") }

// ParseURI reads a URI.
func ParseURI(s string) (URI, error) { panic("unimplemented") }

// Param finds a parameter by name, case-insensitively, in a list separated by ";".
// A quoted value comes without quotes. Costs O(length).
func Param(params, name string) (value string, ok bool) { panic("unimplemented") }

// Frame finds the first whole message in a stream's buffer (RFC 3261 section 18.3).
// It returns its length, 0 if more bytes are needed, or an error when the stream
// cannot be trusted any more (no Content-Length, too large). skip counts leading
// CRLF (keep-alives) to be dropped first.
func Frame(buf []byte, maxSize int) (n, skip int, err error) { panic("unimplemented") }

// Builder writes a message, appending only.
type Builder struct{ buf []byte }

// NewRequest starts a request.
func NewRequest(method Method, uri string) *Builder { panic("unimplemented") }

// NewResponse starts a response to req: Via (all, in order; the topmost with received
// and rport as the transport layer noted them is the transport's business and already
// in req), From, To with toTag added when To has none and toTag is not empty, Call-ID,
// CSeq, and Timestamp for 100, copied. phrase "" means the standard one.
func NewResponse(req *Message, status int, phrase, toTag string) *Builder { panic("unimplemented") }

// Add appends a header line. CR, LF and NUL in value are replaced by blanks.
func (b *Builder) Add(name, value string) *Builder { panic("unimplemented") }

// AddInt appends a header line with a number.
func (b *Builder) AddInt(name string, v int) *Builder { panic("unimplemented") }

// Copy appends all lines of a header of m as they are.
func (b *Builder) Copy(m *Message, id ID) *Builder { panic("unimplemented") }

// Finish appends Content-Type (if body is not empty) and Content-Length, the blank line and the body, and
// returns the message. The builder must not be used afterwards.
func (b *Builder) Finish(contentType string, body []byte) []byte { panic("unimplemented") }
