package dialog

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// maxForwards is the Max-Forwards of requests inside a dialog.
const maxForwards = 70

// maxRoutes bounds a route set; what is longer is a loop or an attack.
const maxRoutes = 16

// Dialog is one side of a dialog (RFC 3261 section 12). A UAC makes it before it
// sends its INVITE and completes it with Establish; a copy made before that serves
// another early dialog of the same INVITE.
type Dialog struct {
	CallID    string
	LocalTag  string
	RemoteTag string // "" until established
	// From and To are those values of requests that we send, tags included.
	From, To string
	// Contact is our Contact value.
	Contact string
	// Target is the remote target: the Request-URI of requests that we send.
	Target string
	// Routes is the route set in the order in which we send it.
	Routes []string
	// Flow is the way to the peer.
	Flow *transport.Flow
	// Kept says that the flow leads to the peer whatever the route set says.
	Kept bool
	// LocalSeq is the CSeq of our last request, InviteSeq that of our last INVITE,
	// which ACK and CANCEL repeat.
	LocalSeq, InviteSeq uint32
	// RemoteSeq is the highest CSeq seen from the peer, if one was (RFC 3261 section 12.2.2).
	RemoteSeq uint32
	heard     bool
	// Owner says that we made the Call-ID.
	Owner bool
	// Secure says that our Contact is a sips URI, since the request that made the dialog asked for that (RFC 3261 sections 8.1.1.8
	// and 12.1.1): what the peer sends, and what we send, takes TLS on every hop.
	Secure bool
}

// NewUAC begins a dialog with an INVITE that we are about to send. from is our
// identity as name-addr without tag, to the callee's, target the Request-URI, user that of our Contact, routes
// what the request itself is to carry.
func NewUAC(flow *transport.Flow, callID, tag, from, to, target, user string, routes []string) Dialog {
	d := Dialog{
		CallID: callID, LocalTag: tag, From: from + ";tag=" + tag, To: to,
		Target: target, Routes: routes, Owner: true, Secure: message.Secure(target),
	}
	if len(routes) > 0 && !d.Secure {
		a, err := message.ParseAddr(routes[0])
		d.Secure = err == nil && message.Secure(a.URI)
	}
	d.Use(flow, user)
	return d
}

// Use takes a flow for the dialog, and shows our address there.
func (d *Dialog) Use(flow *transport.Flow, user string) {
	d.Flow, d.Contact = flow, ContactOn(flow, user, d.Secure)
}

// NewUAS begins a dialog with an INVITE that we have received. Everything kept is
// copied out of the message.
func NewUAS(flow *transport.Flow, req *message.Message, tag, user string) Dialog {
	d := Dialog{
		CallID: strings.Clone(req.CallID()), LocalTag: tag, RemoteTag: strings.Clone(req.FromTag()),
		From: req.Header(message.HTo) + ";tag=" + tag, To: strings.Clone(req.Header(message.HFrom)),
		RemoteSeq: req.CSeq(), heard: true,
	}
	for r := range req.Values(message.HRecordRoute) {
		if len(d.Routes) < maxRoutes {
			d.Routes = append(d.Routes, strings.Clone(r))
		}
	}
	d.Refresh(req)
	d.Secure = message.Secure(req.URI())
	if next, ok := d.NextURI(); ok && !d.Secure {
		d.Secure = message.Secure(next)
	}
	d.Use(flow, user)
	return d
}

// Another is the beginning of another early dialog of the same INVITE, to be completed with Establish.
func (d *Dialog) Another() Dialog {
	n := *d
	n.LocalSeq, n.RemoteSeq, n.heard = d.InviteSeq, 0, false
	return n
}

// Establish takes tag, target and route set from a response to our INVITE (101-199
// with a To tag, or 2xx).
func (d *Dialog) Establish(res *message.Message) {
	if to := res.Header(message.HTo); to != d.To { // else it is known from a provisional response
		d.RemoteTag, d.To = strings.Clone(res.ToTag()), strings.Clone(to)
	}
	d.Routes = nil
	for r := range res.Values(message.HRecordRoute) {
		if len(d.Routes) < maxRoutes {
			d.Routes = append(d.Routes, strings.Clone(r))
		}
	}
	for i, j := 0, len(d.Routes)-1; i < j; i, j = i+1, j-1 {
		d.Routes[i], d.Routes[j] = d.Routes[j], d.Routes[i]
	}
	d.Refresh(res)
}

// Refresh takes the remote target from a target refresh request or its 2xx.
func (d *Dialog) Refresh(m *message.Message) {
	if c, ok := m.Contact(); ok && c.URI != "" && c.URI != d.Target {
		d.Target = strings.Clone(c.URI)
	}
}

// Matches reports whether an in-dialog request belongs to this dialog.
func (d *Dialog) Matches(req *message.Message) bool {
	return d.RemoteTag == req.FromTag() && d.LocalTag == req.ToTag()
}

// InOrder notes the CSeq of a request of the peer other than ACK and CANCEL. It is false when the
// number is not higher than the last one; the request is then to be refused with 500 (RFC 3261
// section 12.2.2).
func (d *Dialog) InOrder(req *message.Message) bool {
	if n := req.CSeq(); n > d.RemoteSeq || !d.heard {
		d.RemoteSeq, d.heard = n, true
		return true
	}
	return false
}

// Request starts the next request inside the dialog: request line, Via with the
// branch, Max-Forwards, Route, From, To, Call-ID and CSeq. It is not for ACK and CANCEL.
func (d *Dialog) Request(m message.Method, branch string) *message.Builder {
	d.LocalSeq++
	if m == message.INVITE {
		d.InviteSeq = d.LocalSeq
	}
	return d.build(m, d.LocalSeq, branch, maxForwards)
}

