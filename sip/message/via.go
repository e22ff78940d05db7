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
// before are of the old bytes. It costs one copy, and nothing when nothing changes.
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
	// The new value is the old one up to its parameters, those that stay, and ours.
	old := m.viaParams
	if old.end == 0 {
		old = span{m.viaValue.end, m.viaValue.end}
	}
	raw := make([]byte, 0, len(m.raw)+64)
	raw = append(raw, m.raw[:old.off]...)
	if old.off == m.viaValue.end {
		raw = append(raw, ';')
	}
	for rest := m.str(old); rest != ""; {
		before := rest
		var name string
		name, _, rest = nextParam(rest)
		if name == "" || equalFold(name, "received") || equalFold(name, "rport") {
			continue
		}
		kept := before[:len(before)-len(rest)]
		if rest == "" {
			kept += ";"
		}
		raw = append(raw, kept...)
	}
	raw = append(raw, "received="...)
	raw = addr.WithZone("").AppendTo(raw)
	raw = append(raw, ';')
	if rport {
		raw = append(raw, "rport="...)
		raw = strconv.AppendUint(raw, uint64(port), 10)
		raw = append(raw, ';')
	}
	raw = raw[:len(raw)-1] // the last ";"
	newEnd := len(raw)
	raw = append(raw, m.raw[old.end:]...)
	m.replaceRaw(raw, old, newEnd)
}

// replaceRaw puts new bytes in place that differ from the old ones in the parameters of
// the topmost Via only, and moves all offsets behind them.
func (m *Message) replaceRaw(raw []byte, old span, newEnd int) {
	delta := newEnd - int(old.end)
	if len(raw) > MaxSize {
		return // cannot be addressed; the sender's own Via stands
	}
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
	m.raw = raw
	m.text = view(raw)
	m.viaParams = span{old.off, uint16(newEnd)}
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
