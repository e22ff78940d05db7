package message

import (
	"bytes"
	"encoding/binary"
	"strings"
)

// Limits of what Parse accepts.
const (
	MaxSize    = 65535 // bytes of a message
	MaxHeaders = 512   // header lines
	maxName    = 256   // bytes of a header name
	maxValue   = 16384 // bytes of a header value, folded lines joined
	maxCSeq    = 1<<32 - 1
)

// ParseError says why bytes are not an acceptable message. Status is the SIP
// status with which a request is to be refused (400, 505 …), or 0 when it
// is to be dropped because it cannot be answered: a response, an ACK, or a request
// without a usable Via. What else a refused request lacks its refusal lacks too (RFC 4475 section 3.3.1).
type ParseError struct {
	Status int
	Reason string
}

func (e *ParseError) Error() string { return e.Reason }

// parser carries the first fault found; reading goes on after it as far as it can,
// because a refusal repeats Via, From, To, Call-ID and CSeq.
type parser struct {
	m         *Message
	status    int
	reason    string
	pos       int  // of the next unread byte
	cut       bool // the end of the header was not reached
	usableVia bool
}

func (p *parser) fail(status int, reason string) {
	if p.reason == "" {
		p.status, p.reason = status, reason
	}
}

// Parse reads one whole message (a datagram, or a frame that Frame cut out of a
// stream) and takes ownership of raw, in which it joins folded lines. On a *ParseError
// with Status > 0 the message returned is good enough to build a response from; with
// Status 0 it is nil. Bytes behind the body that Content-Length declares are cut off.
func Parse(raw []byte) (*Message, error) { return parse(&Message{}, raw, false) }

// ParseCopy is Parse on a copy of b, for readers that use their buffer again. The copy has
// room for what SetReceived adds, so that it need not copy once more.
func ParseCopy(b []byte) (*Message, error) { return ParseAgain(nil, b) }

// ParseAgain is ParseCopy into the memory of a message that nobody reads any more, unless that is nil, much too large or too
// small. spare is void afterwards, except when no message is returned.
func ParseAgain(spare *Message, b []byte) (*Message, error) {
	for len(b) > 0 && isLineEnd(b[0]) {
		b = b[1:]
	}
	if len(b) > MaxSize {
		return nil, &ParseError{0, "message too large"}
	}
	size := len(b) + receivedRoom
	if spare != nil && cap(spare.raw) >= size && cap(spare.raw) <= size+mostWaste {
		return parse(spare, append(spare.raw[:0], b...), true)
	}
	return parse(&Message{}, append(make([]byte, 0, size), b...), true)
}

// mostWaste is how much larger than needed memory that is used again may be: who keeps the message keeps that, too.
const mostWaste = 256

// receivedRoom is for ;received= with an IPv6 address and ;rport=.
const receivedRoom = 64

func parse(m *Message, raw []byte, room bool) (*Message, error) {
	for len(raw) > 0 && isLineEnd(raw[0]) {
		raw = raw[1:]
	}
	if len(raw) == 0 {
		return nil, &ParseError{0, "empty message"}
	}
	if len(raw) > MaxSize {
		return nil, &ParseError{0, "message too large"}
	}
	*m = Message{raw: raw, text: view(raw), maxForwards: -1, room: room}
	m.lines = m.inline[:0]
	p := parser{m: m}
	if !p.startLine() {
		return nil, &ParseError{0, p.reason}
	}
	p.headers()
	p.fields()
	p.finish()
	if p.reason == "" {
		return m, nil
	}
	if !m.request || m.method == ACK || !p.usableVia {
		return nil, &ParseError{0, p.reason}
	}
	return m, &ParseError{p.status, p.reason}
}

// startLine reads the request or status line. It returns false when there is no use
// in reading on.
func (p *parser) startLine() bool {
	m := p.m
	eol := bytes.IndexByte(m.raw, '\n')
	if eol < 0 {
		p.fail(400, "start line does not end")
		return false
	}
	p.pos = eol + 1
	if eol > 0 && m.raw[eol-1] == '\r' {
		eol--
	}
	s := m.text[:eol]
	if !cleanText(m.raw[:eol]) {
		p.fail(400, "control character in start line")
	}
	if len(s) >= 4 && equalFold(s[:4], "SIP/") {
		return p.statusLine(s)
	}
	m.request = true
	p.requestLine(s)
	return true
}

func (p *parser) statusLine(s string) bool {
	m := p.m
	version, rest, _ := strings.Cut(s, " ")
	if !equalFold(version, "SIP/2.0") {
		p.fail(505, "unknown SIP version")
		return false
	}
	code, phrase, _ := strings.Cut(rest, " ")
	n, ok := number(code, 699)
	if !ok || len(code) != 3 || n < 100 {
		p.fail(400, "malformed status code")
		return false
	}
	m.status = int16(n)
	m.phrase = m.spanOf(trim(phrase))
	return true
}

