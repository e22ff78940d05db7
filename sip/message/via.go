package message

import (
	"net/netip"
	"strconv"
	"strings"
)

// Via is one Via value (RFC 3261 section 20.42).
type Via struct {
	Transport string // upper case: UDP, TCP, TLS, WS, WSS
	Host      string // without brackets for IPv6
	Port      int    // 0 when absent
	Params    string
}

// Branch is the parameter "branch", "" if absent.
func (v Via) Branch() string {
	b, _ := Param(v.Params, "branch")
	return b
}

// Param finds a Via parameter by name.
func (v Via) Param(name string) (value string, ok bool) { return Param(v.Params, name) }

// ParseVia reads one Via value, such as Values(HVia) yields.
func ParseVia(s string) (Via, bool) {
	v, ok := parseVia(trim(s))
	v.Transport = upperTransport(v.Transport)
	return v, ok
}

// parseVia reads a Via into views; Transport is as written. White space may surround
// every separator.
func parseVia(s string) (v Via, ok bool) {
	const usual = "SIP/2.0/"
	if strings.HasPrefix(s, usual) {
		s = s[len(usual):]
	} else {
		name, rest, ok1 := strings.Cut(s, "/")
		version, rest, ok2 := strings.Cut(rest, "/")
		if !ok1 || !ok2 || !equalFold(trim(name), "SIP") || !isClass(trim(version), classToken) {
			return v, false
		}
		s = rest
	}
	s = trim(s)
	i := 0
	for i < len(s) && class[s[i]]&classToken != 0 {
		i++
	}
	v.Transport = s[:i]
	if i == 0 || i == len(s) || s[i] != ' ' && s[i] != '\t' {
		return v, false
	}
	s = s[i:]
	if semi := strings.IndexByte(s, ';'); semi >= 0 {
		v.Params = trim(s[semi+1:])
		s = s[:semi]
	}
	v.Host, v.Port, ok = splitHostPort(trim(s))
	return v, ok && closedQuotes(v.Params)
}

func upperTransport(s string) string {
	for _, known := range [...]string{"UDP", "TCP", "TLS", "WS", "WSS", "SCTP"} {
		if s == known || equalFold(s, known) {
			return known
		}
	}
	return strings.ToUpper(s)
}

// SetReceived notes in the topmost Via of a request where it came from: received when the
// sender's host is not addr (RFC 3261 section 18.2.1), and rport with received when the
// sender asked for it (RFC 3581 section 4). What the sender itself wrote as received is
// removed. Only the transport calls it, before anyone else has seen m: all views taken
// before are void. It costs one copy unless m comes from ParseCopy or nothing changes.
func (m *Message) SetReceived(addr netip.Addr, port uint16) {
	if !m.request || m.viaHost.end == 0 {
		return
	}
	addr = addr.Unmap()
	via := m.Via()
	_, forged := via.Param("received")
	_, rport := via.Param("rport")
	host, err := netip.ParseAddr(via.Host)
	same := err == nil && host.Unmap() == addr
	if same && !rport && !forged {
		return
	}
	old := m.viaParams
	if old.end == 0 {
		old = span{m.viaValue.end, m.viaValue.end}
	}
	var buf [256]byte
	params := buf[:0]
	if old.off == m.viaValue.end {
		params = append(params, ';')
	}
	for rest := m.str(old); rest != ""; {
		before := rest
		var name string
		name, _, rest = nextParam(rest)
		if name == "" || equalFold(name, "received") || equalFold(name, "rport") {
			continue
		}
		params = append(params, before[:len(before)-len(rest)]...)
		if rest == "" {
			params = append(params, ';')
		}
	}
	params = append(params, "received="...)
	params = addr.WithZone("").AppendTo(params)
	if rport {
		params = append(params, ";rport="...)
		params = strconv.AppendUint(params, uint64(port), 10)
	}
	m.replaceVia(old, params)
}

// replaceVia puts new parameters in place of the old ones of the topmost Via, and moves
// all offsets behind them. A message that cannot grow by that much keeps the sender's.
func (m *Message) replaceVia(old span, params []byte) {
	delta := len(params) - int(old.end-old.off)
	size := len(m.raw) + delta
	if size > MaxSize {
		return
	}
	tail := m.raw[old.end:]
	raw := m.raw[:old.off]
	if m.room && size <= cap(m.raw) {
		raw = raw[:size]
	} else {
		raw = append(make([]byte, 0, size), raw...)[:size]
	}
	copy(raw[int(old.end)+delta:], tail)
	copy(raw[old.off:], params)

	move := func(o *uint16) {
		if *o >= old.end {
			*o = uint16(int(*o) + delta)
		}
	}
	for i := range m.lines {
		l := &m.lines[i]
		move(&l.name)
		move(&l.nameEnd)
		move(&l.val)
		move(&l.valEnd)
	}
	for _, s := range [...]*span{
		&m.methodAt, &m.callID, &m.body, &m.viaValue,
		&m.from.display, &m.from.uri, &m.from.params, &m.from.tag,
		&m.to.display, &m.to.uri, &m.to.params, &m.to.tag,
	} {
		move(&s.off)
		move(&s.end)
	}
	m.raw, m.text = raw, view(raw)
	m.viaParams = span{old.off, uint16(int(old.end) + delta)}
	if m.text[old.off] == ';' {
		m.viaParams.off++
	}
	m.method = internMethod(m.str(m.methodAt))
	m.branch = m.spanOf(rawParam(m.str(m.viaParams), "branch"))
}

// rawParam is Param without resolving quoted pairs, so the result is a view.
func rawParam(params, name string) string {
	for params != "" {
		var n, v string
		n, v, params = nextParam(params)
		if equalFold(n, name) {
			return stripQuotes(v)
		}
	}
	return ""
}

func stripQuotes(s string) string {
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		return s[1 : len(s)-1]
	}
	return s
}