// First starts the INVITE that opens the dialog; forwards is its Max-Forwards.
func (d *Dialog) First(branch string, forwards int) *message.Builder {
	d.LocalSeq++
	d.InviteSeq = d.LocalSeq
	return d.build(message.INVITE, d.LocalSeq, branch, forwards)
}

// Ack starts the ACK for the 2xx to our last INVITE. The branch is new (RFC 3261 section 13.2.2.4).
func (d *Dialog) Ack(branch string) *message.Builder {
	return d.build(message.ACK, d.InviteSeq, branch, maxForwards)
}

func (d *Dialog) build(m message.Method, seq uint32, branch string, forwards int) *message.Builder {
	uri, strict := d.Target, false
	if len(d.Routes) > 0 && !loose(d.Routes[0]) {
		// A strict router wants itself in the Request-URI and the target at the end (RFC 3261 section 12.2.1.1).
		if a, err := message.ParseAddr(d.Routes[0]); err == nil {
			uri, strict = a.URI, true
		}
	}
	b := message.NewRequest(m, uri)
	b.Add("Via", Via(d.Flow, branch))
	b.AddInt("Max-Forwards", forwards)
	for i, r := range d.Routes {
		if i > 0 || !strict {
			b.Add("Route", r)
		}
	}
	if strict {
		b.Add("Route", "<"+d.Target+">")
	}
	b.Add("From", d.From)
	b.Add("To", d.To)
	b.Add("Call-ID", d.CallID)
	b.Add("CSeq", cseq(seq, m))
	return b
}

func loose(route string) bool {
	a, err := message.ParseAddr(route)
	if err != nil {
		return true
	}
	u, err := message.ParseURI(a.URI)
	if err != nil {
		return true
	}
	_, lr := message.Param(u.Params, "lr")
	return lr
}

func cseq(n uint32, m message.Method) string {
	var buf [32]byte
	b := strconv.AppendUint(buf[:0], uint64(n), 10)
	b = append(b, ' ')
	return string(append(b, m...))
}

// Via is the Via value of a request sent on the flow.
func Via(f *transport.Flow, branch string) string {
	var buf [160]byte
	b := append(buf[:0], "SIP/2.0/"...)
	b = append(b, f.Proto()...)
	b = append(b, ' ')
	b = f.Local().AppendTo(b)
	b = append(b, ";branch="...)
	b = append(b, branch...)
	return string(append(b, ";rport"...))
}

// ContactOn is our Contact value on the flow: user at our address there. A sips URI says nothing more of TLS (RFC 5630 section
// 5.1.2).
func ContactOn(f *transport.Flow, user string, secure bool) string {
	var buf [160]byte
	b := append(buf[:0], "<sip"...)
	if secure {
		b = append(b, 's')
	}
	b = append(b, ':')
	b = append(b, user...)
	b = append(b, '@')
	b = f.Local().AppendTo(b)
	if t := f.Proto().URIParam(); t != "" && !(secure && f.Proto() == transport.TLS) {
		b = append(b, ";transport="...)
		b = append(b, t...)
	}
	return string(append(b, '>'))
}

// NextURI says where requests go when the flow has ended: the first route or the remote target (RFC 3261 section
// 12.2.1.1; a strict router, too, is sent what is for it). In a secure dialog that is a sips URI, whatever the peer said.
func (d *Dialog) NextURI() (string, bool) {
	uri := d.Target
	if len(d.Routes) > 0 {
		a, err := message.ParseAddr(d.Routes[0])
		if err != nil {
			return "", false
		}
		uri = a.URI
	}
	if d.Secure && len(uri) > 4 && strings.EqualFold(uri[:4], "sip:") {
		uri = "sips" + uri[3:]
	}
	return uri, uri != ""
}

// NextHop is NextURI as far as it names an address. It is false when it names a host or
// something that is not for us to reach.
func (d *Dialog) NextHop() (transport.Target, bool) {
	uri, ok := d.NextURI()
	if !ok {
		return transport.Target{}, false
	}
	return TargetOf(uri)
}

// TargetOf reads proto and address from a SIP URI whose host is an IP address.
func TargetOf(uri string) (transport.Target, bool) {
	u, err := message.ParseURI(uri)
	if err != nil || u.Scheme != "sip" && u.Scheme != "sips" {
		return transport.Target{}, false
	}
	host := u.Host
	if m, ok := message.Param(u.Params, "maddr"); ok {
		host = strings.Trim(m, "[]")
	}
	addr, err := netip.ParseAddr(host)
	if err != nil || addr.IsUnspecified() || addr.IsMulticast() {
		return transport.Target{}, false
	}
	port, t := u.Port, transport.Target{Proto: transport.UDP}
	p, named := message.Param(u.Params, "transport")
	if named {
		switch t.Proto = transport.Proto(strings.ToUpper(p)); t.Proto {
		case transport.UDP, transport.TCP, transport.TLS:
		default:
			return transport.Target{}, false // WebSocket clients cannot be dialled
		}
	}
	if u.Scheme == "sips" { // RFC 3261 section 26.2.2
		if named && t.Proto == transport.UDP {
			return transport.Target{}, false
		}
		t.Proto = transport.TLS
	}
	switch {
	case port == 0 && t.Proto == transport.TLS:
		port = 5061
	case port == 0:
		port = 5060
	}
	t.Addr = netip.AddrPortFrom(addr.Unmap(), uint16(port))
	return t, true
}