// requestLine is strict about blanks and the Request-URI: what one element forgives
// the next one may read differently (RFC 4475 sections 3.1.2.7 to 3.1.2.11).
func (p *parser) requestLine(s string) {
	m := p.m
	i, j := strings.IndexByte(s, ' '), strings.LastIndexByte(s, ' ')
	if i <= 0 || i == j {
		p.fail(400, "malformed request line")
		method, _, _ := strings.Cut(s, " ")
		p.method(method)
		return
	}
	p.method(s[:i])
	m.uri = m.spanOf(s[i+1 : j])
	version := s[j+1:]
	switch {
	case version == "SIP/2.0" || equalFold(version, "SIP/2.0"):
	case len(version) > 4 && equalFold(version[:4], "SIP/"):
		p.fail(505, "unknown SIP version")
	default:
		p.fail(400, "malformed request line")
	}
	u, err := ParseURI(m.URI())
	if err != nil {
		p.fail(400, "malformed Request-URI")
	} else if u.Headers != "" && u.Host != "" {
		p.fail(400, "Request-URI with headers")
	}
}

func (p *parser) method(s string) {
	p.m.methodAt = p.m.spanOf(s)
	p.m.method = internMethod(s)
	if !isClass(s, classToken) {
		p.fail(400, "malformed method")
	}
}

// headers notes the offsets of all header lines and finds the body.
func (p *parser) headers() {
	m := p.m
	raw := m.raw
	for {
		pos := p.pos
		switch {
		case pos < len(raw) && raw[pos] == '\n':
			p.pos++
			return
		case pos+1 < len(raw) && raw[pos] == '\r' && raw[pos+1] == '\n':
			p.pos += 2
			return
		}
		end := p.logicalLine()
		if end < 0 {
			p.cut = true
			p.fail(400, "header does not end")
			return
		}
		if len(m.lines) == MaxHeaders {
			p.cut = true
			p.fail(400, "too many header lines")
			return
		}
		p.headerLine(pos, end)
	}
}

// logicalLine finds the end of the line at p.pos, joins folded lines to it, and moves
// behind it. It returns -1 when the line does not end.
func (p *parser) logicalLine() int {
	raw := p.m.raw
	start := p.pos
	for {
		n := bytes.IndexByte(raw[p.pos:], '\n')
		if n < 0 {
			return -1
		}
		end := p.pos + n
		p.pos = end + 1
		cr := end > start && raw[end-1] == '\r'
		if p.pos >= len(raw) || raw[p.pos] != ' ' && raw[p.pos] != '\t' {
			if cr {
				end--
			}
			return end
		}
		raw[end] = ' '
		if cr {
			raw[end-1] = ' '
		}
	}
}

func (p *parser) headerLine(pos, end int) {
	m := p.m
	s := m.text[pos:end]
	if !cleanText(m.raw[pos:end]) {
		p.fail(400, "control character in header")
		return // it must not stand in the refusal
	}
	colon := strings.IndexByte(s, ':')
	if colon < 0 {
		p.fail(400, "header line without colon")
		return
	}
	nameEnd := colon
	for nameEnd > 0 && (s[nameEnd-1] == ' ' || s[nameEnd-1] == '\t') {
		nameEnd--
	}
	val, valEnd := colon+1, len(s)
	for val < valEnd && (s[val] == ' ' || s[val] == '\t') {
		val++
	}
	for valEnd > val && (s[valEnd-1] == ' ' || s[valEnd-1] == '\t') {
		valEnd--
	}
	if nameEnd > maxName || valEnd-val > maxValue {
		p.fail(400, "header line too long")
		return
	}
	id := Lookup(s[:nameEnd])
	if id == HOther && !isClass(s[:nameEnd], classToken) {
		p.fail(400, "malformed header name")
		return
	}
	m.lines = append(m.lines, line{
		name: uint16(pos), nameEnd: uint16(pos + nameEnd),
		val: uint16(pos + val), valEnd: uint16(pos + valEnd), id: id,
	})
	switch {
	case id == HOther:
	case m.first[id] == 0:
		m.first[id] = uint16(len(m.lines))
	case single[id]:
		p.fail(400, "more than one "+headerNames[id])
	}
}

// fields extracts what every reader of the message needs.
func (p *parser) fields() {
	m := p.m
	p.via()
	p.cseq()
	for _, f := range [...]struct {
		id ID
		at *addrAt
	}{{HFrom, &m.from}, {HTo, &m.to}} {
		s := m.Header(f.id)
		display, uri, params, ok := splitAddr(s)
		if !ok {
			p.fail(400, "missing or malformed "+headerNames[f.id])
			continue
		}
		*f.at = addrAt{m.spanOf(display), m.spanOf(uri), m.spanOf(params), m.spanOf(rawParam(params, "tag"))}
	}
	callID := m.Header(HCallID)
	if callID == "" || strings.IndexByte(callID, ' ') >= 0 || strings.IndexByte(callID, '\t') >= 0 {
		p.fail(400, "missing or malformed Call-ID")
	}
	m.callID = m.spanOf(callID)
	if m.Has(HMaxForwards) {
		n, ok := number(m.Header(HMaxForwards), 255)
		if !ok {
			p.fail(400, "malformed Max-Forwards")
		}
		m.maxForwards = int16(n)
	}
	if !m.request {
		return
	}
	for v := range m.Values(HContact) {
		if _, _, _, ok := splitAddr(v); !ok && v != "*" {
			p.fail(400, "malformed Contact")
			return
		}
	}
}

func (p *parser) via() {
	m := p.m
	s := m.Header(HVia)
	first, _ := nextValue(s)
	v, ok := parseVia(first)
	if !ok {
		p.fail(400, "missing or malformed Via")
		return
	}
	p.usableVia = true
	m.viaValue, m.viaHost = m.spanOf(first), m.spanOf(v.Host)
	m.viaProt, m.viaParams = m.spanOf(v.Transport), m.spanOf(v.Params)
	m.viaPort = uint16(v.Port)
	if len(first) > 0 && first[len(first)-1] == ';' {
		p.fail(400, "empty Via parameter")
	}
	for rest := v.Params; rest != ""; {
		var name, value string
		name, value, rest = nextParam(rest)
		switch {
		case name == "":
			p.fail(400, "empty Via parameter")
		case m.branch.end == 0 && equalFold(name, "branch"):
			m.branch = m.spanOf(stripQuotes(value))
		}
	}
	if b := m.Branch(); len(b) == len(branchCookie) && equalFold(b, branchCookie) {
		p.fail(400, "Via branch names no transaction")
	}
}

// branchCookie begins every branch that is unique as RFC 3261 section 8.1.1.7 asks.
const branchCookie = "z9hG4bK"

func (p *parser) cseq() {
	m := p.m
	s := m.Header(HCSeq)
	i := 0
	for i < len(s) && s[i] != ' ' && s[i] != '\t' {
		i++
	}
	n, ok := number(s[:i], maxCSeq)
	method := trim(s[i:])
	if !ok || !isClass(method, classToken) {
		p.fail(400, "missing or malformed CSeq")
		return
	}
	m.cseq = uint32(n)
	if !m.request {
		m.methodAt = m.spanOf(method)
		m.method = internMethod(method)
	} else if Method(method) != m.method {
		p.fail(400, "CSeq names another method")
	}
}

// finish sets the body by Content-Length.
func (p *parser) finish() {
	m := p.m
	end := len(m.raw)
	if p.cut {
		p.pos = end
	}
	if m.Has(HContentLength) {
		n, ok := number(m.Header(HContentLength), MaxSize)
		switch {
		case !ok:
			p.fail(400, "malformed Content-Length")
		case p.pos+int(n) > end:
			p.fail(400, "Content-Length beyond the message")
		default:
			end = p.pos + int(n)
		}
	}
	m.raw, m.text = m.raw[:end], m.text[:end]
	m.body = span{uint16(p.pos), uint16(end)}
}

// cleanText reports whether b is free of control characters other than tabs. A control
// character is allowed as a quoted pair (RFC 3261 section 25.1); CR and LF never are.
func cleanText(b []byte) bool {
	if len(b) < 8 {
		return cleanBytes(b, 0, len(b))
	}
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for i := 0; ; i += 8 {
		last := i+8 >= len(b)
		if last {
			i = len(b) - 8 // overlaps what was seen
		}
		x := binary.LittleEndian.Uint64(b[i:])
		del := x ^ 0x7f*ones
		if ((x-0x20*ones)&^x|(del-ones)&^del)&highs != 0 && !cleanBytes(b, i, i+8) {
			return false
		}
		if last {
			return true
		}
	}
}

func cleanBytes(b []byte, from, to int) bool {
	for i := from; i < to; i++ {
		c := b[i]
		if c >= 0x20 && c != 0x7f || c == '\t' {
			continue
		}
		if c == '\r' || c == '\n' || i == 0 || b[i-1] != '\\' {
			return false
		}
	}
	return true
}
